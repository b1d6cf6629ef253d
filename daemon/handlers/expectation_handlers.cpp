// SPDX-License-Identifier: Apache-2.0
#include "daemon/handlers/expectation_handlers.h"

#include "core/check.h"
#include "core/phrase.h"
#include "core/plan.h"
#include "core/rfc3339.h"
#include "core/span.h"
#include "core/text.h"
#include "daemon/handlers/delivery_steps.h"
#include "daemon/handlers/occurrences.h"
#include "daemon/handlers/series_edit.h"
#include "daemon/handlers/series_handlers.h"
#include "daemon/handlers/task_handlers.h"
#include "daemon/handlers/task_words.h"
#include "ipc/json.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace taskd::daemon {
namespace {

using core::Expectation;
using core::Ping;
using core::PingKind;
using core::PingOutcome;
using core::Result;
using core::Task;
using std::chrono::seconds;

Result<seconds> read_span(const char* field, const std::string& words) {
    if (words.empty()) return seconds{0};
    const auto span = core::parse_span(field, words);
    if (!span) return span;
    if (*span < seconds{0} || *span > core::grace_max)
        return core::invalid_argument(
            field, core::clipped(words, 64) + " is not accepted; use a span of up to a year");
    return span;
}

/// Of the frequencies finer than daily.
seconds unit_of(core::Frequency frequency) {
    if (frequency == core::Frequency::hourly) return std::chrono::hours{1};
    if (frequency == core::Frequency::minutely) return std::chrono::minutes{1};
    return seconds{frequency == core::Frequency::secondly ? 1 : 0};
}

/// The request without what its caller was only looked up for.
std::string words_of(const ipc::ExpectationSet& request) {
    auto words = ipc::to_json(request);
    words.erase("tz_default");
    return words.dump();
}

ipc::TaskAdd task_of(const ipc::ExpectationSet& request, seconds grace) {
    ipc::TaskAdd add;
    add.summary = request.name;
    add.every = request.every;
    add.at = request.by;
    add.tz = request.tz;
    add.tz_default = request.tz_default;
    add.remind = {grace.count() == 0 ? "at due" : core::format_span(grace) + " after due"};
    add.channels = request.channels;
    add.reminding.nag = request.nag;
    add.reminding.escalate = request.escalate;
    add.reminding.escalate_to = request.escalate_to;
    return add;
}

/// Each slot has one time, and they come one after the other whatever becomes of them.
Result<void> check_kind(const core::Series& series) {
    const auto& policies = series.policies;
    if (policies.anchor != core::Anchor::schedule)
        return core::invalid_argument("anchor",
                                      "pings are expected at times of a rule, not counted from the "
                                      "last one; leave out \"after completion\"");
    if (policies.overlap != core::Overlap::one)
        return core::invalid_argument("overlap", "pings are expected one after the other");
    if (series.is_date)
        return core::invalid_argument("by", "is missing: at what time of day is it expected",
                                      "--by 04:00");
    return {};
}

/// When something is expected for the first time that reports several times a day: a whole time
/// after now, not at the end of one that has begun.
Result<std::string> first_time(const ipc::ExpectationSet& request, Handling& h) {
    const auto every = core::parse_every(request.every);
    if (!every) return tl::unexpected(every.error());
    std::vector<std::string> warnings;
    const auto zone = zone_for({request.tz, request.tz_default, true}, h, warnings);
    if (!zone) return tl::unexpected(zone.error());
    const auto plan = core::plan_of(*every, "", h.unit.now(), *zone);
    if (!plan) return tl::unexpected(plan.error());
    const auto unit = unit_of(plan->rule.frequency);
    const bool has_times = !plan->rule.by_hour.empty() || !plan->rule.by_minute.empty();
    if (unit.count() == 0 || has_times) return std::string();
    const auto span = unit * static_cast<std::int64_t>(plan->rule.interval);
    const bool is_whole = plan->dtstart.at >= h.unit.now() + span;
    return core::format_local(plan->dtstart.local + (is_whole ? seconds{0} : span));
}

Result<Expectation> find(const std::string& name, Handling& h) {
    auto expectation = h.unit.find_expectation(h.user, name);
    if (expectation) return std::move(*expectation);
    return core::not_found("name", "nothing called " + core::clipped(name, 64) + " is expected",
                           "taskctl expect lists what is");
}

/// An expectation with what it stands on.
struct Standing {
    core::Series series;
    core::Schedule schedule;
    std::optional<Task> open;
};
Result<Standing> standing_of(const Expectation& expectation, Handling& h) {
    auto series = h.unit.find_series(h.user, expectation.series);
    core::check(series.has_value(), "an expectation's series exists");
    auto schedule = schedule_for(h.unit, *series);
    if (!schedule) return tl::unexpected(schedule.error());
    auto open = h.unit.find_open_occurrence(h.user, expectation.series);
    return Standing{std::move(*series), std::move(*schedule), std::move(open)};
}

/// Not one that came too early, or while nothing was expected.
bool is_counted(const Ping& ping) {
    return ping.outcome != PingOutcome::early && ping.outcome != PingOutcome::paused;
}

/// Whether the open slot's grace has passed without a ping.
bool is_down(const Expectation& expectation, const Standing& standing, core::Timestamp now) {
    return standing.open && !standing.series.paused &&
           now > standing.open->content.due->at + expectation.grace;
}

std::string state_of(const Expectation& expectation, const Standing& standing,
                     core::Timestamp now) {
    if (standing.series.paused) return "paused";
    if (is_down(expectation, standing, now)) return "down";
    if (expectation.failing) return "failed";
    if (standing.open && now > standing.open->content.due->at) return "late";
    const auto& last = expectation.last;
    return last && (is_counted(*last) || last->recovered) ? "up" : "new";
}

/// The channels that its reminders name, each once.
std::vector<std::string> channels_of(const Standing& standing, Handling& h) {
    std::vector<std::string> names;
    for (const auto& reminder : reminders_of(h, standing.series))
        for (const auto& name : reminder.channels)
            if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    return names;
}

Result<ipc::ExpectationView> view_of(const Expectation& expectation, Handling& h) {
    const auto standing = standing_of(expectation, h);
    if (!standing) return tl::unexpected(standing.error());
    const auto now = h.unit.now();
    ipc::ExpectationView view{expectation,
                              state_of(expectation, *standing, now),
                              view_of(h.unit, standing->series).words,
                              0,
                              {},
                              {},
                              {}};
    view.expectation.asked.clear();
    if (standing->open) {
        view.task = standing->open->number;
        view.due = standing->open->content.due;
        const auto slot = standing->schedule.slot(*standing->open->recurrence_id);
        const auto target = core::slot_for_ping(standing->schedule, expectation, slot, now);
        if (!target.slot) view.opens = target.opens;
    }
    view.channels = channels_of(*standing, h);
    return view;
}

/// Those that hear of the silence hear of a failure and of the recovery, too.
void tell(const Standing& standing, std::int64_t seq, Handling& h) {
    auto names = channels_of(standing, h);
    std::erase_if(names, [&](const auto& name) { return !h.unit.find_channel(h.user, name); });
    if (names.empty())
        if (const auto channel = h.unit.default_channel(h.user)) names.push_back(channel->name);
    for (const auto& name : names) tell_channel(name, seq, h);
}

/// The slot that a ping is for, and what was missed up to it.
core::PingSlot target_of(const Expectation& expectation, const core::PingStart* start,
                         const Standing& standing, Handling& h) {
    const auto open = standing.schedule.slot(*standing.open->recurrence_id);
    if (start == nullptr)
        return core::slot_for_ping(standing.schedule, expectation, open, h.unit.now());
    // What has begun for a slot ends for it, however long it takes; after a change of the rule it
    // is what it would be if it began now.
    if (start->slot) {
        const auto begun_for = standing.schedule.slot(*start->slot);
        if (begun_for < open && h.unit.is_decided(h.user, expectation.series, begun_for.id))
            return {begun_for, {}, {}};
    }
    return core::slot_for_ping(standing.schedule, expectation, open, start->at);
}

/// The start that a ping ends. Without a word of its own it may be one that never ended: then the
/// ping is for a slot of its own.
const core::PingStart* start_for(const Expectation& expectation, const Ping& ping,
                                 const Standing& standing, core::Timestamp now) {
    if (ping.kind == PingKind::start) return nullptr;
    const auto* start = core::start_of(expectation, ping.run);
    if (start == nullptr || !ping.run.empty() || !standing.open) return start;
    const auto open = standing.schedule.slot(*standing.open->recurrence_id);
    const auto target = core::slot_for_ping(standing.schedule, expectation, open, now);
    const bool is_same = target.slot && start->slot == target.slot->id;
    return !target.slot || is_same ? start : nullptr;
}

/// The success of an open slot: it is done, and those before it are passed over.
Result<void> complete(const core::PingSlot& target, const Task& open, Handling& h) {
    Task task = open;
    if (*task.recurrence_id != target.slot->id) {
        const core::NextSlot next{target.slot, target.missed};
        const auto passed = cancel_occurrence(task, core::SkipReason::missed, h, &next);
        if (!passed) return tl::unexpected(passed.error());
        core::check(passed->next.has_value(), "a slot that a ping is for becomes a task");
        task = *passed->next;
    }
    const auto done = complete_occurrence(task, h);
    if (!done) return tl::unexpected(done.error());
    return {};
}

void note_start(Expectation& expectation, const Ping& ping, core::Timestamp now) {
    auto& starts = expectation.starts;
    std::erase_if(starts, [&](const auto& start) { return start.run == ping.run; });
    if (starts.size() >= core::ping_starts_max) starts.erase(starts.begin());
    starts.push_back({ping.run, now, ping.recurrence_id});
}

}  // namespace

Result<ipc::ExpectationSaved> set_expectation(const ipc::ExpectationSet& request, Handling& h) {
    const auto name = core::checked_expectation_name(request.name);
    if (!name) return tl::unexpected(name.error());
    if (request.every.empty())
        return core::invalid_argument("every", "is missing; such as day, weekday, 4 hours");
    const auto grace = read_span("grace", request.grace);
    if (!grace) return tl::unexpected(grace.error());
    const auto window = read_span("window", request.window);
    if (!window) return tl::unexpected(window.error());
    const std::string asked = words_of(request);
    if (const auto known = h.unit.find_expectation(h.user, *name)) {
        if (known->asked != asked)
            return tl::unexpected(core::Error{
                core::Reason::conflict, "name: " + *name + " is expected already, in another way",
                "name", "taskctl expect " + *name + " shows it; --remove makes room for another"});
        auto view = view_of(*known, h);
        if (!view) return tl::unexpected(view.error());
        return ipc::ExpectationSaved{std::move(*view), {}, {}, {}, true};
    }
    auto wanted = task_of(request, *grace);
    if (request.by.empty()) {
        auto first = first_time(request, h);
        if (!first) return tl::unexpected(first.error());
        wanted.at = std::move(*first);
    }
    auto added = add_task(wanted, h);
    if (!added) {
        // It is named after what was asked for.
        core::Error error = added.error();
        if (error.field == "at") {
            error.field = "by";
            if (error.message.rfind("at: ", 0) == 0) error.message.replace(0, 2, "by");
        }
        return tl::unexpected(std::move(error));
    }
    if (auto good = check_kind(added->series->series); !good) return tl::unexpected(good.error());
    Expectation expectation;
    expectation.series = added->series->series.id;
    expectation.name = *name;
    expectation.grace = *grace;
    expectation.window = *window;
    expectation.asked = asked;
    const auto schedule = schedule_for(h.unit, added->series->series);
    if (!schedule) return tl::unexpected(schedule.error());
    expectation.by_deadline = request.window.empty() && !request.by.empty();
    if (expectation.by_deadline)
        expectation.window =
            core::deadline_window(*schedule, schedule->slot(*added->task.recurrence_id));
    h.unit.put_expectation(h.user, expectation);
    auto view = view_of(expectation, h);
    if (!view) return tl::unexpected(view.error());
    return ipc::ExpectationSaved{std::move(*view), added->understood, added->slots, added->warnings,
                                 false};
}

Result<ipc::ExpectationPinged> ping(const ipc::ExpectationPing& request, Handling& h) {
    if (request.run.size() > core::ping_run_bytes_max || core::has_control(request.run))
        return core::invalid_argument("run",
                                      "must be at most 200 bytes without control characters");
    auto found = find(request.name, h);
    if (!found) return tl::unexpected(found.error());
    Expectation expectation = std::move(*found);
    const auto standing = standing_of(expectation, h);
    if (!standing) return tl::unexpected(standing.error());
    const auto now = h.unit.now();

    Ping ping{expectation.series,
              expectation.name,
              request.kind,
              {},
              request.run,
              now,
              {},
              {},
              {},
              {},
              0,
              false};
    const bool was_silent = is_down(expectation, *standing, now);
    const bool was_failing = expectation.failing;
    const auto* start = start_for(expectation, ping, *standing, now);
    if (start != nullptr && now >= start->at) ping.took = now - start->at;

    core::PingSlot target;
    const bool counts = standing->open && !standing->series.paused;
    if (counts) target = target_of(expectation, start, *standing, h);
    if (target.slot) {
        ping.recurrence_id = target.slot->id;
        ping.due = standing->schedule.at(*target.slot);
    }
    if (ping.kind == PingKind::start) {
        ping.outcome = PingOutcome::started;
        note_start(expectation, ping, now);
    } else {
        if (start != nullptr)
            std::erase_if(expectation.starts, [&](const auto& one) { return one.run == ping.run; });
        if (!counts)
            ping.outcome = PingOutcome::paused;
        else if (ping.kind == PingKind::fail)
            ping.outcome = PingOutcome::failed;
        else if (!target.slot)
            ping.outcome = PingOutcome::early;
        else if (now > ping.due->at)
            ping.outcome = PingOutcome::late;
        else
            ping.outcome = PingOutcome::in_time;
    }
    if (ping.outcome == PingOutcome::late) ping.late = now - ping.due->at;

    if (ping.kind == PingKind::success && target.slot) {
        const auto open = standing->schedule.slot(*standing->open->recurrence_id);
        if (*target.slot >= open) {
            ping.recovered = was_silent;
            if (*target.slot > open) ping.missed = 1;
            for (const auto& run : target.missed)
                if (run.reason == core::SkipReason::missed) ping.missed += run.count;
            if (auto done = complete(target, *standing->open, h); !done)
                return tl::unexpected(done.error());
        }
    }
    if (ping.kind == PingKind::success && counts) {
        ping.recovered = ping.recovered || was_failing;
        expectation.failing = false;
    }
    if (ping.kind == PingKind::fail && counts) expectation.failing = true;
    // One too many does not hide the one that counted.
    const bool is_extra = !is_counted(ping) && expectation.last && !was_failing;
    if (ping.kind != PingKind::start && !is_extra) expectation.last = ping;
    h.unit.put_expectation(h.user, expectation);
    const auto seq = h.unit.append_event(h.user, {"ping.received", expectation.series.str(), ping});
    const bool fails_first = ping.kind == PingKind::fail && counts && !was_failing;
    if (ping.recovered || fails_first) tell(*standing, seq, h);

    auto view = view_of(expectation, h);
    if (!view) return tl::unexpected(view.error());
    return ipc::ExpectationPinged{std::move(ping), std::move(*view)};
}

Result<ipc::ExpectationPage> list_expectations(const ipc::ExpectationList& request, Handling& h) {
    if (request.limit < 1 || request.limit > core::page_max)
        return core::invalid_argument(
            "limit", std::to_string(request.limit) + " is not accepted; use 1 to 1000");
    std::vector<Expectation> found;
    if (request.name.empty()) {
        found = h.unit.list_expectations(h.user, request.after, request.limit);
    } else {
        auto one = find(request.name, h);
        if (!one) return tl::unexpected(one.error());
        found.push_back(std::move(*one));
    }
    ipc::ExpectationPage page;
    for (const auto& expectation : found) {
        auto view = view_of(expectation, h);
        if (!view) return tl::unexpected(view.error());
        page.expectations.push_back(std::move(*view));
    }
    return page;
}

Result<ipc::ExpectationRemoved> remove_expectation(const ipc::ExpectationRemove& request,
                                                   Handling& h) {
    const auto expectation = find(request.name, h);
    if (!expectation) return tl::unexpected(expectation.error());
    ipc::SeriesEnd end;
    end.series = expectation->series.str();
    if (const auto ended = end_series(end, h); !ended) return tl::unexpected(ended.error());
    return ipc::ExpectationRemoved{expectation->name};
}

void renew_window(const core::Series& series, const core::Schedule& schedule, Handling& h) {
    auto expectation = h.unit.find_expectation(h.user, series.id);
    const auto open = h.unit.find_open_occurrence(h.user, series.id);
    if (!expectation || !open || !expectation->by_deadline) return;
    expectation->window = core::deadline_window(schedule, schedule.slot(*open->recurrence_id));
    h.unit.put_expectation(h.user, *expectation);
}

Result<void> check_expected(const core::Series& after, Handling& h) {
    if (!h.unit.find_expectation(h.user, after.id)) return {};
    return check_kind(after);
}

}  // namespace taskd::daemon
