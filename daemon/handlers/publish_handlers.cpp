// SPDX-License-Identifier: Apache-2.0
#include "core/text.h"
#include "core/uuid.h"
#include "daemon/handlers/event_handlers.h"
#include "daemon/handlers/inbound_handlers.h"
#include "ipc/cloud_event.h"
#include "ipc/json.h"

#include <nlohmann/json.hpp>

namespace taskd::daemon {
namespace {

using core::AcceptedEvent;
using core::Error;
using core::Reason;
using core::Result;

// Of one user: a producer that sends conflicts for ever must not fill the store with them.
constexpr std::int64_t conflicts_kept_max = 1000;
constexpr std::size_t keep_refused_bytes_max = 128;

Result<AcceptedEvent> accepted(const ipc::PublishItem& item, const ipc::EventPublish& request,
                               const Handling& h) {
    if (item.error) return tl::unexpected(*item.error);
    // A sidecar may bring the events of another taskd, and our own again.
    const bool any_source = request.imported || !request.keep_refused.empty();
    core::AcceptRules rules{h.user, h.unit.now(), request.require_ids, any_source};
    // A service speaks for many: whose event it is must be said.
    if (h.caller.may_name_users && h.user == h.caller.user) rules.user = core::UserId{};
    auto event = core::accept_event(ipc::inbound_event(item), rules);
    if (!event) return event;
    if (event->user != h.user && !h.caller.is_operator && !h.caller.may_name_users)
        return tl::unexpected(Error{Reason::permission_denied,
                                    "userid: only an operator or a service may name another user",
                                    "userid",
                                    {}});
    if (h.unit.event_bytes(event->user) >= h.settings.quotas.event_bytes)
        return tl::unexpected(
            Error{Reason::resource_exhausted,
                  "quota.event_bytes: the log holds " +
                      std::to_string(h.settings.quotas.event_bytes) + " bytes, the most it may",
                  "events", "retention.events and retention.max_bytes say how it gets smaller"});
    return event;
}

/// The same key with other content: the first one stands, this one is kept beside it. The letter's
/// id comes from the content, so that a repeat is the same letter.
Error conflict(const AcceptedEvent& event, const Stored& first, bool each, Handling& h) {
    DeadLetterRow letter;
    letter.id = core::uuid_v5("conflict\n" + event.source + "\n" + event.dedup_key + "\n" +
                              core::content_digest(event.type, event.subject, event.data));
    letter.origin = "publish";
    letter.type = event.type;
    letter.event = ipc::to_text(ipc::cloud_event(event, 0));
    letter.reason = "its key " + event.dedup_key + " is that of event #" +
                    std::to_string(first.user_seq) + ", which has other content";
    letter.attempts = 1;
    letter.created = h.unit.now();
    const bool kept = h.unit.count_dead_letters(event.user, "publish", "", conflicts_kept_max) <
                      conflicts_kept_max;
    if (kept && each) h.unit.put_dead_letter(event.user, letter);
    if (kept && !each) h.dead_letters.emplace_back(event.user, letter);
    return {
        Reason::conflict,
        "id: \"" + core::clipped(event.dedup_key, 64) + "\" of source \"" +
            core::clipped(event.source, 64) + "\" is event #" + std::to_string(first.user_seq) +
            ", which has other content; that one stands",
        "id",
        kept ? "this one is dead letter " + letter.id.substr(0, 8) : "a new event needs a new id"};
}

/// A sender that can't be told why keeps its event here. The letter's id comes from the content, so
/// that a repeat is the same letter.
void keep_refused(const ipc::PublishItem& item, const std::string& name, const Error& why,
                  Handling& h) {
    if (why.reason == Reason::conflict || why.reason == Reason::resource_exhausted) return;
    if (h.unit.count_dead_letters(h.user, "dapr", "", conflicts_kept_max) >= conflicts_kept_max)
        return;
    DeadLetterRow letter;
    letter.origin = "dapr";
    letter.name = name;
    letter.type = item.event.type;
    auto event = item.event;
    if (item.error) {
        event = {};
        event.data = nlohmann::json(item.unread).dump();
    }
    letter.event = ipc::to_text(event);
    letter.id = core::uuid_v5("refused\n" + name + "\n" + letter.event);
    letter.reason = why.message;
    letter.attempts = 1;
    letter.created = h.unit.now();
    h.unit.put_dead_letter(h.user, letter);
}

/// An event of our own log that comes back by a topic is there already; a role that listens to that
/// topic takes it now, once.
Result<ipc::PublishResult> take_own(const AcceptedEvent& event, std::int64_t userseq, Handling& h) {
    ipc::PublishResult result;
    result.id = event.id;
    result.source = event.source;
    result.type = event.type;
    result.duplicate = true;
    const auto known = h.unit.known(event);
    if (!known) {
        if (userseq <= h.unit.event_floor(event.user)) return result;  // retention took it
        return core::invalid_argument("source",
                                      "\"" + event.source +
                                          "\" is this daemon's own, but its log has no such event: "
                                          "another daemon has the same name",
                                      "give each a service.name of its own");
    }
    result.userseq = known->user_seq;
    if (const auto own = h.unit.find_event(event.user, known->user_seq))
        run_missing_handlers(*own, event.dedup_key, h);
    return result;
}

Result<ipc::PublishResult> publish_one(const ipc::PublishItem& item,
                                       const ipc::EventPublish& request, Handling& h) {
    const auto event = accepted(item, request, h);
    if (!event) return tl::unexpected(event.error());
    if (event->source == h.unit.source() && !request.imported)
        return take_own(*event, item.event.userseq, h);
    const auto stored = h.unit.publish(*event);
    if (stored.as == Stored::As::conflict)
        return tl::unexpected(conflict(*event, stored, request.each, h));
    const bool fresh = stored.as == Stored::As::fresh;
    const auto bytes_max = h.settings.retention_max_bytes;
    if (bytes_max > 0 && h.unit.event_bytes(event->user) > bytes_max)
        h.large_logs.insert(event->user);
    if (fresh && !request.imported)
        for (const auto& handler : h.standing.handlers)
            if (handler.type == event->type) {
                run_handlers(ipc::cloud_event(*event, stored.user_seq), event->dedup_key, h);
                break;
            }
    ipc::PublishResult result;
    result.id = stored.id;
    result.source = event->source;
    result.type = stored.type;
    result.userseq = stored.user_seq;
    result.duplicate = !fresh;
    return result;
}

}  // namespace

Result<ipc::EventsPublished> publish_events(const ipc::EventPublish& request, Handling& h) {
    const auto count = request.events.size();
    if (count == 0 || count > ipc::publish_events_max)
        return core::invalid_argument(
            "events", std::to_string(count) + " events are not accepted; use 1 to 1000");
    const auto per_second = h.settings.quotas.events_per_second;
    if (!h.standing.budget.take(h.caller.user, static_cast<std::int64_t>(count), per_second,
                                h.received))
        return tl::unexpected(Error{Reason::resource_exhausted,
                                    "quota.events_per_second: more than " +
                                        std::to_string(per_second) +
                                        " events a second were published",
                                    "events", "send them more slowly"});
    if (!request.keep_refused.empty() && !request.each)
        return core::invalid_argument("keep_refused", "goes with each");
    if (request.keep_refused.size() > keep_refused_bytes_max ||
        core::has_control(request.keep_refused))
        return core::invalid_argument("keep_refused",
                                      "must be at most 128 bytes without control characters");
    ipc::EventsPublished reply;
    for (std::size_t i = 0; i < count; ++i) {
        auto result = publish_one(request.events[i], request, h);
        if (result) {
            ++(result->duplicate ? reply.duplicates : reply.published);
            reply.events.push_back(std::move(*result));
            continue;
        }
        Error error = result.error();
        if (count > 1) error.message = "events[" + std::to_string(i) + "]: " + error.message;
        if (!request.each) return tl::unexpected(error);
        ++reply.refused;
        if (!request.keep_refused.empty())
            keep_refused(request.events[i], request.keep_refused, result.error(), h);
        ipc::PublishResult refused;
        refused.id = request.events[i].event.id;
        refused.error = std::move(error);
        reply.events.push_back(std::move(refused));
    }
    return reply;
}

}  // namespace taskd::daemon
