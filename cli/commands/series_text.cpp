// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/series_text.h"

#include "cli/times.h"
#include "core/text.h"

namespace taskd::cli {
namespace {

constexpr std::size_t id_shown = 8;  // as series list shows it
constexpr std::size_t slots_sent = 3;

std::string slot_lines(Context& context, const ipc::SeriesChanged& changed) {
    std::string text;
    std::string label = "next  ";
    for (const auto& slot : changed.slots) {
        text += "  " + label + full_words(slot, context.zone()) + "  " +
                painted(distance(slot, context.now()), Paint::dim, context.screen().style()) + "\n";
        label.assign(label.size(), ' ');
    }
    const auto& series = changed.series.series;
    const bool is_scheduled = series.policies.anchor == core::Anchor::schedule;
    if (is_scheduled && !changed.slots.empty() && changed.slots.size() < slots_sent)
        text += "        and then it ends\n";
    return text;
}

std::string task_line(Context& context, const core::Task& task) {
    std::string text = "  task " + std::to_string(task.number);
    if (task.content.due) text += ", " + full_words(*task.content.due, context.zone());
    return text + "\n";
}

}  // namespace

std::string policy_words(const core::Policies& policies) {
    std::vector<std::string> words;
    for (const auto& policy : core::describe(policies))
        if (policy.origin != "default")
            words.push_back(policy.name + " " + policy.value + " (" + policy.origin + ")");
    return words.empty() ? "all by default" : core::join(words, ", ");
}

void show_changed(Context& context, const ipc::SeriesChanged& changed, const nlohmann::json& json,
                  const std::string& verb) {
    Screen& screen = context.screen();
    const auto& series = changed.series.series;
    for (const auto& warning : changed.warnings) screen.warn(warning);
    if (screen.json()) return screen.print_json(json);
    if (screen.quiet()) return screen.print(series.id.str() + "\n");
    std::string text = verb + " series " + series.id.str().substr(0, id_shown) + ": " +
                       visible(series.content.summary) + "\n";
    if (!changed.understood.empty()) text += "  " + visible(changed.understood) + "\n";
    for (const auto& run : changed.skipped) text += "  " + skipped_words(run) + "\n";
    for (const auto& task : changed.tasks)
        if (task.is_open()) text += task_line(context, task);
    if (changed.next)
        text += task_line(context, *changed.next);
    else if (changed.series.open_task != 0 && changed.tasks.empty() && changed.slots.empty())
        text += "  task " + std::to_string(changed.series.open_task) + " stays open\n";
    screen.print(text + slot_lines(context, changed));
}

core::Result<std::optional<core::RecurrenceId>> slot_from(const std::string& option,
                                                          const std::string& text) {
    if (text.empty()) return std::optional<core::RecurrenceId>{};
    std::string wanted = text;
    if (const auto space = wanted.find(' '); space != std::string::npos) wanted[space] = 'T';
    if (wanted.size() == std::string_view("2026-12-24T09:30").size()) wanted += ":00";
    const auto id = core::parse_recurrence_id(wanted);
    if (id) return id;
    return core::invalid_argument(option,
                                  "\"" + core::clipped(text, 64) +
                                      "\" is not a slot's local time such as "
                                      "2026-12-24T09:30",
                                  "series preview lists the next ones");
}

}  // namespace taskd::cli
