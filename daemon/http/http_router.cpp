// SPDX-License-Identifier: Apache-2.0
// cpp-httplib routes and writes; it is given no socket and no byte of a client's. Its own reading
// would decompress bodies, decode fields and take framing that http_parser refuses.
#include "daemon/http/http_router.h"

#include "core/rfc3339.h"
#include "core/text.h"
#include "daemon/http/backend_routes.h"
#include "daemon/http/dapr_routes.h"
#include "daemon/http/event_routes.h"
#include "daemon/http/http_calls.h"
#include "daemon/http/http_problem.h"
#include "ipc/rpc.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <httplib.h>

namespace taskd::daemon {
namespace {

using httplib::Response;
using nlohmann::json;

struct Route {
    std::string_view path;
    std::string_view methods;  ///< as Allow lists them
    bool for_pages = false;    ///< those of http.origins may read the answers (CORS)
    enum class Side { always, dapr, backend };
    Side side = Side::always;  ///< the others are there only where they are switched on

    [[nodiscard]] bool allows(const std::string& method) const {
        const auto words = core::split(methods, ',');
        return std::any_of(words.begin(), words.end(),
                           [&](const std::string& word) { return core::trim(word) == method; });
    }
};
constexpr const char* events_path = "/v1/events";
constexpr const char* tickets_path = "/v1/events/tickets";
constexpr const char* dapr_events_path = "/dapr/events";  // and what is below it
constexpr const char* task_events_path = "/api/events/task-events";
constexpr const char* tasks_path = "/api/tasks";
constexpr const char* reminder_sent_path = "/api/tasks/reminder-sent";  // with /{id} between
constexpr const char* users_path = "/api/users";                        // and /{id} behind it
constexpr std::array<Route, 15> routes{
    {{"/health", "GET, HEAD"},
     {"/health/live", "GET, HEAD"},
     {"/health/ready", "GET, HEAD"},
     {"/healthz", "GET, HEAD"},
     {"/metrics", "GET, HEAD"},
     {"/v1/rpc", "POST"},
     {events_path, "GET, HEAD, POST, OPTIONS", true},
     {tickets_path, "POST, OPTIONS", true},
     {"/dapr/config", "GET, HEAD", false, Route::Side::dapr},
     {"/dapr/subscribe", "GET, HEAD", false, Route::Side::dapr},
     {dapr_events_path, "POST", false, Route::Side::dapr},
     {task_events_path, "POST", false, Route::Side::dapr},
     {tasks_path, "GET, HEAD, POST", false, Route::Side::backend},
     {reminder_sent_path, "POST", false, Route::Side::backend},
     {users_path, "GET, HEAD", false, Route::Side::backend}}};

/// Whether `path` is `prefix`, one segment, and `suffix`.
bool has_segment(std::string_view path, std::string_view prefix, std::string_view suffix) {
    if (path.size() <= prefix.size() + suffix.size() || path.substr(0, prefix.size()) != prefix ||
        path.substr(path.size() - suffix.size()) != suffix)
        return false;
    const auto segment = path.substr(prefix.size(), path.size() - prefix.size() - suffix.size());
    return segment.find('/') == std::string_view::npos;
}

const Route* find_route(std::string_view path) {
    if (path == reminder_sent_path || path == users_path) return nullptr;
    if (has_segment(path, "/api/tasks/", "/reminder-sent"))
        path = reminder_sent_path;
    else if (has_segment(path, "/api/users/", ""))
        path = users_path;
    const std::string_view below = dapr_events_path;
    if (path.size() > below.size() + 1 && path.substr(0, below.size()) == below &&
        path[below.size()] == '/')
        path = below;
    else if (path == below)
        return nullptr;
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

bool is_json(const HttpRequest& request) {
    const auto* type = request.field("content-type");
    if (type == nullptr || request.count("content-type") > 1) return false;
    return core::to_lower(core::trim(type->substr(0, type->find(';')))) == json_type;
}

/// The error that a reply reports, if it is one. Replies are written with sorted members, so one
/// that reports an error begins with it, and a large result isn't read again.
std::optional<core::Error> error_of(const std::string& reply) {
    constexpr std::string_view error_first = "{\"error\":";
    if (reply.compare(0, error_first.size(), error_first) != 0) return {};
    const auto result = ipc::parse_reply(reply);
    if (result) return {};
    return result.error();
}

/// The head of an answer that goes on, and what it begins with. The connection is not kept: where
/// a client that reads slowly is cut, it would not know what came before.
std::string stream_head(const HttpRequest& request, const HttpReply& reply) {
    const bool is_chunked = request.minor_version > 0;
    std::string head = "HTTP/1.1 200 OK\r\nContent-Type: " + reply.type +
                       "\r\nConnection: close\r\nCache-Control: no-store"
                       "\r\nX-Accel-Buffering: no\r\nX-Content-Type-Options: nosniff\r\nDate: " +
                       http_date() + "\r\n";
    if (is_chunked) head += "Transfer-Encoding: chunked\r\n";
    for (const auto& [name, value] : cors_fields(request))
        head.append(name).append(": ").append(value).append("\r\n");
    return head + "\r\n" + event_stream_preface(is_chunked);
}

class Router : private httplib::Server {
public:
    explicit Router(HttpServices& services)
        : services_(services),
          calls_(services),
          events_(services, calls_),
          dapr_(services, calls_),
          backend_(services, calls_, dapr_) {
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
            const Route* route = find_route(job_->request.path());
            if (!is_admitted_ || route == nullptr || !route->for_pages) return;
            for (const auto& [name, value] : cors_fields(job_->request))
                response.set_header(name, value);
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
        const auto serve = [this](HttpResult (EventRoutes::*run)(const HttpJob&)) {
            return [this, run](const httplib::Request&, Response& response) {
                give(response, (events_.*run)(*job_));
            };
        };
        Get(events_path, serve(&EventRoutes::get));
        Post(events_path, serve(&EventRoutes::publish));
        Post(tickets_path, serve(&EventRoutes::make_ticket));
        const auto of_dapr = [this](HttpResult (DaprRoutes::*run)(const HttpJob&)) {
            return [this, run](const httplib::Request&, Response& response) {
                give(response, (dapr_.*run)(*job_));
            };
        };
        Get("/dapr/config", of_dapr(&DaprRoutes::config));
        Get("/dapr/subscribe", of_dapr(&DaprRoutes::subscribe));
        Post(dapr_events_path, of_dapr(&DaprRoutes::deliver));
        Post(task_events_path, of_dapr(&DaprRoutes::deliver));
        const auto of_backend = [this](HttpResult (BackendRoutes::*run)(const HttpJob&)) {
            return [this, run](const httplib::Request&, Response& response) {
                give(response, (backend_.*run)(*job_));
            };
        };
        Post(tasks_path, of_backend(&BackendRoutes::add_task));
        Get(tasks_path, of_backend(&BackendRoutes::list_tasks));
        Get(users_path, of_backend(&BackendRoutes::get_user));
        Post(reminder_sent_path, of_backend(&BackendRoutes::reminder_sent));
        for (const char* path : {events_path, tickets_path})
            Options(path,
                    [this](const httplib::Request&, Response& response) { preflight(response); });
    }

    HttpAnswer answer(const HttpJob& job) {
        job_ = &job;
        is_admitted_ = false;
        stream_ = {};
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
        // cpp-httplib would give it a length.
        if (stream_.stream) return {stream_head(request, stream_), true, std::move(stream_.stream)};
        return {std::move(stream.output), close_};
    }

private:
    void refuse(Response& response, const HttpRefusal& refusal) {
        response.status = refusal.status;
        for (const auto& [name, value] : refusal.fields) response.set_header(name, value);
        response.set_content(problem_json(refusal), "application/problem+json");
    }

    void give(Response& response, HttpResult result) {
        if (!result) return refuse(response, result.error());
        response.status = result->status;
        for (const auto& [name, value] : result->fields) response.set_header(name, value);
        response.set_content(result->body, result->type);
        if (result->stream) stream_ = std::move(*result);
    }

    /// Whether the request goes on to its route.
    bool gate(Response& response) {
        const HttpRequest& request = job_->request;
        if (const auto admitted = services_.access.admit(*job_); !admitted) {
            refuse(response, admitted.error());
            return false;
        }
        is_admitted_ = true;
        const Route* route = find_route(request.path());
        const bool is_off =
            route != nullptr && ((route->side == Route::Side::dapr && !services_.dapr.is_on()) ||
                                 (route->side == Route::Side::backend && !services_.dapr.backend));
        if (route == nullptr || is_off) {
            refuse(response, {404, "there is no such path; see taskd-protocol(7)", {}});
            return false;
        }
        if (route->allows(request.method)) return true;
        const std::string allowed(route->methods);
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
        json reasons = json::array();
        const auto why = services_.pulse.not_ready(services_.clock.monotonic());
        if (!why.empty()) reasons.push_back(why);
        // Not for /healthz: a sidecar that waits for its app must not find the app waiting for it.
        const auto sidecar = services_.pulse.sidecar_missing();
        if (!sidecar.empty()) reasons.push_back(sidecar);
        if (reasons.empty()) return response.set_content(R"({"status":"ready"})", json_type);
        response.status = 503;
        response.set_content(
            json{{"status", "not ready"}, {"error", reasons.front()}, {"reasons", reasons}}.dump(),
            json_type);
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
        const auto reply = calls_.run(*caller, job_->request.body);
        if (!reply) return refuse(response, reply.error());
        if (reply->empty()) {
            response.status = 204;  // notifications only, and what they did is on disk
            return;
        }
        const auto error = error_of(*reply);  // a batch is 200 whatever is in it
        response.status = error ? calls_.status_of(error->reason) : 200;
        response.set_content(*reply, json_type);
    }

    /// What a browser asks before it sends what a plain form couldn't; it brings no credentials.
    void preflight(Response& response) {
        response.status = 204;
        const std::string methods(find_route(job_->request.path())->methods);
        response.set_header("Allow", methods);
        if (job_->request.field("origin") == nullptr) return;
        response.set_header("Access-Control-Allow-Methods", methods);
        response.set_header("Access-Control-Allow-Headers",
                            "Authorization, Content-Type, Last-Event-ID, ce-specversion, ce-id, "
                            "ce-source, ce-type, ce-subject, ce-time, ce-dataschema");
        response.set_header("Access-Control-Max-Age", "600");
    }

    HttpServices& services_;
    HttpCalls calls_;
    EventRoutes events_;
    DaprRoutes dapr_;
    BackendRoutes backend_;
    const HttpJob* job_ = nullptr;
    bool is_admitted_ = false;  ///< Host and Origin are let in
    HttpReply stream_;          ///< an answer that goes on
    bool close_ = false;
};

}  // namespace

HttpHandler make_http_handler(HttpServices& services) {
    auto router = std::make_shared<Router>(services);
    return [router](const HttpJob& job) { return router->answer(job); };
}

}  // namespace taskd::daemon
