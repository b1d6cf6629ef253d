// SPDX-License-Identifier: Apache-2.0
#include "ipc/dapr/http.h"

#include "core/text.h"
#include "version.h"

#include <algorithm>
#include <condition_variable>
#include <httplib.h>
#include <mutex>
#include <thread>

namespace taskd::ipc::dapr {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

std::unique_ptr<httplib::Client> make_client(const Sidecar& sidecar) {
    std::unique_ptr<httplib::Client> client;
    if (!sidecar.socket.empty()) {
        client = std::make_unique<httplib::Client>(sidecar.socket, 80);
        client->set_address_family(AF_UNIX);
    } else {
        const bool is_v6 = sidecar.host.find(':') != std::string::npos;
        client = std::make_unique<httplib::Client>(
            sidecar.scheme + "://" + (is_v6 ? "[" + sidecar.host + "]" : sidecar.host) + ":" +
            std::to_string(sidecar.port));
    }
    client->set_keep_alive(true);
    client->set_url_encode(false);
    client->set_decompress(false);
    client->set_follow_location(false);
    client->set_tcp_nodelay(true);
    return client;
}

constexpr milliseconds look_every{100};  // at `stopping`

/// Ends what a client is doing when the time is over: a read timeout alone begins anew with each
/// byte that trickles in.
class Watchdog {
public:
    Watchdog(httplib::Client& client, steady_clock::time_point deadline,
             const std::atomic<bool>* stopping)
        : thread_([this, &client, deadline, stopping] {
              std::unique_lock lock(mutex_);
              const auto is_over = [this] { return over_; };
              while (steady_clock::now() < deadline && !(stopping != nullptr && *stopping)) {
                  const auto look =
                      stopping == nullptr ? deadline : steady_clock::now() + look_every;
                  if (done_.wait_until(lock, std::min(look, deadline), is_over)) return;
              }
              fired_ = true;
              // What is only just connecting has nothing to stop yet.
              while (!over_) {
                  client.stop();
                  done_.wait_for(lock, milliseconds{20}, [this] { return over_; });
              }
          }) {}
    Watchdog(const Watchdog&) = delete;
    Watchdog& operator=(const Watchdog&) = delete;
    ~Watchdog() { (void)end(); }

    /// Whether the time was over.
    bool end() {
        {
            const std::lock_guard lock(mutex_);
            over_ = true;
        }
        done_.notify_all();
        if (thread_.joinable()) thread_.join();
        return fired_;
    }

private:
    std::mutex mutex_;
    std::condition_variable done_;
    bool over_ = false;
    bool fired_ = false;
    std::thread thread_;
};

Response head_of(const httplib::Response& from) {
    Response head;
    head.status = from.status;
    for (const auto& [name, value] : from.headers) head.headers.emplace_back(name, value);
    return head;
}

Failure failure_of(httplib::Error error) {
    switch (error) {
    case httplib::Error::ConnectionTimeout:
        return Failure::timeout;
    case httplib::Error::Connection:
    case httplib::Error::BindIPAddress:
    case httplib::Error::SSLConnection:
    case httplib::Error::SSLLoadingCerts:
    case httplib::Error::SSLServerVerification:
        return Failure::unreachable;
    default:
        return Failure::broken;
    }
}

std::string words_of(Failure failure, httplib::Error error, milliseconds timeout) {
    switch (failure) {
    case Failure::timeout:
        return "no answer within " + std::to_string(timeout.count()) + " ms";
    case Failure::unreachable:
        if (error == httplib::Error::SSLServerVerification) return "its certificate is not trusted";
        if (error == httplib::Error::SSLConnection) return "it does not speak TLS as asked";
        return "nothing listens there";
    case Failure::too_large:
        return "the answer is larger than " + std::to_string(kept_body_bytes_max) + " bytes";
    case Failure::refused:
        return "the rest of the answer was not taken";
    case Failure::broken:
    case Failure::not_called:
        break;
    }
    return "the connection ended before the answer did";
}

}  // namespace

std::string header_of(const Headers& headers, std::string_view name) {
    for (const auto& [known, value] : headers)
        if (core::to_lower(known) == core::to_lower(name)) return value;
    return {};
}

struct HttpClient::Connection {
    std::unique_ptr<httplib::Client> http;
};

HttpClient::HttpClient(Sidecar sidecar, const std::atomic<bool>* stopping)
    : sidecar_(std::move(sidecar)),
      stopping_(stopping),
      connection_(std::make_unique<Connection>()) {
    connection_->http = make_client(sidecar_);
}
HttpClient::~HttpClient() = default;

Answer HttpClient::send(const Request& request, milliseconds timeout, const BodySink* sink) {
    httplib::Client& client = *connection_->http;
    const auto deadline = steady_clock::now() + timeout;
    client.set_connection_timeout(timeout);
    client.set_read_timeout(timeout);
    client.set_write_timeout(timeout);

    httplib::Request out;
    out.method = request.verb;
    out.path = sidecar_.path + request.path;
    for (const auto& [name, value] : request.headers) out.headers.emplace(name, value);
    if (!sidecar_.token.empty()) out.headers.emplace("dapr-api-token", sidecar_.token);
    if (!sidecar_.socket.empty()) out.headers.emplace("Host", "localhost");
    if (!out.has_header("User-Agent")) out.headers.emplace("User-Agent", "taskd/" TASKD_VERSION);
    if (request.body) out.body = *request.body;

    Answer answer;
    Response head;
    bool passes_on = false;
    std::optional<Failure> own_failure;
    out.response_handler = [&](const httplib::Response& from) {
        head = head_of(from);
        passes_on = sink != nullptr && sink->takes(head);
        return true;
    };
    out.content_receiver = [&](const char* data, std::size_t size, std::uint64_t, std::uint64_t) {
        if (passes_on) {
            answer.streamed = true;
            if (sink->write({data, size})) return true;
            own_failure = Failure::refused;
            return false;
        }
        if (head.body.size() + size <= kept_body_bytes_max) {
            head.body.append(data, size);
            return true;
        }
        own_failure = Failure::too_large;
        return false;
    };

    httplib::Response in;
    httplib::Error error = httplib::Error::Success;
    bool sent = false;
    bool timed_out = false;
    {
        Watchdog watchdog(client, deadline, stopping_);
        sent = client.send(out, in, error);
        timed_out = watchdog.end();
    }
    if (sent) {
        if (head.status == 0) head = head_of(in);  // an answer without a body has no receiver
        answer.response = std::move(head);
        return answer;
    }
    answer.failure = own_failure ? *own_failure : timed_out ? Failure::timeout : failure_of(error);
    // A read that ends at its own timeout is one too.
    if (answer.failure == Failure::broken && steady_clock::now() >= deadline)
        answer.failure = Failure::timeout;
    answer.detail = words_of(answer.failure, error, timeout);
    connection_->http = make_client(sidecar_);
    return answer;
}

}  // namespace taskd::ipc::dapr
