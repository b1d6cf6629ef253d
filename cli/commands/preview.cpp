// SPDX-License-Identifier: Apache-2.0
#include "cli/preview.h"

#include "cli/commands/commands.h"
#include "cli/preview_stream.h"
#include "cli/times.h"
#include "core/text.h"
#include "core/when.h"
#include "ipc/json.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <iostream>
#include <memory>

namespace taskd::cli {
namespace {

struct Given {
    PreviewRequest request;
    std::string tz;
    std::string count;
    bool jsonl = false;
};

std::string offset_of(const PreviewSlot& shown) {
    const auto zone = core::TimeZone::load(shown.time.tzid);
    return offset_words((zone ? *zone : core::TimeZone::utc()).utc_offset(shown.time.at));
}

std::string understood(const Preview& preview) {
    const auto& plan = preview.plan;
    return rule_words(plan.rule, plan.dtstart) +
           (plan.after_completion ? ", after completion" : "");
}

nlohmann::json json_of(const PreviewSlot& shown) {
    nlohmann::json object = ipc::to_json(shown.time);
    if (!shown.time.is_date) object["utc_offset"] = offset_of(shown);
    object["shifted"] = shown.shifted;
    object["recurrence_id"] = core::format(shown.slot.id);
    if (!shown.mark.empty()) object["mark"] = shown.mark;
    return object;
}

void print_json(Screen& screen, const Preview& preview) {
    nlohmann::json slots = nlohmann::json::array();
    for (const auto& shown : preview.slots) slots.push_back(json_of(shown));
    if (screen.one_line_json()) {
        for (const auto& slot : slots) screen.print_json(slot);
        return;
    }
    screen.print_json({{"understood", understood(preview)},
                       {"rrule", core::format_rrule(preview.plan.rule)},
                       {"dtstart", ipc::to_json(preview.plan.dtstart)},
                       {"tzid", preview.plan.dtstart.tzid},
                       {"after_completion", preview.plan.after_completion},
                       {"ends", preview.ends},
                       {"warnings", preview.warnings},
                       {"slots", slots}});
}

void show_plain(Context& context, const Preview& preview) {
    Table table{{{"SLOT"}, {"WEEKDAY"}, {"DISTANCE"}, {"MARK"}}, {}};
    for (const auto& shown : preview.slots)
        table.rows.push_back({{core::format(shown.time)},
                              {core::describe(shown.time).substr(0, 3)},
                              {distance(shown.time, context.now())},
                              {shown.mark}});
    context.screen().print_list(table);
}

std::string line_of(Context& context, const PreviewSlot& shown, std::size_t width) {
    std::string away = distance_words(shown.time, context.now());
    if (!shown.mark.empty()) away.resize(std::max(width, away.size()), ' ');
    const auto style = context.screen().style();
    std::string line = "  " + core::describe(shown.time);
    if (!shown.time.is_date) line += " " + offset_of(shown);
    line += "  " + painted(away, Paint::dim, style);
    if (!shown.mark.empty()) line += "  " + painted(shown.mark, Paint::yellow, style);
    return line + "\n";
}

void show(Context& context, const Preview& preview) {
    Screen& screen = context.screen();
    std::string text = painted(visible(understood(preview)), Paint::bold, screen.style()) + "\n  " +
                       painted(core::format_rrule(preview.plan.rule), Paint::dim, screen.style()) +
                       "\n";
    if (preview.plan.after_completion) text += "  if it is done now, and then each on its day:\n";
    std::size_t width = 0;  // of the distances, so that marks stand below each other
    for (const auto& shown : preview.slots)
        width = std::max(width, display_width(distance_words(shown.time, context.now())));
    for (const auto& shown : preview.slots) text += line_of(context, shown, width);
    if (preview.slots.empty()) text += "  no slots there\n";
    if (preview.ends) text += "  and then it ends\n";
    screen.print(text);
}

/// One answer per line of standard input, each written out before the next is read.
int run_stream(Context& context, const Words& words) {
    if (!words.empty())
        return context.fail(
            core::invalid_argument("jsonl", "reads its rules from standard input; give no RULE")
                .value());
    preview_stream(std::cin, [&](const nlohmann::json& answer) {
        context.screen().print(answer.dump() + "\n");
        context.screen().flush();
    });
    return 0;
}

int run(Context& context, Given given, const Words& words) {
    if (given.jsonl) return run_stream(context, words);
    if (words.empty())
        return context.fail(
            core::invalid_argument("rule", "is missing, as in taskctl preview every weekday")
                .value());
    given.request.rule = core::join(words, " ");
    if (!given.count.empty()) {
        const auto number = number_from("count", given.count, 1, preview_count_max);
        if (!number) return context.fail(number.error());
        given.request.count = static_cast<std::size_t>(*number);
    }
    const auto zone = given.tz.empty() ? core::Result<core::TimeZone>(context.zone())
                                       : core::TimeZone::load(given.tz);
    if (!zone) return context.fail(zone.error());
    const auto preview = preview_of(given.request, context.now(), *zone);
    if (!preview) return context.fail(preview.error());

    Screen& screen = context.screen();
    if (context.zone_name().empty() && given.tz.empty() && preview->plan.dtstart.tzid == "UTC")
        screen.warn("no time zone is known, so times are in UTC; --tz names one");
    for (const auto& warning : preview->warnings) screen.warn(warning);
    if (screen.json())
        print_json(screen, *preview);
    else if (screen.quiet())
        for (const auto& shown : preview->slots) screen.print(core::format(shown.time) + "\n");
    else if (screen.plain())
        show_plain(context, *preview);
    else
        show(context, *preview);
    return 0;
}

}  // namespace

void register_preview(CommandLine& line) {
    const auto given = std::make_shared<Given>();
    auto& app = line.add(
        {.name = "preview",
         .section = "Series",
         .summary = "show what a rule means, and its next slots",
         .usage = "RULE...",
         .words_min = 0,
         .words_max = any_number,
         .examples = {"preview every weekday at 9:30", "preview the last friday of the month",
                      "preview every 90 minutes between 9:00 and 17:00 on weekdays",
                      "preview \"0 9 * * 1-5\" --between \"today..end of the month\"",
                      "preview 3 days after completion --at 18:00",
                      "preview \"FREQ=WEEKLY;BYDAY=MO,TH\" --at 18:00 --tz Asia/Tokyo"},
         .details = "RULE is what add --every takes: a phrase, a cron line or an RRULE (RFC 5545); "
                    "taskd-recurrence(7) has the grammar. Needs no daemon and changes nothing.",
         .run = [given](Context& context, const Words& words) {
             return run(context, *given, words);
         }});
    add_text(app, "--at", given->request.at, "WORDS", "the time of the slots");
    add_text(app, "--tz", given->tz, "ZONE", "their IANA zone (default: yours)");
    add_text(app, "--from", given->request.from, "WORDS",
             "begin there; a rule that names no begin starts there too");
    add_text(app, "--between", given->request.between, "A..B", "only slots in this span of time");
    add_switch(app, "--jsonl", given->jsonl, "answer one JSON object per line of standard input");
    add_text(app, "--count", given->count, "N", "how many slots, up to 1000 (default 5)");
    add_switch(app, "--after-completion", given->request.after_completion,
               "what follows if it were done now");
}

}  // namespace taskd::cli
