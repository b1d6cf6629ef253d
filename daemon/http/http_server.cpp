// SPDX-License-Identifier: Apache-2.0
#include "daemon/http/http_server.h"

#include "core/text.h"
#include "daemon/secret.h"
#include "ipc/messages.h"

#include <cstdlib>
#include <unistd.h>

namespace taskd::daemon {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds stop_grace{5000};  // of the 10 s that a stop may take
constexpr milliseconds stop_step{20};
constexpr std::size_t held_bytes_max = 16 * ipc::request_bytes_max;
constexpr std::size_t threads_kept_free = 4;  // of calls to the loop, for health and metrics

std::vector<std::string> words_of(const std::string& list) {
    std::vector<std::string> words;
    for (const auto& word : core::split(list, ','))
        if (const auto trimmed = core::trim(word); !trimmed.empty()) words.emplace_back(trimmed);
    return words;
}

/// How many of all places one user may have: where several users call, one can't take all.
std::size_t share_of(std::size_t all, bool for_everyone) {
    return for_everyone ? (all + 1) / 2 : all;
}

/// The hash of the administrator's token; "" when there is none. systemd's credential is used
/// without being named, as it is there for nothing else.
core::Result<std::string> fixed_token(const Config& config) {
    std::string path = config.text("http.token_file");
    if (path.empty()) {
        const char* directory = std::getenv("CREDENTIALS_DIRECTORY");
        if (directory == nullptr) return std::string();
        path = std::string(directory) + "/http-token";
        if (access(path.c_str(), F_OK) != 0) return std::string();
    }
    const auto secret = read_secret_file("http.token_file", path);
    if (!secret) return tl::unexpected(secret.error());
    return sha256_hex(*secret);
}

std::string environment(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
}

}  // namespace

core::Result<std::unique_ptr<HttpServer>> HttpServer::start(const Config& config, Parts parts) {
    const std::string& listen = config.text("http.listen");
    if (listen.empty() && !config.text("dapr.topics").empty())
        return core::failed_precondition("http.listen",
                                         "http.listen is not set, and dapr.topics needs it",
                                         "set it to what the sidecar calls: 127.0.0.1:PORT");
    if (listen.empty()) return std::unique_ptr<HttpServer>();
    const auto addresses = parse_listen(listen, config.flag("http.allow_remote"));
    if (!addresses) return tl::unexpected(addresses.error());
    const auto fixed = fixed_token(config);
    if (!fixed) return tl::unexpected(fixed.error());
    auto dapr = read_dapr_app(config, parts.owner, environment);
    if (!dapr) return tl::unexpected(dapr.error());
    std::vector<Listener> listeners;
    for (const auto& address : *addresses) {
        auto listener = Listener::open(address, parts.for_everyone);
        if (!listener) return tl::unexpected(listener.error());
        listeners.push_back(std::move(*listener));
    }
    const auto size = [&](std::string_view key) {
        return static_cast<std::size_t>(config.integer(key));
    };
    const HttpFront::Limits limits{
        size("http.connections_max"), size("http.threads"), size("http.queue_max"),
        ipc::request_bytes_max,       held_bytes_max,       config.span("http.timeout"),
        config.span("http.idle")};
    const auto streams_max = size("http.streams_max");
    const EventStreams::Options streams{streams_max, share_of(streams_max, parts.for_everyone),
                                        config.span("http.keep_alive")};
    HttpAccess::Options access{words_of(config.text("http.hosts")),
                               words_of(config.text("http.origins")),
                               config.flag("http.metrics_public"), parts.admits};
    return std::unique_ptr<HttpServer>(new HttpServer(std::move(parts), *fixed, std::move(*dapr),
                                                      std::move(access), limits, streams,
                                                      std::move(listeners)));
}

HttpServer::HttpServer(Parts parts, const std::string& fixed, DaprApp dapr,
                       HttpAccess::Options access, HttpFront::Limits limits,
                       EventStreams::Options streams, std::vector<Listener> listeners)
    : dapr_(std::move(dapr)),
      bridge_(parts.context),
      tokens_(std::move(parts.tokens), fixed, parts.owner),
      access_(std::move(access), tokens_, std::move(parts.user_of_uid), parts.clock),
      tickets_(parts.clock),
      streams_(parts.context, parts.clock, parts.pulse, streams,
               [this](std::uint64_t connection, std::string bytes, bool is_last) {
                   front_.feed(connection, std::move(bytes), is_last);
               }),
      services_{parts.context,
                access_,
                parts.clock,
                parts.pulse,
                parts.metrics,
                tickets_,
                streams_,
                dapr_,
                {limits.threads - threads_kept_free,
                 share_of(limits.threads - threads_kept_free, parts.for_everyone)}},
      names_([&] {
          std::vector<std::string> names;
          names.reserve(listeners.size());
          for (const auto& listener : listeners) names.push_back(listener.name());
          return names;
      }()),
      front_(std::move(listeners), limits, [this] { return make_http_handler(services_); },
             {[&metrics = parts.metrics](int status) { metrics.http("none", status); },
              [&metrics = parts.metrics](std::size_t connections, std::size_t queued) {
                  metrics.http_standing(connections, queued);
              }}) {}

HttpServer::~HttpServer() {
    services_.aborting = true;
    streams_.stop();  // before the front that they feed is gone
}

void HttpServer::stop() {
    services_.pulse.stops();
    streams_.stop();
    front_.begin_stop(stop_grace);
    zmq::pollitem_t item{bridge_.socket().handle(), 0, ZMQ_POLLIN, 0};
    while (!front_.has_stopped()) {
        zmq::poll(&item, 1, stop_step);
        bridge_.dismiss();
    }
    services_.aborting = true;
}

}  // namespace taskd::daemon
