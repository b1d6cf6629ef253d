// SPDX-License-Identifier: Apache-2.0
#include "daemon/handlers/event_handlers.h"

#include <algorithm>

namespace taskd::daemon {
namespace {

constexpr std::int64_t limit_max = 1000;

core::Result<void> check_limit(std::int64_t limit) {
    if (limit >= 1 && limit <= limit_max) return {};
    return core::invalid_argument("limit",
                                  std::to_string(limit) + " is not accepted; use 1 to 1000");
}

}  // namespace

core::Result<ipc::EventPage> read_events(const ipc::EventRead& request, Handling& h) {
    const auto filter = core::TopicFilter::make(request.types);
    if (!filter) return tl::unexpected(filter.error());
    if (auto good = check_limit(request.limit); !good) return tl::unexpected(good.error());
    if (request.after < 0)
        return core::invalid_argument("after", std::to_string(request.after) + " is below 0");
    if (request.wait_ms < 0 || request.wait_ms > ipc::wait_ms_max)
        return core::invalid_argument(
            "wait_ms", std::to_string(request.wait_ms) + " is not accepted; use 0 to 60000");

    if (request.since && request.after != 0)
        return core::invalid_argument("since", "stands beside after; use one of them");
    if (request.missed < 0 || request.missed > ipc::missed_max)
        return core::invalid_argument(
            "missed", std::to_string(request.missed) + " is not accepted; use 0 to 1000000000");
    h.copies_missed = request.missed;
    const auto after =
        request.since ? h.unit.last_event_before(h.user, *request.since) : request.after;
    auto page = h.unit.read_events(h.user, after, *filter, request.limit);
    if (after > page.head)
        return core::invalid_argument(
            "after",
            std::to_string(after) + " is past the newest event, " + std::to_string(page.head),
            "the store may have been replaced; read again from 0");
    const bool at_head = page.next >= page.head;
    if (!page.events.empty() || request.wait_ms == 0 || !at_head) return page;
    // A caller that gives up earlier gets its empty answer then.
    const auto wait =
        h.deadline_ms > 0 ? std::min(request.wait_ms, h.deadline_ms) : request.wait_ms;
    h.poll =
        Poll{h.user, after, request.limit, *filter, h.received + std::chrono::milliseconds{wait}};
    return page;
}

core::Result<ipc::EventPage> list_events(const ipc::EventList& request, Handling& h) {
    const auto filter = core::TopicFilter::make(request.types);
    if (!filter) return tl::unexpected(filter.error());
    if (auto good = check_limit(request.limit); !good) return tl::unexpected(good.error());
    if (request.before < 0)
        return core::invalid_argument("before", std::to_string(request.before) + " is below 0");
    return h.unit.newest_events(h.user, request.before, *filter, request.limit);
}

core::Result<ipc::BusEndpointReply> bus_endpoint(const ipc::BusEndpoint&, Handling& h) {
    if (h.caller.events_endpoint.empty())
        return core::failed_precondition(
            "bus", "there is no live bus for a caller who came with a token; use event.read");
    return ipc::BusEndpointReply{h.caller.events_endpoint, h.settings.bus_heartbeat.count()};
}

}  // namespace taskd::daemon
