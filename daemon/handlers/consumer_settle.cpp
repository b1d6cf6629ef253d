// SPDX-License-Identifier: Apache-2.0
#include "core/text.h"
#include "core/uuid.h"
#include "daemon/handlers/consumer_handlers.h"
#include "ipc/json.h"

#include <algorithm>
#include <functional>

namespace taskd::daemon {
namespace {

using core::Consumer;
using core::Result;
using core::Unsettled;
using core::UnsettledState;
using std::chrono::milliseconds;

constexpr std::size_t error_bytes_max = 1024;

void give_up(UnitOfWork& unit, const Consumer& consumer, const Unsettled& row,
             const std::string& reason) {
    const auto event = unit.find_event(consumer.user, row.user_seq);
    DeadLetterRow letter;
    letter.id = core::uuid_v7(unit.now(), unit.random());
    letter.origin = "consumer";
    letter.name = consumer.name;
    letter.user_seq = row.user_seq;
    if (event) letter.type = event->type;
    letter.event = !row.event.empty() ? row.event : event ? ipc::to_text(*event) : "{}";
    letter.reason = reason;
    letter.attempts = row.attempts;
    letter.created = unit.now();
    unit.erase_unsettled(consumer, row.user_seq);
    unit.put_dead_letter(consumer.user, letter);
}

/// What is done with each lease of a request that is still the caller's.
using Settle = std::function<void(Consumer& consumer, Unsettled row)>;

Result<ipc::Settled> settle(const std::string& name, const std::vector<ipc::LeaseRef>& items,
                            bool settles, Handling& h, const Settle& one) {
    if (items.empty() || items.size() > ipc::items_max)
        return core::invalid_argument(
            "items", std::to_string(items.size()) + " leases are not accepted; use 1 to 1000");
    const auto before = require_consumer(h.unit, h.user, name);
    if (!before) return tl::unexpected(before.error());
    Consumer consumer = *before;
    ipc::Settled reply;
    for (const auto& item : items) {
        const auto row = h.unit.find_unsettled(consumer, item.userseq);
        // Without a row it was settled before, by whoever had it: a repeated ack is no mistake. A
        // lease that ran out is still good while nobody else has the event.
        const bool mine = row && item.fence > 0 && row->fence == item.fence &&
                          (settles || row->state == UnsettledState::leased);
        if (mine)
            one(consumer, *row);
        else if (row || !settles || item.userseq > consumer.position || item.userseq < 1)
            reply.lost.push_back(item.userseq);
        if (mine) ++reply.settled;
    }
    h.unit.update_consumer(*before, consumer);
    if (reply.settled > 0 && settles) h.stirred.push_back(consumer.name);
    return reply;
}

void wake_by(Consumer& consumer, core::Timestamp due) {
    if (!consumer.next || due < *consumer.next) consumer.next = due;
}

}  // namespace

Result<ipc::Settled> ack_events(const ipc::ConsumerAck& request, Handling& h) {
    return settle(request.name, request.items, true, h,
                  [&](const Consumer& consumer, const Unsettled& row) {
                      h.unit.erase_unsettled(consumer, row.user_seq);
                  });
}

Result<ipc::Settled> nack_events(const ipc::ConsumerNack& request, Handling& h) {
    if (request.action != "retry" && request.action != "release" && request.action != "dead")
        return core::invalid_argument("action", "\"" + core::clipped(request.action, 64) +
                                                    "\" is not accepted; use retry, release or "
                                                    "dead");
    if (request.delay_ms && (*request.delay_ms < 0 || *request.delay_ms > core::lease_ms_max))
        return core::invalid_argument(
            "delay_ms", std::to_string(*request.delay_ms) + " is not accepted; use 0 to 86400000");
    const std::string reason =
        request.error.empty() ? "refused" : core::clipped(request.error, error_bytes_max);
    std::optional<milliseconds> delay;
    if (request.delay_ms) delay = milliseconds{*request.delay_ms};
    return settle(request.name, request.items, true, h, [&](Consumer& consumer, Unsettled row) {
        if (row.state != UnsettledState::leased) return;  // it waits for its next attempt
        const auto now = h.unit.now();
        if (request.action == "dead") return give_up(h.unit, consumer, row, reason);
        const auto after = request.action == "release" ? std::optional(core::released(row, now))
                                                       : core::failed(row, consumer, reason, delay,
                                                                      now, h.unit.random().next());
        if (!after) return give_up(h.unit, consumer, row, reason);
        h.unit.update_unsettled(consumer, *after);
        wake_by(consumer, after->due);
    });
}

Result<ipc::Settled> extend_leases(const ipc::ConsumerExtend& request, Handling& h) {
    if (request.lease_ms && (*request.lease_ms < 1 || *request.lease_ms > core::lease_ms_max))
        return core::invalid_argument(
            "lease_ms", std::to_string(*request.lease_ms) + " is not accepted; use 1 to 86400000");
    core::Timestamp until{};
    auto reply =
        settle(request.name, request.items, false, h, [&](Consumer& consumer, Unsettled row) {
            until = h.unit.now() +
                    (request.lease_ms ? milliseconds{*request.lease_ms} : consumer.lease);
            row.state = UnsettledState::leased;
            row.due = until;
            h.unit.update_unsettled(consumer, row);
            wake_by(consumer, until);
        });
    if (reply && reply->settled > 0) reply->lease_until = until;
    return reply;
}

void take_back_lapsed(UnitOfWork& unit, const Consumer& consumer) {
    for (const auto& row : unit.lapsed_leases(consumer)) {
        if (const auto after = core::lapsed(row, consumer, unit.now()))
            unit.update_unsettled(consumer, *after);
        else
            give_up(unit, consumer, row,
                    "the lease ran out " + std::to_string(row.attempts) + " times, the last of " +
                        row.member);
    }
}

bool wake_consumer(UnitOfWork& unit, const Timer& timer) {
    const auto before = unit.find_consumer(timer.user, timer.ref);
    if (!before || before->next != timer.due) {
        unit.erase_timer(timer);
        return false;
    }
    take_back_lapsed(unit, *before);
    Consumer after = *before;
    after.next = unit.next_due(*before);
    unit.update_consumer(*before, after);
    return true;
}

}  // namespace taskd::daemon
