// SPDX-License-Identifier: Apache-2.0
#include "daemon/handlers/inbound_handlers.h"

#include "core/uuid.h"
#include "daemon/handlers/event_rule_handlers.h"
#include "daemon/handlers/notification_role.h"
#include "daemon/handlers/recurring_role.h"
#include "daemon/handlers/task_handlers.h"
#include "ipc/json.h"

#include <algorithm>
#include <charconv>

namespace taskd::daemon {
namespace {

using core::Error;
using core::Reason;

constexpr std::int64_t waiting_attempts_max = 6;  // then it is asked every half minute

/// task.requested: the payload (or the data itself) has the fields of task.add.
core::Result<void> add_requested_task(const ipc::CloudEvent& event, Handling& h) {
    const auto data = ipc::parse_json(event.data);
    if (!data || !data->is_object())
        return core::invalid_argument("data", "is not an object with the fields of task.add");
    const auto payload = data->find("payload");
    const auto request = ipc::from_json<ipc::TaskAdd>(payload == data->end() ? *data : *payload);
    if (!request) return tl::unexpected(request.error());
    const auto added = add_task(*request, h);
    if (!added) return tl::unexpected(added.error());
    return {};
}

/// What a failure says; a store that lost the transaction is not for a handler to get over.
core::Result<void> run_guarded(const EventHandler& handler, const ipc::CloudEvent& event,
                               Handling& h) {
    try {
        return handler.run(event, h);
    } catch (const StoreFailure& failure) {
        return tl::unexpected(failure.error());
    } catch (const std::exception& failure) {
        return tl::unexpected(Error{Reason::internal, failure.what(), {}, {}});
    }
}

/// One attempt, in a savepoint of its own.
core::Result<void> attempt(const EventHandler& handler, const ipc::CloudEvent& event, Handling& h) {
    auto unit = h.unit.nested("event." + handler.name);
    Handling inner{unit,      core::UserId{event.userid}, h.settings, h.identity, h.standing,
                   h.received};
    inner.caller.user = inner.user;
    const auto done = run_guarded(handler, event, inner);
    if (done) h.unit.adopt(unit.release());
    return done;
}

void give_up(const ipc::CloudEvent& event, InboxMark& mark, Handling& h) {
    mark.state = InboxState::dead;
    mark.next.reset();
    h.unit.put_dead_letter(
        core::UserId{event.userid},
        {core::uuid_v7(h.unit.now(), h.unit.random()), "handler", mark.handler, mark.user_seq,
         event.type, ipc::to_text(event), mark.reason, mark.attempts, h.unit.now()});
}

/// What a timer's reference names: handler/user_seq.
std::optional<InboxMark> mark_of(const core::UserId& user, const std::string& ref, Handling& h) {
    const auto slash = ref.rfind('/');
    std::int64_t user_seq = 0;
    std::from_chars(ref.data() + slash + 1, ref.data() + ref.size(), user_seq);
    return h.unit.find_mark(user, ref.substr(0, slash), user_seq);
}

/// Makes one attempt and writes down what came of it.
void run_and_mark(const EventHandler& handler, const ipc::CloudEvent& event,
                  const std::optional<InboxMark>& before, InboxMark mark, Handling& h) {
    mark.attempts += 1;
    mark.next.reset();
    mark.reason.clear();
    mark.state = InboxState::done;
    const auto done = attempt(handler, event, h);
    h.unit.check_alive();
    if (!done && handler.failed) handler.failed(done.error(), h);
    if (done && !before && !handler.marks_success) return;
    if (!done) {
        mark.reason = done.error().message;
        const bool waits = handler.waits && done.error().reason == Reason::unavailable;
        // A failure of another kind has attempts left, however long it waited before.
        if (waits) mark.attempts = std::min(mark.attempts, waiting_attempts_max);
        const auto wait = core::next_attempt(
            h.settings.handler_retry, static_cast<int>(mark.attempts), h.unit.random().next());
        if (wait && done.error().reason != Reason::invalid_argument) {
            mark.state = InboxState::waiting;
            mark.next = h.unit.now() + *wait;
        } else {
            give_up(event, mark, h);
        }
    }
    h.unit.put_mark(core::UserId{event.userid}, before, mark, h.unit.now() + h.settings.dedup_ttl);
}

}  // namespace

std::vector<EventHandler> event_handlers(const Roles& roles) {
    std::vector<EventHandler> table{{"task_requested", "task.requested", add_requested_task}};
    if (roles.recurring != Roles::Recurring::off)
        table.push_back({"recurring", "task.completed", recur, true});
    if (roles.notification) table.push_back({"notification", "reminder.due", notify});
    return table;
}

void run_handlers(const ipc::CloudEvent& event, const std::string& dedup_key, Handling& h) {
    for (const auto& handler : h.standing.handlers)
        if (handler.type == event.type)
            run_and_mark(
                handler, event, {},
                {handler.name, event.source, dedup_key, InboxState::done, event.userseq, 0, {}, {}},
                h);
}

void run_handler(const EventHandler& handler, const ipc::CloudEvent& event, Handling& h) {
    // The row of the log is its key: what is delivered twice has one.
    run_and_mark(handler, event, {},
                 {handler.name,
                  event.source,
                  "#" + std::to_string(event.userseq),
                  InboxState::done,
                  event.userseq,
                  0,
                  {},
                  {}},
                 h);
}

void run_missing_handlers(const ipc::CloudEvent& event, const std::string& dedup_key, Handling& h) {
    for (const auto& handler : h.standing.handlers)
        if (handler.type == event.type &&
            !h.unit.find_mark(core::UserId{event.userid}, handler.name, event.userseq))
            run_and_mark(
                handler, event, {},
                {handler.name, event.source, dedup_key, InboxState::done, event.userseq, 0, {}, {}},
                h);
}

void shorten_handler_wait(const core::UserId& user, const std::string& ref, Handling& h) {
    const auto mark = mark_of(user, ref, h);
    const auto latest = h.unit.now() + h.settings.handler_retry.max;
    if (!mark || !mark->next || *mark->next <= latest) return;
    InboxMark after = *mark;
    after.next = latest;
    h.unit.put_mark(user, mark, after, h.unit.now() + h.settings.dedup_ttl);
}

void retry_handler(const Timer& timer, Handling& h) {
    const auto mark = mark_of(timer.user, timer.ref, h);
    if (!mark || mark->next != timer.due) return h.unit.erase_timer(timer);
    const auto user_seq = mark->user_seq;
    const auto& handlers = h.standing.handlers;
    const auto known = std::find_if(handlers.begin(), handlers.end(), [&](const EventHandler& one) {
        return one.name == mark->handler;
    });
    const auto handler =
        known == handlers.end() ? rule_handler(mark->handler, h) : std::optional(*known);
    const auto event = h.unit.find_event(timer.user, user_seq);
    if (handler && event) return run_and_mark(*handler, *event, mark, *mark, h);

    InboxMark after = *mark;
    if (mark->handler.rfind("rule:", 0) == 0) {
        // Whoever removed the rule wants none of it.
        after.state = InboxState::done;
        after.next.reset();
        return h.unit.put_mark(timer.user, mark, after, h.unit.now() + h.settings.dedup_ttl);
    }
    after.reason = event ? "this taskd has no handler of that name" : "its event is past retention";
    ipc::CloudEvent gone;
    gone.userid = timer.user.str();
    gone.id = mark->dedup_key;
    gone.source = mark->source;
    gone.userseq = user_seq;
    give_up(event ? *event : gone, after, h);
    h.unit.put_mark(timer.user, mark, after, h.unit.now() + h.settings.dedup_ttl);
}

bool revive_handler(const DeadLetterRow& letter, Handling& h) {
    const auto mark = h.unit.find_mark(h.user, letter.name, letter.user_seq);
    if (!mark || mark->state != InboxState::dead) return false;
    InboxMark after = *mark;
    after.state = InboxState::waiting;
    after.attempts = 0;
    after.next = h.unit.now();
    h.unit.put_mark(h.user, mark, after, h.unit.now() + h.settings.dedup_ttl);
    return true;
}

}  // namespace taskd::daemon
