// SPDX-License-Identifier: Apache-2.0
#include "daemon/handlers/recurring_role.h"

#include "core/chain.h"
#include "core/instant_text.h"
#include "core/text.h"
#include "core/uuid.h"
#include "daemon/handlers/call_steps.h"
#include "daemon/handlers/delivery_handlers.h"
#include "daemon/handlers/event_fields.h"
#include "ipc/dapr/paths.h"
#include "ipc/dapr/trace.h"
#include "ipc/json.h"

namespace taskd::daemon {
namespace {

using core::ChainLink;
using core::Error;
using core::Reason;
using core::Result;
using nlohmann::json;

constexpr std::chrono::hours open_kept{24 * 366 * 3};

/// One occurrence that was completed, whoever had it.
struct Completed {
    core::ForeignId task;
    core::TaskContent content;  ///< of the next one, but for its times
    std::string pattern;
    std::string tzid;                    ///< "" where nobody said
    std::optional<core::Timestamp> due;  ///< when it was to be done
    core::Timestamp at;                  ///< when it was
    std::int64_t user_seq = 0;           ///< of the event that tells
};

/// What the backend's task has in common with the one that was completed.
std::string about(const Completed& completed) {
    return completed.pattern + "\n" + completed.content.summary;
}

/// The time zone of the chain: as the event says, else the user's own, else UTC.
Result<core::TimeZone> zone_of(const Completed& completed, Handling& h) {
    std::string tzid = completed.tzid;
    if (tzid.empty()) tzid = h.unit.user_settings(h.user).zone;
    if (tzid.empty()) return core::TimeZone::utc();
    return core::TimeZone::load(tzid);
}

/// An occurrence that was made or completed, and whose successor is not decided.
ChainLink open_link(const core::UserId& user, const core::ForeignId& task, core::LocalTime first,
                    const std::string& tzid, core::LocalTime slot) {
    ChainLink link;
    link.user = user;
    link.task = task;
    link.first = first;
    link.tzid = tzid;
    link.slot = slot;
    return link;
}

/// Local times are kept as text with a year of four digits; an instant at their edge has another.
bool is_storable(core::LocalTime local) {
    return core::parse_local(core::format_local(local)) == local;
}

/// What is known of this occurrence, or the begin of a chain.
Result<ChainLink> link_of(const Completed& completed, Handling& h) {
    if (auto known = h.unit.find_link(h.user, completed.task)) return std::move(*known);
    const auto zone = zone_of(completed, h);
    if (!zone) return tl::unexpected(zone.error());
    const auto first = zone->to_local(completed.due.value_or(completed.at));
    if (!is_storable(first))
        return core::invalid_argument(completed.due ? "due_at" : "completed_at",
                                      core::format_utc(completed.due.value_or(completed.at)) +
                                          " is outside of the years 1 to 9999 in " + zone->name());
    return open_link(h.user, completed.task, first, zone->name(), first);
}

core::Timestamp decided_until(Handling& h) {
    return h.unit.now() + h.settings.dedup_ttl;
}

/// An occurrence that nobody completes is forgotten at last, so that rows don't pile up for ever.
core::Timestamp open_until(Handling& h) {
    return h.unit.now() + open_kept;
}

/// The next occurrence in this store, as a task that carries the pattern on.
core::ForeignId make_here(const Completed& completed, const core::CalendarTime& next, Handling& h) {
    core::Task task;
    task.id = core::TaskId{core::uuid_v4(h.unit.random())};
    task.user = h.user;
    task.number = h.unit.next_task_number(h.user);
    task.content = completed.content;
    task.content.due = next;
    task.recurring_pattern = completed.pattern;
    task.parent = completed.task;
    task.created = task.modified = h.unit.now();
    h.unit.insert_task(task);
    h.unit.append_event(h.user, {"task.created", task.id.str(), task});
    return core::ForeignId{json(task.id.str()).dump()};
}

/// The backend is asked for it, until it has answered.
Result<void> ask_backend(const Completed& completed, const core::CalendarTime& next, Handling& h) {
    const auto& app = h.settings.roles.backend_app;
    const auto path = ipc::dapr::invoke_path(app, "api/tasks", {});
    if (!path) return tl::unexpected(path.error());
    core::Call call;
    call.target = app;
    call.method = "POST api/tasks";
    call.verb = "POST";
    call.path = *path;
    call.headers = {{"Content-Type", "application/json"},
                    {"baggage", ipc::dapr::user_baggage(h.user.str())}};
    call.body = json{{"title", completed.content.summary},
                     {"user_id", h.user.str()},
                     {"recurring_pattern", completed.pattern},
                     {"next_occurrence", core::instant_text(next.at)},
                     {"parent_task_id", ipc::to_json(completed.task)}}
                    .dump();
    // From what it is about, so that it is the same even if this store was lost in between.
    call.key = core::uuid_v5("recurring\n" + h.user.str() + "\n" + completed.task.str());
    call.step = step_created;
    call.context = json{{"task", completed.task.str()}, {"about", about(completed)}}.dump();
    (void)keep_call(std::move(call), "recurring/" + completed.task.str(), completed.user_seq,
                    h.settings.roles.keep_trying, h);
    return {};
}

Result<void> go_on(const Completed& completed, bool here, Handling& h) {
    const auto pattern = core::parse_pattern(completed.pattern);
    if (!pattern) return tl::unexpected(pattern.error());
    auto link = link_of(completed, h);
    if (!link) return tl::unexpected(link.error());
    if (link->is_decided()) return {};
    auto next = core::next_in_chain(*link, *pattern, completed.at);
    if (!next) return tl::unexpected(next.error());
    if (*next && !is_storable((*next)->local)) next->reset();
    link->ended = !*next;
    if (*next) link->next = (*next)->local;
    if (*next && here) {
        link->child = make_here(completed, **next, h);
        h.unit.put_link(open_link(h.user, link->child, link->first, link->tzid, (*next)->local),
                        open_until(h));
    } else if (*next) {
        if (auto asked = ask_backend(completed, **next, h); !asked) return asked;
    }
    h.unit.put_link(*link, decided_until(h));
    return {};
}

bool means_none(const std::string& pattern) {
    const auto word = core::to_upper(core::trim(pattern));
    return word.empty() || word == "NONE";
}

}  // namespace

Result<void> recur(const ipc::CloudEvent& event, Handling& h) {
    const auto fields = read_fields(event);
    if (!fields) return tl::unexpected(fields.error());
    Completed completed;
    completed.task = fields->task;
    completed.user_seq = event.userseq;
    std::string title;
    for (const auto& [name, into] :
         {std::pair{"recurring_pattern", &completed.pattern}, std::pair{"title", &title},
          std::pair{"tzid", &completed.tzid}}) {
        auto text = fields->text(name);
        if (!text) return tl::unexpected(text.error());
        *into = std::move(*text);
    }
    if (means_none(completed.pattern)) return {};
    for (const char* name : {"time_zone", "timezone"}) {
        const auto other = fields->text(name);
        if (!other) return tl::unexpected(other.error());
        if (completed.tzid.empty()) completed.tzid = *other;
    }
    auto content = core::checked(core::TaskContent{title, {}, {}, {}, 0, {}, {}});
    if (!content) {
        auto error = content.error();
        if (error.field == "summary") error.field = "title";
        return tl::unexpected(error);
    }
    completed.content = std::move(*content);
    const auto at = fields->time("completed_at");
    if (!at) return tl::unexpected(at.error());
    completed.at = at->value_or(core::parse_utc(event.time).value_or(h.unit.now()));
    for (const char* name : {"due_at", "next_occurrence"}) {
        const auto due = fields->time(name);
        if (!due) return tl::unexpected(due.error());
        if (!completed.due) completed.due = *due;
    }
    const bool here = h.settings.roles.recurring == Roles::Recurring::local;
    // The backend may have made this very task a moment ago, and its answer with the id is still
    // on the way: then its chain is not known yet, and would begin anew at a drifted day. It has
    // the title and the pattern that were asked for.
    if (!here && !h.unit.find_link(h.user, completed.task) &&
        h.unit.has_doubtful_call(h.user, step_created, about(completed)))
        return tl::unexpected(Error{Reason::unavailable,
                                    "task_id: " + core::clipped(to_text(completed.task), 64) +
                                        " may be a task that the backend is being asked for",
                                    "task_id",
                                    {}});
    return go_on(completed, here, h);
}

Result<void> recur_here(const core::Task& task, Handling& h) {
    if (task.recurring_pattern.empty() || !h.settings.roles.recurs_here()) return {};
    Completed completed;
    completed.task = core::ForeignId{json(task.id.str()).dump()};
    completed.content = task.content;
    completed.content.start.reset();
    completed.pattern = task.recurring_pattern;
    completed.at = task.completed.value_or(h.unit.now());
    if (task.content.due) {
        completed.due = task.content.due->at;
        completed.tzid = task.content.due->tzid;
    }
    return go_on(completed, true, h);
}

Result<void> note_created(const core::Delivery& delivery, const core::Outcome& outcome,
                          Handling& h) {
    const auto answer = json::parse(outcome.answer, nullptr, false);
    const auto id = answer.is_object() && answer.contains("id")
                        ? ipc::from_json<core::ForeignId>(answer["id"])
                        : core::not_found("id", "is missing");
    if (!id)
        return core::failed_precondition("id", "app " + delivery.call->target + " answered " +
                                                   std::to_string(outcome.status) +
                                                   " without the id of the task");
    const core::ForeignId parent{json::parse(delivery.call->context).at("task").get<std::string>()};
    auto link = h.unit.find_link(h.user, parent);
    if (link && link->next) {
        link->child = *id;
        h.unit.put_link(*link, decided_until(h));
        if (!h.unit.find_link(h.user, *id))
            h.unit.put_link(open_link(h.user, *id, link->first, link->tzid, *link->next),
                            open_until(h));
    }
    h.unit.append_event(h.user, {"task.created", to_text(*id), core::ForeignTask{*id, parent}});
    return {};
}

}  // namespace taskd::daemon
