// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/http/http_calls.h"
#include "ipc/system_random.h"

namespace taskd::daemon {

/// /v1/events and /v1/events/tickets: pages, streams and tickets for them, and CloudEvents that
/// come in. Belongs to one worker.
class EventRoutes {
public:
    EventRoutes(HttpServices& services, HttpCalls& calls) : services_(services), calls_(calls) {}

    /// A page of event.read, or a stream where Accept names text/event-stream.
    [[nodiscard]] HttpResult get(const HttpJob& job);
    [[nodiscard]] HttpResult publish(const HttpJob& job);
    [[nodiscard]] HttpResult make_ticket(const HttpJob& job);

private:
    struct Reader;
    [[nodiscard]] HttpResult page(const HttpJob& job, const class HttpQuery& query);
    [[nodiscard]] HttpResult stream(const HttpJob& job, const HttpQuery& query);
    [[nodiscard]] tl::expected<Reader, HttpRefusal> reader(const HttpJob& job,
                                                           const HttpQuery& query);
    [[nodiscard]] tl::expected<std::int64_t, HttpRefusal> start_of(const HttpJob& job,
                                                                   const HttpQuery& query,
                                                                   const Caller& caller);

    HttpServices& services_;
    HttpCalls& calls_;
    ipc::SystemRandom random_;
};

/// Whether Accept names text/event-stream itself: */* is what every client sends.
[[nodiscard]] bool accepts_event_stream(const HttpRequest& request);

/// What an allowed page needs to read an answer (CORS); none when no page asks.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> cors_fields(
    const HttpRequest& request);

}  // namespace taskd::daemon
