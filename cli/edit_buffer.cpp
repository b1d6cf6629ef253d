// SPDX-License-Identifier: Apache-2.0
#include "cli/edit_buffer.h"

#include "core/calendar_time.h"
#include "core/reminder_words.h"
#include "core/rfc3339.h"
#include "core/text.h"

#include <toml++/toml.h>

#include <algorithm>
#include <array>
#include <cstdio>

namespace taskd::cli {
namespace {

using core::Result;

/// A TOML basic string; every control character is written as an escape.
std::string quoted(const std::string& text) {
    std::string out = "\"";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (c == '\n') {
            out += "\\n";
        } else if (c == '\t') {
            out += "\\t";
        } else if (byte < 0x20 || byte == 0x7f) {
            std::array<char, 8> escaped{};
            std::snprintf(escaped.data(), escaped.size(), "\\u%04X", byte);
            out += escaped.data();
        } else {
            out += c;
        }
    }
    return out + "\"";
}

/// Notes of several lines stay lines.
std::string block(const std::string& text) {
    if (text.find('\n') == std::string::npos) return quoted(text);
    std::string out = "\"\"\"\n";
    for (const auto& line : core::split(text, '\n')) {
        const std::string one = quoted(line);
        out += one.substr(1, one.size() - 2) + "\n";
    }
    out.pop_back();
    return out + "\"\"\"";
}

std::string list_of(const std::vector<std::string>& words) {
    std::vector<std::string> items;
    for (const auto& word : words) items.push_back(quoted(word));
    return "[" + core::join(items, ", ") + "]";
}

/// A time as WORDS that the daemon reads back to the same time.
std::string time_words(const std::optional<core::CalendarTime>& time) {
    if (!time) return "";
    std::string text = core::format_local(time->local);
    text = time->is_date ? text.substr(0, 10) : text.substr(0, 10) + " " + text.substr(11);
    if (!time->is_date && text.size() == 19 && text.substr(16) == ":00") text.resize(16);
    return text + " " + time->tzid;
}

std::vector<std::string> spans_of(const std::vector<core::Reminder>& reminders) {
    std::vector<std::string> spans;
    for (const auto& reminder : reminders) spans.push_back(core::format_reminder(reminder));
    return spans;
}

std::vector<std::string> numbers_of(const std::vector<core::Task>& tasks) {
    std::vector<std::string> numbers;
    for (const auto& task : tasks) numbers.push_back(std::to_string(task.number));
    return numbers;
}

Result<void> wrong(const std::string& key, const std::string& accepted) {
    return core::invalid_argument(key, "must be " + accepted);
}

Result<void> read(const toml::table& table, const char* key, std::string& into) {
    const auto* node = table.get(key);
    if (node == nullptr) return {};
    const auto text = node->value_exact<std::string>();
    if (!text) return wrong(key, "a text in quotes");
    into = *text;
    return {};
}

/// A list of texts; numbers are taken as they are typed.
Result<void> read(const toml::table& table, const char* key, std::vector<std::string>& into) {
    const auto* node = table.get(key);
    if (node == nullptr) return {};
    const auto* array = node->as_array();
    if (array == nullptr) return wrong(key, "a list such as [\"a\", \"b\"]");
    into.clear();
    for (const auto& item : *array) {
        if (const auto text = item.value_exact<std::string>())
            into.push_back(*text);
        else if (const auto number = item.value_exact<std::int64_t>())
            into.push_back(std::to_string(*number));
        else
            return wrong(key, "a list of texts such as [\"a\", \"b\"]");
    }
    return {};
}

/// The fields of a buffer, before and after.
struct Buffer {
    std::string summary;
    std::string notes;
    std::string project;
    std::vector<std::string> tags;
    std::int64_t priority = 0;
    std::string start;
    std::string due;
    std::vector<std::string> remind;
    std::vector<std::string> depends_on;
};
constexpr std::array keys{"summary", "notes", "project", "tags",      "priority",
                          "start",   "due",   "remind",  "depends_on"};

Buffer buffer_of(const ipc::TaskDetails& details) {
    const auto& content = details.task.content;
    return {content.summary,
            content.notes,
            content.project,
            content.tags,
            content.priority,
            time_words(content.start),
            time_words(content.due),
            spans_of(details.reminders),
            numbers_of(details.dependencies)};
}

Result<void> check_keys(const toml::table& table) {
    for (const auto& [key, node] : table) {
        const std::string name(key.str());
        if (std::find(keys.begin(), keys.end(), name) != keys.end()) continue;
        const auto near = core::nearest(name, {keys.begin(), keys.end()});
        return core::invalid_argument(core::clipped(name, 64), "is not a field of a task",
                                      near.empty() ? "" : "did you mean \"" + near + "\"?");
    }
    return {};
}

Result<Buffer> parse(const std::string& text, Buffer buffer) {
    toml::table table;
    try {
        table = toml::parse(text);
    } catch (const toml::parse_error& failure) {
        return core::invalid_argument("line " + std::to_string(failure.source().begin.line),
                                      std::string(failure.description()));
    }
    if (auto known = check_keys(table); !known) return tl::unexpected(known.error());
    for (const auto& [key, into] : {std::pair{"summary", &buffer.summary},
                                    {"notes", &buffer.notes},
                                    {"project", &buffer.project},
                                    {"start", &buffer.start},
                                    {"due", &buffer.due}})
        if (auto good = read(table, key, *into); !good) return tl::unexpected(good.error());
    for (const auto& [key, into] : {std::pair{"tags", &buffer.tags},
                                    {"remind", &buffer.remind},
                                    {"depends_on", &buffer.depends_on}})
        if (auto good = read(table, key, *into); !good) return tl::unexpected(good.error());
    if (const auto* node = table.get("priority")) {
        const auto number = node->value_exact<std::int64_t>();
        if (!number) return tl::unexpected(wrong("priority", "a whole number from 0 to 9").error());
        buffer.priority = *number;
    }
    return buffer;
}

}  // namespace

std::string edit_text(const ipc::TaskDetails& details, const std::string& problem) {
    const Buffer now = buffer_of(details);
    const bool recurs = !details.task.series.empty();
    std::string text;
    for (const auto& line : core::split(problem, '\n'))
        if (!line.empty()) text += "# !! " + line + "\n";
    text += "# Task " + std::to_string(details.task.number) +
            (recurs ? ", this occurrence of its series only" : "") +
            ". Save and leave the editor to apply; delete all of it to give up.\n\n";
    text += "summary = " + quoted(now.summary) + "\n";
    text += "notes = " + block(now.notes) + "\n";
    text += "project = " + quoted(now.project) + "\n";
    text += "tags = " + list_of(now.tags) + "\n";
    text += "priority = " + std::to_string(now.priority) +
            "  # 1 is the highest, 9 the lowest, 0 none\n\n";
    text += "# Times are words: 2026-12-31 9:00, tomorrow 9am, fri 17:30; \"\" for none.\n";
    text += "start = " + quoted(now.start) + "\n";
    if (recurs) {
        text += "# due and remind are the series': its rule gives the time.\n";
    } else {
        text += "due = " + quoted(now.due) + "\n";
        text +=
            "remind = " + list_of(now.remind) + "  # so long before it is due: \"10m\", \"1d\"\n";
    }
    text += "\n# The numbers of tasks that have to be closed before.\n";
    text += "depends_on = [" + core::join(now.depends_on, ", ") + "]\n";
    return text;
}

Result<ipc::TaskUpdate> parse_edit(const std::string& text, const ipc::TaskDetails& details) {
    const Buffer before = buffer_of(details);
    const auto after = parse(text, before);
    if (!after) return tl::unexpected(after.error());
    ipc::TaskUpdate update;
    update.task = std::to_string(details.task.number);
    update.if_revision = details.task.revision;
    const auto take = [](auto& into, const auto& was, const auto& is) {
        if (was != is) into = is;
    };
    take(update.edit.summary, before.summary, after->summary);
    take(update.edit.notes, before.notes, after->notes);
    take(update.edit.project, before.project, after->project);
    take(update.edit.tags, before.tags, after->tags);
    if (before.priority != after->priority)
        update.edit.priority = static_cast<int>(std::clamp<std::int64_t>(after->priority, -1, 99));
    take(update.start, before.start, after->start);
    take(update.due, before.due, after->due);
    take(update.remind, before.remind, after->remind);
    take(update.depends_on, before.depends_on, after->depends_on);
    return update;
}

bool is_empty(const ipc::TaskUpdate& update) {
    const auto& edit = update.edit;
    return !edit.summary && !edit.notes && !edit.project && !edit.tags && !edit.priority &&
           edit.add_tags.empty() && edit.remove_tags.empty() && !update.start && !update.due &&
           !update.remind && !update.channels && update.reminding == ipc::ReminderHow{} &&
           !update.depends_on && update.add_depends_on.empty() &&
           update.remove_depends_on.empty() && !update.command;
}

bool is_blank(const std::string& text) {
    for (const auto& line : core::split(text, '\n')) {
        const auto rest = core::trim(line);
        if (!rest.empty() && rest.front() != '#') return false;
    }
    return true;
}

}  // namespace taskd::cli
