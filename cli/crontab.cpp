// SPDX-License-Identifier: Apache-2.0
#include "cli/crontab.h"

#include "core/cron.h"
#include "core/phrase.h"
#include "core/text.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace taskd::cli {
namespace {

using core::Result;

constexpr std::size_t fields = 5;

bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\r';
}

/// Takes the first word off.
std::string take_word(std::string_view& rest) {
    while (!rest.empty() && is_space(rest.front())) rest.remove_prefix(1);
    const auto end = std::find_if(rest.begin(), rest.end(), is_space);
    const std::string word(rest.begin(), end);
    rest.remove_prefix(word.size());
    while (!rest.empty() && is_space(rest.front())) rest.remove_prefix(1);
    return word;
}

std::string unquoted(std::string_view text) {
    text = core::trim(text);
    const bool quoted = text.size() >= 2 && (text.front() == '"' || text.front() == '\'') &&
                        text.back() == text.front();
    return std::string(quoted ? text.substr(1, text.size() - 2) : text);
}

/// NAME = VALUE, with or without quotes; "" as name for anything else.
std::pair<std::string, std::string> assignment(std::string_view line) {
    const auto equals = line.find('=');
    if (equals == std::string_view::npos) return {};
    const std::string name = unquoted(line.substr(0, equals));
    const auto is_part = [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
    };
    const bool is_name = !name.empty() && std::all_of(name.begin(), name.end(), is_part) &&
                         std::isdigit(static_cast<unsigned char>(name.front())) == 0;
    if (!is_name) return {};
    return {name, unquoted(line.substr(equals + 1))};
}

/// The part before the first %, and what stands behind as lines; \% is a plain one.
std::string script_of(std::string_view command, bool& has_input) {
    std::string script;
    std::string input;
    has_input = false;
    for (std::size_t i = 0; i < command.size(); ++i) {
        const bool escaped = command[i] == '\\' && i + 1 < command.size() && command[i + 1] == '%';
        std::string& into = has_input ? input : script;
        if (escaped)
            into += command[++i];
        else if (command[i] == '%' && has_input)
            input += '\n';
        else if (command[i] == '%')
            has_input = true;
        else
            into += command[i];
    }
    if (!has_input) return script;
    return "{ " + script + "\n} <<'TASKD_INPUT'\n" + input + "\nTASKD_INPUT";
}

void set_variable(std::vector<std::string>& environment, const std::string& name,
                  const std::string& value) {
    const std::string prefix = name + "=";
    std::erase_if(environment, [&](const auto& one) { return one.rfind(prefix, 0) == 0; });
    environment.push_back(prefix + value);
}

/// What holds for the lines below it.
struct Setting {
    std::vector<std::string> environment;
    std::string shell = "/bin/sh";
    std::string home;
    std::string tzid;
    std::string mail_to;

    void take(const std::string& name, const std::string& value) {
        if (name == "SHELL") shell = value;
        if (name == "HOME") home = value;
        if (name == "CRON_TZ") tzid = value;
        if (name == "MAILTO") mail_to = value;
        const bool is_for_cron = name == "MAILTO" || name == "MAILFROM" || name == "CRON_TZ";
        if (!is_for_cron) set_variable(environment, name, value);
    }
};

CrontabEntry entry_of(std::string_view line, const Setting& setting) {
    CrontabEntry entry;
    entry.text = std::string(line);
    std::string_view rest = line;
    if (rest.front() == '@') {
        entry.schedule = take_word(rest);
    } else {
        std::vector<std::string> words;
        while (words.size() < fields && !rest.empty()) words.push_back(take_word(rest));
        if (words.size() < fields) entry.problem = "has fewer than five fields and a command";
        entry.schedule = core::join(words, " ");
    }
    if (rest.empty() && entry.problem.empty()) entry.problem = "has no command";
    bool has_input = false;
    entry.script = script_of(rest, has_input);
    if (has_input) entry.notes.emplace_back("the text behind % is given by the shell");
    if (!setting.mail_to.empty())
        entry.notes.emplace_back("no mail is sent to MAILTO, " + setting.mail_to +
                                 "; taskctl runs show has what it printed");
    entry.shell = setting.shell;
    entry.directory = setting.home;
    entry.environment = setting.environment;
    entry.tzid = setting.tzid;
    return entry;
}

}  // namespace

std::vector<CrontabEntry> parse_crontab(const std::string& text, const std::string& home,
                                        const std::string& user) {
    std::vector<CrontabEntry> entries;
    Setting setting;
    setting.home = home;
    for (const auto& [name, value] : {std::pair<std::string, std::string>("PATH", "/usr/bin:/bin"),
                                      {"SHELL", "/bin/sh"},
                                      {"HOME", home},
                                      {"LOGNAME", user},
                                      {"USER", user}})
        if (!value.empty()) set_variable(setting.environment, name, value);
    int number = 0;
    for (const auto& whole : core::split(text, '\n')) {
        ++number;
        const auto line = core::trim(whole);
        if (line.empty() || line.front() == '#') continue;
        const bool is_entry = line.front() == '@' || line.front() == '*' ||
                              std::isdigit(static_cast<unsigned char>(line.front())) != 0;
        if (!is_entry) {
            const auto [name, value] = assignment(line);
            if (name.empty()) {
                CrontabEntry stray;
                stray.line = number;
                stray.text = std::string(line);
                stray.problem = "is neither an entry, NAME=VALUE nor a comment";
                entries.push_back(std::move(stray));
                continue;
            }
            setting.take(name, value);
            continue;
        }
        auto entry = entry_of(line, setting);
        entry.line = number;
        entries.push_back(std::move(entry));
    }
    return entries;
}

Result<std::vector<OurRule>> rules_of(const std::string& schedule) {
    const auto words = core::words_of(schedule);
    const auto limits = [&](std::size_t field) { return words[field] != "*"; };
    const bool both = words.size() == fields && limits(2) && limits(4);
    if (!both) {
        if (auto every = core::parse_cron(schedule); !every) return tl::unexpected(every.error());
        return std::vector<OurRule>{{schedule, ""}};
    }
    if (words[2].front() == '*' || words[4].front() == '*')
        return core::invalid_argument("every",
                                      "a step in one field of days and a limit in the "
                                      "other: crons differ on what that means");
    // Either of them: the days of the month, and of the days of the week those that are none.
    const std::string days = words[0] + " " + words[1] + " " + words[2] + " " + words[3] + " *";
    const auto of_month = core::parse_cron(days);
    if (!of_month) return tl::unexpected(of_month.error());
    const std::string weekdays = words[0] + " " + words[1] + " * " + words[3] + " " + words[4];
    auto of_week = core::parse_cron(weekdays);
    if (!of_week) return tl::unexpected(of_week.error());
    const auto& taken = of_month->rule.by_month_day;
    // "1-31" or "0-6" is every day.
    if (taken.empty()) return std::vector<OurRule>{{days, ""}};
    if (of_week->rule.by_day.empty()) return std::vector<OurRule>{{weekdays, ""}};
    if (std::any_of(taken.begin(), taken.end(), [](int day) { return day < 0; }))
        return core::invalid_argument("every", "L and a day of the week: make two lines of it");
    auto& rule = of_week->rule;
    if (rule.frequency == core::Frequency::monthly)
        return core::invalid_argument("every",
                                      "a day of the month and a counted day of the week: "
                                      "make two lines of it");
    if (rule.frequency == core::Frequency::weekly) rule.frequency = core::Frequency::daily;
    for (int day = 1; day <= 31; ++day)
        if (std::find(taken.begin(), taken.end(), day) == taken.end())
            rule.by_month_day.push_back(day);
    std::vector<OurRule> rules{{days, ""}};
    if (!rule.by_month_day.empty())
        rules.push_back({core::format_rrule(rule), of_week->at.value_or("")});
    return rules;
}

}  // namespace taskd::cli
