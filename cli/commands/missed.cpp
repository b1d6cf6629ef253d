// SPDX-License-Identifier: Apache-2.0
// taskctl missed: what did not happen although its time came.
#include "cli/commands/commands.h"
#include "cli/event_place.h"
#include "cli/times.h"
#include "core/rfc3339.h"
#include "core/text.h"
#include "ipc/json.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <iterator>
#include <map>
#include <memory>

namespace taskd::cli {
namespace {

using core::SkipReason;
using nlohmann::json;

constexpr std::int64_t events_max = 1000;

/// Slots that somebody wanted to be passed over are not missed.
bool is_wanted(SkipReason reason) {
    constexpr std::array wanted{SkipReason::user,      SkipReason::cancelled, SkipReason::paused,
                                SkipReason::shift,     SkipReason::exdate,    SkipReason::ended,
                                SkipReason::superseded};
    return std::find(wanted.begin(), wanted.end(), reason) != wanted.end();
}

std::string reason_words(SkipReason reason) {
    switch (reason) {
    case SkipReason::catch_up:
        return "not caught up with";
    case SkipReason::window:
        return "older than its window";
    case SkipReason::overlap:
        return "the one before was open";
    case SkipReason::min_gap:
        return "too soon after the one before";
    case SkipReason::failed:
        return "its command failed";
    case SkipReason::not_after:
        return "too late for its command to begin";
    case SkipReason::missed:
        return "no ping came";
    default:
        return std::string(core::to_string(reason));
    }
}

struct Missed {
    core::Timestamp at;
    std::string task, series;  ///< ids: whose it is
    std::int64_t number = 0;   ///< of its task, where that is known
    std::string what;          ///< "" for the name of the series
    std::optional<core::RecurrenceId> from, to;
    std::uint64_t slots = 1;
    std::string why;
    json event;
};

/// What series and tasks are called and which number stands for them, each asked for once.
class Names {
public:
    explicit Names(ipc::Client& client) : client_(client) {}

    std::string name_of(const Missed& missed) {
        if (!missed.what.empty()) return missed.what;
        const auto& details = series(missed.series);
        return details ? details->series.series.content.summary : missed.series;
    }

    /// The number to type next: of the slot's own task, else of the open one of its series.
    std::string number_of(const Missed& missed) {
        if (missed.number != 0) return std::to_string(missed.number);
        if (!missed.task.empty()) return number_of_task(missed.task);
        if (missed.series.empty()) return "";
        const auto& details = series(missed.series);
        if (!details) return number_of_task(missed.series);
        std::int64_t number = details->series.open_task;
        for (const auto& slot : details->occurrences) {
            if (number == 0) number = slot.task;
            const bool is_it = missed.from && slot.recurrence_id == core::format(*missed.from);
            if (is_it && slot.task != 0) number = slot.task;
        }
        return number == 0 ? "" : std::to_string(number);
    }

private:
    std::string number_of_task(const std::string& id) {
        const auto [found, fresh] = tasks_.try_emplace(id, 0);
        if (fresh)
            if (const auto answer = client_.call(ipc::TaskGet{id}))
                found->second = answer->value.task.number;
        return found->second == 0 ? "" : std::to_string(found->second);
    }
    const std::optional<ipc::SeriesDetails>& series(const std::string& id) {
        const auto [found, fresh] = series_.try_emplace(id);
        if (fresh)
            if (auto answer = client_.call(ipc::SeriesGet{id}))
                found->second = std::move(answer->value);
        return found->second;
    }

    ipc::Client& client_;
    std::map<std::string, std::optional<ipc::SeriesDetails>> series_{};
    std::map<std::string, std::int64_t> tasks_{};
};

std::string text_at(const json& object, const char* name) {
    const auto found = object.find(name);
    return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

/// "Wed 2026-11-25 09:30"; for programs the local time, and of several slots "FIRST/LAST".
std::string slots_of(const Missed& missed, bool plain) {
    if (!missed.from) return "";
    const auto words = [&](const core::RecurrenceId& slot) {
        return plain ? core::format(slot) : slot_words(slot);
    };
    if (missed.slots == 1 || !missed.to) return words(*missed.from);
    if (plain) return words(*missed.from) + "/" + words(*missed.to);
    return std::to_string(missed.slots) + " slots, " + words(*missed.from) + " .. " +
           words(*missed.to);
}

/// Of a run beside the schedule, which is of no task: the group that it is in is by itself its
/// series or task.
std::string owner_of(const core::Delivery& run) {
    constexpr std::size_t uuid_size = 36;
    return run.call->target.size() == uuid_size ? run.call->target : "";
}

/// What an event tells of; none where nothing was missed by it.
std::optional<Missed> missed_from(const ipc::CloudEvent& event) {
    const auto data = json::parse(event.data, nullptr, false);
    if (!data.is_object() || !data.contains("payload") || !data["payload"].is_object()) return {};
    const json& payload = data["payload"];
    Missed missed;
    missed.event = ipc::to_json(event);
    missed.at = core::parse_utc(event.time).value_or(core::Timestamp{});
    if (event.type == "occurrence.skipped") {
        const auto skipped = ipc::from_json<core::OccurrenceSkipped>(payload);
        if (!skipped || is_wanted(skipped->slots.reason)) return {};
        missed.series = skipped->series.str();
        missed.from = skipped->slots.from;
        missed.to = skipped->slots.to;
        missed.slots = skipped->slots.count;
        missed.why = reason_words(skipped->slots.reason);
        return missed;
    }
    if (event.type == "reminder.missed") {
        missed.what = text_at(payload, "summary");
        missed.task = text_at(payload, "task_id");
        missed.series = text_at(payload, "series_id");
        missed.from = core::parse_recurrence_id(text_at(payload, "recurrence_id"));
        missed.why = "its reminder came too late";
        return missed;
    }
    const auto delivery = ipc::from_json<core::Delivery>(payload);
    // A run that failed is told by its slot, if it had one.
    const bool has_slot = delivery && delivery->is_run() && !delivery->task.empty() &&
                          !delivery->recurrence_id.empty();
    if (!delivery || has_slot) return {};
    missed.from = core::parse_recurrence_id(delivery->recurrence_id);
    missed.task = delivery->task.str();
    if (delivery->is_run() && missed.task.empty()) missed.series = owner_of(*delivery);
    missed.what = delivery->is_run() ? delivery->call->summary
                  : delivery->call   ? delivery->call->method
                                     : "delivery to " + delivery->channel;
    missed.why = delivery->result;
    return missed;
}

/// What pings are waited for in vain: no event tells of it before the next ping.
std::vector<Missed> silent(ipc::Client& client) {
    std::vector<Missed> found;
    const auto answer = client.call(ipc::ExpectationList{"", "", core::page_max});
    if (!answer) return found;
    json views = ipc::to_json(answer->value)["expectations"];
    for (std::size_t i = 0; i < answer->value.expectations.size(); ++i) {
        const auto& view = answer->value.expectations[i];
        const auto& last = view.expectation.last;
        const bool is_down = view.state == "down" && view.due;
        if (!is_down && (view.state != "failed" || !last)) continue;
        Missed missed;
        missed.what = view.expectation.name;
        missed.number = view.task;
        missed.at = is_down ? view.due->at + view.expectation.grace : last->received;
        if (is_down) missed.from = core::RecurrenceId{view.due->local};
        missed.why = is_down ? "no ping has come yet" : "its last ping told of a failure";
        missed.event = std::move(views[i]);
        found.push_back(std::move(missed));
    }
    return found;
}

/// When nothing could happen, for whoever reads the list.
void say_gaps(const std::vector<core::Gap>& gaps, Screen& screen, const core::TimeZone& zone) {
    constexpr std::size_t shown = 5;
    for (std::size_t i = 0; i < gaps.size() && i < shown; ++i)
        screen.note("taskd was off or its machine slept from " + stamp(gaps[i].since, zone) +
                    " until " + stamp(gaps[i].until, zone));
}

int run(Context& context, const std::string& since) {
    const auto place = event_place("since", since.empty() ? "7 days ago" : since, PlaceOf::begin,
                                   context.now(), context.zone());
    if (!place) return context.fail(place.error());
    auto client = context.client();
    if (!client) return context.fail(client.error());
    ipc::EventList request;
    request.types = {"occurrence.skipped", "reminder.missed", "delivery.failed"};
    request.limit = events_max;
    const auto answer = client->call(request);
    if (!answer) return context.fail(answer.error());

    std::vector<Missed> all;
    for (const auto& event : answer->value.events) {
        if (place->number && event.userseq <= *place->number) continue;
        auto missed = missed_from(event);
        if (!missed || (place->time && missed->at < *place->time)) continue;
        all.push_back(std::move(*missed));
    }
    auto waited_for = silent(*client);
    std::vector<core::Gap> gaps;
    auto since_when = place->time;
    if (!since_when && !all.empty()) since_when = all.front().at;  // behind an event of that number
    if (const auto known = client->call(ipc::GapList{since_when, 100})) gaps = known->value.gaps;
    const auto newest_first = [](const Missed& a, const Missed& b) { return a.at > b.at; };
    // An event's own time may be before that of one with a lower number.
    std::reverse(all.begin(), all.end());
    std::stable_sort(all.begin(), all.end(), newest_first);
    Screen& screen = context.screen();
    const bool is_nothing = all.empty() && waited_for.empty();
    if (screen.json()) {
        json list = json::array();
        for (auto& missed : all) {
            if (screen.one_line_json()) screen.print_json(missed.event);
            list.push_back(std::move(missed.event));
        }
        json still = json::array();
        for (auto& missed : waited_for) {
            if (screen.one_line_json()) screen.print_json(missed.event);
            still.push_back(std::move(missed.event));
        }
        if (!screen.one_line_json())
            screen.print_json({{"events", std::move(list)},
                               {"expectations", std::move(still)},
                               {"gaps", ipc::to_json(ipc::GapPage{gaps})["gaps"]}});
    } else if (screen.quiet()) {
        screen.print(std::to_string(all.size() + waited_for.size()) + "\n");
    } else {
        std::move(waited_for.begin(), waited_for.end(), std::back_inserter(all));
        std::stable_sort(all.begin(), all.end(), newest_first);
        const bool plain = screen.plain_lists();
        Names names(*client);
        Table table{{{"KNOWN SINCE", false},
                     {"TASK", true},
                     {"WHAT", false, true},
                     {"SLOT", false, true},
                     {"WHY", false, true}},
                    {}};
        for (const auto& missed : all)
            table.rows.push_back(
                {{plain ? core::format_utc(missed.at) : stamp(missed.at, context.zone())},
                 {names.number_of(missed)},
                 {names.name_of(missed)},
                 {slots_of(missed, plain)},
                 {missed.why, Paint::yellow}});
        screen.print_list(table);
    }
    if (answer->value.events.size() == static_cast<std::size_t>(events_max))
        screen.note("only the newest 1000 were looked at; events list --type has the others");
    if (is_nothing) screen.hint("nothing was missed");
    if (!is_nothing && !screen.json()) say_gaps(gaps, screen, context.zone());
    return 0;
}

}  // namespace

void register_missed(CommandLine& line) {
    const auto since = std::make_shared<std::string>();
    auto& app = line.add(
        {.name = "missed",
         .section = "Scheduled commands",
         .summary = "list what did not happen although its time came, newest first",
         .examples = {"missed", "missed --since \"24 hours ago\""},
         .details = "Slots that were passed over and not wanted to be, reminders that came too "
                    "late, commands and deliveries that failed, pings that have not come; and "
                    "when taskd was off. TASK is what taskctl explain takes: the slot's own task, "
                    "or the open one of its series.",
         .run = [since](Context& context, const Words&) { return run(context, *since); }});
    add_text(app, "--since", *since, "NUMBER|TIME", "known since then (default 7 days ago)");
}

}  // namespace taskd::cli
