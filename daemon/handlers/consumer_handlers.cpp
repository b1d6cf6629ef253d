// SPDX-License-Identifier: Apache-2.0
#include "daemon/handlers/consumer_handlers.h"

#include "core/rfc3339.h"
#include "core/text.h"

#include <algorithm>
#include <charconv>

namespace taskd::daemon {
namespace {

using core::Consumer;
using core::Error;
using core::Reason;
using core::Result;
using std::chrono::milliseconds;

constexpr std::int64_t dead_counted_max = 10'000;

ipc::ConsumerView view_of(UnitOfWork& unit, const Consumer& consumer) {
    const auto counts = unit.count_unsettled(consumer);
    ipc::ConsumerView view;
    view.name = consumer.name;
    view.types = consumer.filter.types;
    view.sources = consumer.filter.sources;
    view.subjects = consumer.filter.subjects;
    view.where = consumer.filter.where;
    view.lease_ms = consumer.lease.count();
    view.max_in_flight = consumer.max_in_flight;
    view.attempts_max = consumer.retry.attempts_max;
    view.backoff_ms = consumer.retry.initial.count();
    view.backoff_max_ms = consumer.retry.max.count();
    view.cursor = cursor_of(unit, consumer);
    view.position = consumer.position;
    view.head = unit.event_head(consumer.user);
    view.lag = std::max<std::int64_t>(0, view.head - view.cursor);
    if (view.lag > 0)
        view.oldest = unit.received(consumer.user,
                                    std::max(view.cursor, unit.event_floor(consumer.user)) + 1);
    view.in_flight = counts.leased;
    view.waiting = counts.waiting;
    view.held = counts.held;
    view.members = counts.members;
    view.dead = unit.count_dead_letters(consumer.user, "consumer", consumer.name, dead_counted_max);
    return view;
}

/// "now", "oldest", the number of the last event that is not wanted, or a time.
Result<std::int64_t> position_from(const std::string& field, const std::string& words,
                                   UnitOfWork& unit, const core::UserId& user) {
    const auto head = unit.event_head(user);
    if (words == "now") return head;
    if (words == "oldest") return unit.event_floor(user);
    std::int64_t number = -1;
    const auto [end, error] = std::from_chars(words.data(), words.data() + words.size(), number);
    if (error == std::errc{} && end == words.data() + words.size()) {
        if (number == 0) return unit.event_floor(user);
        if (number > 0 && number <= head) return number;
        return core::invalid_argument(
            field, words + " is not the number of an event; use 0 to " + std::to_string(head));
    }
    if (const auto time = core::parse_utc(words)) return unit.last_event_before(user, *time);
    return core::invalid_argument(
        field, "\"" + core::clipped(words, 64) +
                   "\" is not a place in the log; use now, oldest, the number of an event, or an "
                   "RFC 3339 time such as 2026-11-24T08:30:00Z");
}

Consumer definition_from(const ipc::ConsumerCreate& request, const core::UserId& user) {
    Consumer consumer;
    consumer.user = user;
    consumer.name = request.name;
    consumer.filter = {request.types, request.sources, request.subjects, request.where};
    consumer.lease = milliseconds{request.lease_ms};
    consumer.max_in_flight = request.max_in_flight;
    // Far out of range stays out of range, whatever int makes of it.
    consumer.retry.attempts_max = static_cast<int>(
        std::clamp<std::int64_t>(request.attempts_max, -1, core::attempts_most + 1));
    consumer.retry.initial = milliseconds{request.backoff_ms};
    consumer.retry.max = milliseconds{request.backoff_max_ms};
    return consumer;
}

Result<ipc::ConsumerChanged> redefine(const Consumer& before, const Consumer& wanted, bool replace,
                                      Handling& h) {
    if (core::same_definition(before, wanted))
        return ipc::ConsumerChanged{view_of(h.unit, before), false};
    if (!replace)
        return tl::unexpected(Error{
            Reason::conflict,
            "name: there is a consumer \"" + before.name + "\" that is defined otherwise", "name",
            "use another name, or replace its definition; its place in the log stays"});
    Consumer after = wanted;
    after.position = before.position;
    after.fence = before.fence;
    after.created = before.created;
    after.next = before.next;
    h.unit.update_consumer(before, after);
    h.stirred.push_back(after.name);
    return ipc::ConsumerChanged{view_of(h.unit, after), false};
}

}  // namespace

std::int64_t cursor_of(UnitOfWork& unit, const Consumer& consumer) {
    const auto first = unit.first_unsettled(consumer);
    return first ? *first - 1 : consumer.position;
}

Result<Consumer> require_consumer(UnitOfWork& unit, const core::UserId& user,
                                  const std::string& name) {
    if (auto consumer = unit.find_consumer(user, name)) return *consumer;
    std::vector<std::string> names;
    for (const auto& known : unit.list_consumers(user)) names.push_back(known.name);
    const auto near = core::nearest(name, names);
    return core::not_found("name", "there is no consumer \"" + core::clipped(name, 64) + "\"",
                           near.empty() ? "" : "did you mean \"" + near + "\"?");
}

Result<ipc::ConsumerChanged> create_consumer(const ipc::ConsumerCreate& request, Handling& h) {
    Consumer consumer = definition_from(request, h.user);
    if (auto good = core::check_consumer(consumer); !good) return tl::unexpected(good.error());
    if (const auto before = h.unit.find_consumer(h.user, request.name))
        return redefine(*before, consumer, request.replace, h);
    const auto quota = h.settings.quotas.consumers;
    if (static_cast<std::int64_t>(h.unit.list_consumers(h.user).size()) >= quota)
        return tl::unexpected(Error{Reason::resource_exhausted,
                                    "quota.consumers: there are " + std::to_string(quota) +
                                        " consumers, the most there may be",
                                    "name", "remove one that is not needed any more"});
    const auto position = position_from("from", request.from, h.unit, h.user);
    if (!position) return tl::unexpected(position.error());
    consumer.position = *position;
    consumer.created = h.unit.now();
    h.unit.insert_consumer(consumer);
    return ipc::ConsumerChanged{view_of(h.unit, consumer), true};
}

Result<ipc::ConsumerChanged> reset_consumer(const ipc::ConsumerReset& request, Handling& h) {
    const auto before = require_consumer(h.unit, h.user, request.name);
    if (!before) return tl::unexpected(before.error());
    const auto position = position_from("to", request.to, h.unit, h.user);
    if (!position) return tl::unexpected(position.error());
    h.unit.erase_all_unsettled(*before);
    Consumer after = *before;
    after.position = *position;
    after.next.reset();
    h.unit.update_consumer(*before, after);
    h.stirred.push_back(after.name);
    return ipc::ConsumerChanged{view_of(h.unit, after), false};
}

Result<ipc::ConsumerChanged> remove_consumer(const ipc::ConsumerRemove& request, Handling& h) {
    const auto consumer = require_consumer(h.unit, h.user, request.name);
    if (!consumer) return tl::unexpected(consumer.error());
    ipc::ConsumerChanged reply{view_of(h.unit, *consumer), false};
    h.unit.erase_consumer(*consumer);
    h.stirred.push_back(consumer->name);
    return reply;
}

Result<ipc::ConsumerPage> list_consumers(const ipc::ConsumerList&, Handling& h) {
    ipc::ConsumerPage page;
    for (const auto& consumer : h.unit.list_consumers(h.user))
        page.consumers.push_back(view_of(h.unit, consumer));
    return page;
}

}  // namespace taskd::daemon
