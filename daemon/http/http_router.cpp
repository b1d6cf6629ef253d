// SPDX-License-Identifier: Apache-2.0
// cpp-httplib routes and writes; it is given no socket and no byte of a client's. Its own reading
// would decompress bodies, decode fields and take framing that http_parser refuses.
#include "daemon/http/http_router.h"

#include "core/rfc3339.h"
#include "core/text.h"
#include "daemon/http/http_problem.h"
#include "daemon/http/rpc_bridge.h"
#include "ipc/json.h"
#include "ipc/messages.h"
#include "ipc/rpc.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <httplib.h>

namespace taskd::daemon {
namespace {

using httplib::Response;
using nlohmann::json;

// A long poll of the greatest length, and the turn that answers it.
constexpr std::chrono::milliseconds rpc_patience{ipc::wait_ms_max + 5'000};
constexpr const char* retry_after_seconds = "1";
constexpr const char* json_type = "application/json";

struct Route {
    std::string_view path;
    std::string_view method;  ///< GET also stands for HEAD
};
constexpr std::array<Route, 6> routes{{{"/health", "GET"},
                                       {"/health/live", "GET"},
                                       {"/health/ready", "GET"},
                                       {"/healthz", "GET"},
                                       {"/metrics", "GET"},
                                       {"/v1/rpc", "POST"}}};

const Route* find_route(std::string_view path) {
    const auto found = std::find_if(routes.begin(), routes.end(),
                                    [&](const Route& route) { return route.path == path; });
    return found == routes.end() ? nullptr : &*found;
}

/// A request line from memory in, a response into memory out.
class MemoryStream : public httplib::Stream {
public:
    explicit MemoryStream(std::string input) : input_(std::move(input)) {}

    [[nodiscard]] bool is_readable() const override { return true; }
    [[nodiscard]] bool is_writable() const override { return true; }
    ssize_t read(char* into, size_t size) override {
        const auto count = input_.copy(into, size, read_);
        read_ += count;
        return static_cast<ssize_t>(count);
    }
    ssize_t write(const char* from, size_t size) override {
        output.append(from, size);
        return static_cast<ssize_t>(size);
    }
    void get_remote_ip_and_port(std::string&, int&) const override {}
    void get_local_ip_and_port(std::string&, int&) const override {}
    [[nodiscard]] socket_t socket() const override { return -1; }

    std::string output;

private:
    std::string input_;
    std::size_t read_ = 0;
};

/// One of the places of calls to the loop, given back however the call ends.
class CallSlot {
public:
    CallSlot(HttpServices& services, const core::UserId& user) : services_(services), user_(user) {
        const std::lock_guard lock(services_.rpc_mutex);
        const auto mine = services_.rpc_of_user.find(user_);
        const std::size_t of_user = mine == services_.rpc_of_user.end() ? 0 : mine->second;
        taken_ = services_.rpc_running < services_.rpc_max && of_user < services_.rpc_of_user_max;
        if (!taken_) return;
        ++services_.rpc_running;
        services_.rpc_of_user[user_] = of_user + 1;
    }
    CallSlot(const CallSlot&) = delete;
    CallSlot& operator=(const CallSlot&) = delete;
    ~CallSlot() {
        if (!taken_) return;
        const std::lock_guard lock(services_.rpc_mutex);
        --services_.rpc_running;
        const auto mine = services_.rpc_of_user.find(user_);
        if (--mine->second == 0) services_.rpc_of_user.erase(mine);
    }

    [[nodiscard]] bool taken() const { return taken_; }

private:
    HttpServices& services_;
    core::UserId user_;
    bool taken_ = false;
};

bool is_json(const HttpRequest& request) {
    const auto* type = request.field("content-type");
    if (type == nullptr || request.count("content-type") > 1) return false;
    return core::to_lower(core::trim(type->substr(0, type->find(';')))) == json_type;
}

/// The status for a reply. A batch is 200 whatever is in it. Replies are written with sorted
/// members, so one that reports an error begins with it, and a large result isn't read again.
int status_of(const std::string& reply, bool store_fails) {
    constexpr std::string_view error_first = "{\"error\":";
    if (reply.compare(0, error_first.size(), error_first) != 0) return 200;
    const auto result = ipc::parse_reply(reply);
    if (result) return 200;
    const auto reason = result.error().reason;
    if (reason == core::Reason::resource_exhausted && store_fails) return 507;
    return http_status(reason);
}

class Router : private httplib::Server {
public:
    explicit Router(HttpServices& services)
        : services_(services), loop_(services.context, services.aborting) {
        set_pre_routing_handler([this](const httplib::Request&, Response& response) {
            return gate(response) ? HandlerResponse::Unhandled : HandlerResponse::Handled;
        });
        set_post_routing_handler([this](const httplib::Request&, Response& response) {
            // Asked for again here: a stop may have begun while the call was under way.
            close_ = !job_->request.keep_alive || services_.pulse.is_stopping();
            if (close_) response.set_header("Connection", "close");
            response.headers.erase("Keep-Alive");     // the times are in taskd-protocol(7)
            response.headers.erase("Accept-Ranges");  // there are none
            if (response.status == 204) response.headers.erase("Content-Length");
            response.set_header("Date", http_date());
            response.set_header("Cache-Control", "no-store");
            response.set_header("X-Content-Type-Options", "nosniff");
        });
        const auto get = [this](const char* path, void (Router::*run)(Response&)) {
            Get(path, [this, run](const httplib::Request&, Response& response) {
                (this->*run)(response);
            });
        };
        get("/health", &Router::health);
        get("/health/live", &Router::live);
        get("/health/ready", &Router::ready);
        get("/healthz", &Router::healthz);
        get("/metrics", &Router::metrics);
        Post("/v1/rpc", [this](const httplib::Request&, Response& response) { rpc(response); });
    }

    HttpAnswer answer(const HttpJob& job) {
        job_ = &job;
        const HttpRequest& request = job.request;
        const Route* route = find_route(request.path());
        // Unknown paths are refused by the gate; their text never gets here.
        MemoryStream stream(request.method + " " + (route ? std::string(route->path) : "/") +
                            " HTTP/1.1\r\nContent-Length: 0\r\n\r\n");
        bool closed = false;
        process_request(stream, false, closed, [](httplib::Request&) {});
        constexpr std::size_t status_at = 9;  // behind "HTTP/1.1 "
        services_.metrics.http(route ? route->path : "other",
                               std::atoi(stream.output.substr(status_at, 3).c_str()));
        return {std::move(stream.output), close_};
    }

private:
    void refuse(Response& response, const HttpRefusal& refusal) {
        response.status = refusal.status;
        for (const auto& [name, value] : refusal.fields) response.set_header(name, value);
        response.set_content(problem_json(refusal), "application/problem+json");
    }

    /// Whether the request goes on to its route.
    bool gate(Response& response) {
        const HttpRequest& request = job_->request;
        if (const auto admitted = services_.access.admit(*job_); !admitted) {
            refuse(response, admitted.error());
            return false;
        }
        const Route* route = find_route(request.path());
        if (route == nullptr) {
            refuse(response, {404, "there is no such path; see taskd-protocol(7)", {}});
            return false;
        }
        if (request.method == route->method || (request.method == "HEAD" && route->method == "GET"))
            return true;
        const std::string allowed = route->method == "GET" ? "GET, HEAD" : "POST";
        refuse(response, {405, "use " + allowed, {{"Allow", allowed}}});
        return false;
    }

    void health(Response& response) {
        response.set_content(json{{"status", "healthy"},
                                  {"service", "taskd"},
                                  {"timestamp", core::format_utc(services_.clock.now())}}
                                 .dump(),
                             json_type);
    }

    void live(Response& response) { response.set_content(R"({"status":"alive"})", json_type); }

    void ready(Response& response) {
        const auto why = services_.pulse.not_ready(services_.clock.monotonic());
        if (why.empty()) return response.set_content(R"({"status":"ready"})", json_type);
        response.status = 503;
        response.set_content(json{{"status", "not ready"}, {"error", why}}.dump(), json_type);
    }

    void healthz(Response& response) {
        const bool is_ready = services_.pulse.not_ready(services_.clock.monotonic()).empty();
        response.status = is_ready ? 200 : 503;
        response.set_content(is_ready ? "ok\n" : "not ready\n", "text/plain");
    }

    void metrics(Response& response) {
        if (const auto allowed = services_.access.may_read_metrics(*job_); !allowed)
            return refuse(response, allowed.error());
        response.set_content(services_.metrics.text(), "text/plain; version=0.0.4; charset=utf-8");
    }

    void rpc(Response& response) {
        const auto caller = services_.access.identify(*job_);
        if (!caller) return refuse(response, caller.error());
        if (!is_json(job_->request))
            return refuse(
                response,
                {415, "Content-Type: use application/json", {{"Accept-Post", json_type}}});
        if (services_.pulse.is_stopping())
            return refuse(response,
                          {503, "taskd is stopping", {{"Retry-After", retry_after_seconds}}});
        const CallSlot slot(services_, caller->user);
        if (!slot.taken())
            return refuse(response, {503,
                                     "as many calls as there can be at once are running",
                                     {{"Retry-After", retry_after_seconds}}});
        services_.pulse.asked(services_.clock.monotonic());
        const auto reply = loop_.call(*caller, job_->request.body, rpc_patience);
        if (!reply)
            return refuse(response, {504,
                                     "no reply in time; the call may have been accepted: repeat it "
                                     "with the same idempotency_key",
                                     {}});
        if (reply->empty()) {
            response.status = 204;  // notifications only, and what they did is on disk
            return;
        }
        response.status = status_of(*reply, services_.pulse.store_fails());
        response.set_content(*reply, json_type);
    }

    HttpServices& services_;
    RpcCaller loop_;
    const HttpJob* job_ = nullptr;
    bool close_ = false;
};

}  // namespace

HttpHandler make_http_handler(HttpServices& services) {
    auto router = std::make_shared<Router>(services);
    return [router](const HttpJob& job) { return router->answer(job); };
}

}  // namespace taskd::daemon
