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

/// The names of series, each asked for once.
class Names {
public:
    explicit Names(ipc::Client& client) : client_(client) {}
    std::string of_series(const std::string& id) {
        auto [found, fresh] = names_.try_emplace(id, id);
        if (!fresh) return found->second;
        if (const auto answer = client_.call(ipc::SeriesGet{id}))
            found->second = answer->value.series.series.content.summary;
        return found->second;
    }

private:
    ipc::Client& client_;
    std::map<std::string, std::string> names_;
};

struct Missed {
    core::Timestamp at;
    std::string what;
    std::string slot;
    std::string why;
    json event;
};

std::string text_at(const json& object, const char* name) {
    const auto found = object.find(name);
    return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

std::string slots_of(const core::SkippedSlots& skipped) {
    if (skipped.count == 1) return slot_words(skipped.from);
    return std::to_string(skipped.count) + " slots, " + slot_words(skipped.from) + " .. " +
           slot_words(skipped.to);
}

/// What an event tells of; none where nothing was missed by it.
std::optional<Missed> missed_from(const ipc::CloudEvent& event, Names& names) {
    const auto data = json::parse(event.data, nullptr, false);
    if (!data.is_object() || !data.contains("payload") || !data["payload"].is_object()) return {};
    const json& payload = data["payload"];
    Missed missed;
    missed.event = ipc::to_json(event);
    missed.at = core::parse_utc(event.time).value_or(core::Timestamp{});
    if (event.type == "occurrence.skipped") {
        const auto skipped = ipc::from_json<core::OccurrenceSkipped>(payload);
        if (!skipped || is_wanted(skipped->slots.reason)) return {};
        missed.what = names.of_series(text_at(payload, "series_id"));
        missed.slot = slots_of(skipped->slots);
        missed.why = reason_words(skipped->slots.reason);
        return missed;
    }
    if (event.type == "reminder.missed") {
        missed.what = text_at(payload, "summary");
        missed.slot = text_at(payload, "recurrence_id");
        missed.why = "its reminder came too late";
        return missed;
    }
    const auto delivery = ipc::from_json<core::Delivery>(payload);
    // A run that failed is told by its slot, if it had one.
    const bool has_slot = delivery && delivery->is_run() && !delivery->task.empty() &&
                          !delivery->recurrence_id.empty();
    if (!delivery || has_slot) return {};
    missed.slot = delivery->recurrence_id;
    missed.what = delivery->is_run() ? delivery->call->summary
                  : delivery->call   ? delivery->call->method
                                     : "delivery to " + delivery->channel;
    missed.why = delivery->result;
    return missed;
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

    Names names(*client);
    std::vector<Missed> all;
    for (const auto& event : answer->value.events) {
        if (place->number && event.userseq <= *place->number) continue;
        auto missed = missed_from(event, names);
        if (!missed || (place->time && missed->at < *place->time)) continue;
        all.push_back(std::move(*missed));
    }
    std::reverse(all.begin(), all.end());
    Screen& screen = context.screen();
    if (screen.json()) {
        json list = json::array();
        for (auto& missed : all) {
            if (screen.one_line_json()) screen.print_json(missed.event);
            list.push_back(std::move(missed.event));
        }
        if (!screen.one_line_json()) screen.print_json({{"events", std::move(list)}});
    } else if (screen.quiet()) {
        screen.print(std::to_string(all.size()) + "\n");
    } else {
        const bool plain = screen.plain_lists();
        Table table{{{"KNOWN SINCE", false},
                     {"WHAT", false, true},
                     {"SLOT", false, true},
                     {"WHY", false, true}},
                    {}};
        for (const auto& missed : all)
            table.rows.push_back(
                {{plain ? core::format_utc(missed.at) : stamp(missed.at, context.zone())},
                 {missed.what},
                 {missed.slot},
                 {missed.why, Paint::yellow}});
        screen.print_list(table);
    }
    if (answer->value.events.size() == static_cast<std::size_t>(events_max))
        screen.note("only the newest 1000 were looked at; events list --type has the others");
    if (all.empty()) screen.hint("nothing was missed");
    return 0;
}

}  // namespace

void register_missed(CommandLine& line) {
    const auto since = std::make_shared<std::string>();
    auto& app = line.add(
        {.name = "missed",
         .section = "Scripts",
         .summary = "list what did not happen although its time came, newest first",
         .examples = {"missed", "missed --since \"24 hours ago\""},
         .details = "Slots that were passed over and not wanted to be, reminders that came too "
                    "late, commands and deliveries that failed.",
         .run = [since](Context& context, const Words&) { return run(context, *since); }});
    add_text(app, "--since", *since, "NUMBER|TIME", "known since then (default 7 days ago)");
}

}  // namespace taskd::cli
