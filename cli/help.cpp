// SPDX-License-Identifier: Apache-2.0
#include "cli/help.h"

#include "cli/exit_code.h"
#include "cli/render.h"

#include <algorithm>

namespace taskd::cli {
namespace {

constexpr std::size_t width_standard = 80;
constexpr std::size_t width_max = 100;  // longer lines are hard to read
constexpr std::size_t name_column_max = 26;

using Rows = std::vector<std::pair<std::string, std::string>>;

std::string heading(const std::string& text, const Style& style) {
    return "\n" + painted(text, Paint::bold, style) + "\n";
}

std::string rows_text(const Rows& rows, const Style& style) {
    const std::size_t width = style.width == 0 ? width_standard : std::min(style.width, width_max);
    std::size_t names = 0;
    for (const auto& [name, text] : rows)
        if (name.size() <= name_column_max) names = std::max(names, name.size());
    std::string out;
    const std::size_t indent = names + 4;
    for (const auto& [name, text] : rows) {
        out += "  " + name;
        if (name.size() > names)
            out += "\n" + std::string(indent, ' ');
        else
            out += std::string(indent - 2 - name.size(), ' ');
        out += wrapped(text, indent, width) + "\n";
    }
    return out;
}

Rows options_of(const CLI::App& app) {
    Rows rows;
    for (const auto* option : app.get_options()) {
        if (option->get_group().empty()) continue;
        std::string name;
        for (const auto& letter : option->get_snames()) name += "-" + letter + ", ";
        if (name.empty()) name = "    ";
        for (const auto& word : option->get_lnames()) name += "--" + word;
        if (option->get_type_size() != 0) name += " " + option->get_type_name();
        rows.emplace_back(name, option->get_description());
    }
    // Help and version are for those who look for them.
    std::stable_partition(rows.begin(), rows.end(), [](const auto& row) {
        return row.first.find("--help") == std::string::npos &&
               row.first.find("--version") == std::string::npos;
    });
    return rows;
}

std::string examples_text(const std::vector<std::string>& examples, const Style& style) {
    if (examples.empty()) return {};
    std::string out = heading("Examples:", style);
    for (const auto& example : examples) out += "  taskctl " + example + "\n";
    return out;
}

}  // namespace

std::string overview(const CommandLine& line, const Style& style) {
    std::string out =
        "taskctl talks to taskd, which keeps promises about time: recurring tasks,\n"
        "reminders, events. A daemon is started when none runs.\n" +
        heading("Usage:", style) + "  taskctl COMMAND [OPTIONS]\n" +
        examples_text({"add Stand-up --every weekday --at 9:30 --remind 10m", "list", "done 1"},
                      style);
    std::vector<std::string> sections;
    for (const auto& command : line.commands())
        if (std::find(sections.begin(), sections.end(), command.section) == sections.end())
            sections.push_back(command.section);
    for (const auto& section : sections) {
        Rows rows;
        for (const auto& command : line.commands())
            if (command.section == section && command.run)
                rows.emplace_back(command.name, command.summary);
        out += heading(section + ":", style) + rows_text(rows, style);
    }
    out += heading("Global options, before or after the command:", style) +
           rows_text(options_of(line.root()), style);
    Rows statuses;
    for (const auto& row : exit_codes)
        statuses.emplace_back(std::to_string(row.status), std::string(row.meaning));
    out += heading("Exit status:", style) + rows_text(statuses, style);
    return out + "\ntaskctl COMMAND --help shows a command's options; the manual is taskctl(1).\n";
}

std::string help_of(const Command& command, const CommandLine& line, const Style& style) {
    std::string summary = command.summary;
    summary.front() = static_cast<char>(std::toupper(summary.front()));
    std::string out = summary + ".\n" + examples_text(command.examples, style) +
                      heading("Usage:", style) + "  taskctl " + command.name;
    // Options first: what stands behind a "--" is no option any more.
    out += command.run ? " [OPTIONS]" : " COMMAND [OPTIONS]";
    out += (command.usage.empty() ? "" : " " + command.usage) + "\n";
    if (!command.run) {
        Rows rows;
        for (const auto& other : line.commands())
            if (other.name.rfind(command.name + " ", 0) == 0)
                rows.emplace_back(other.name, other.summary);
        out += heading("Commands:", style) + rows_text(rows, style);
    }
    Rows options = options_of(*command.app);
    if (options.size() > 1) out += heading("Options:", style) + rows_text(options, style);
    if (!command.details.empty()) {
        const std::size_t width =
            style.width == 0 ? width_standard : std::min(style.width, width_max);
        out += "\n" + wrapped(command.details, 0, width) + "\n";
    }
    return out + "\nGlobal options such as -o json and --quiet: taskctl --help\n";
}

}  // namespace taskd::cli
