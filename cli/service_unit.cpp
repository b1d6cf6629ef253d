// SPDX-License-Identifier: Apache-2.0
#include "cli/service_unit.h"

#include "core/result.h"
#include "core/text.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <set>

namespace taskd::cli {
namespace {

using core::Result;
using Names = std::vector<std::string>;

// systemd's own on Debian: systemd-path search-binaries-default.
constexpr const char* search_path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Settings of [Service] with which it would not be the same command.
struct Refused {
    const char* name;
    const char* why;
};
constexpr std::array<Refused, 19> refused{{
    {"ExecStartPre", "is a second command; put them into one script"},
    {"ExecStartPost", "is a second command; put them into one script"},
    {"ExecCondition", "is a second command; put them into one script"},
    {"ExecStop", "is a second command; put them into one script"},
    {"ExecStopPost", "is a second command; put them into one script"},
    {"EnvironmentFile", "is read at each start; use Environment= or read it in a script"},
    {"PassEnvironment", "takes variables of systemd's own; use Environment="},
    {"UnsetEnvironment", "takes variables away; do it in a script with env -u"},
    {"ExecSearchPath", "is where its program is looked for; write the program's whole path"},
    {"RootDirectory", "runs it in another root directory"},
    {"RootImage", "runs it in another root directory"},
    {"BindPaths", "shows it other directories"},
    {"BindReadOnlyPaths", "shows it other directories"},
    {"Group", "runs it with another group"},
    {"SupplementaryGroups", "runs it with more groups"},
    {"PAMName", "runs it in a session of its own"},
    {"StandardInput", "gives it an input; taskd's commands have none"},
    {"StandardInputText", "gives it an input; taskd's commands have none"},
    {"StandardInputData", "gives it an input; taskd's commands have none"},
}};
constexpr std::array kept{"Type", "ExecStart", "Environment", "WorkingDirectory", "User"};
/// Those that change nothing where they are off.
constexpr std::array switches{"DynamicUser", "RemainAfterExit"};

/// What is wrong with the last value of a setting, with its place.
tl::unexpected<core::Error> refuse(const UnitFile& unit, const UnitSetting& setting,
                                   const std::string& why) {
    return unit_problem(setting_words(unit, setting) + ": " + why);
}

constexpr std::size_t line_bytes_max = 32 * 1024;  // it is kept in the series' notes too
constexpr std::size_t unkept_bytes_max = 1024;

enum class Manager { system, user, unknown };

Manager manager_of(const std::string& path, const UnitCaller& caller) {
    namespace fs = std::filesystem;
    std::error_code error;
    // The folder as it was named and as it is: either may be a link.
    const auto named = fs::absolute(path, error).lexically_normal().parent_path();
    for (const auto& folder : {named, fs::weakly_canonical(named, error)}) {
        const auto text = folder.string() + "/";
        if (text.find("/systemd/user/") != std::string::npos) return Manager::user;
        if (text.find("/systemd/system/") != std::string::npos) return Manager::system;
    }
    return caller.is_root ? Manager::system : Manager::unknown;
}

/// Takes the prefixes off; whether variables are left alone.
Result<bool> take_prefixes(std::string& program, Names& notes) {
    bool is_literal = false;
    while (!program.empty() && std::string_view("-:@+!").find(program[0]) != std::string::npos) {
        if (program[0] == '@')
            return unit_problem("has the prefix @: the program is told another name");
        if (program[0] == '+' || program[0] == '!')
            return unit_problem("has the prefix " + program.substr(0, 1) +
                                ": it runs with other privileges");
        if (program[0] == ':') is_literal = true;
        if (program[0] == '-')
            notes.emplace_back(
                "the prefix - is not kept: an exit status other than 0 is a failure");
        program.erase(0, 1);
    }
    return is_literal;
}

/// "$$" is a plain dollar sign; what else has one is a variable.
Result<std::string> without_variables(const std::string& text) {
    std::string plain;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '$' && text.compare(i, 2, "$$") != 0)
            return unit_problem("has the variable \"" + core::clipped(text.substr(i), 32) +
                                "\"; write its value, or $$ for a plain $");
        if (text[i] == '$') ++i;
        plain += text[i];
    }
    return plain;
}

Result<Names> argv_of(const std::string& value, const UnitCaller& caller, Names& notes) {
    const auto words = unit_words(value);
    if (!words) return unit_problem("has " + words.error().message);
    Names argv;
    bool is_literal = false;
    for (const auto& word : *words) {
        if (word.plain && word.text == ";")
            return unit_problem("has several commands; put them into one script");
        std::string text = word.text;
        if (argv.empty()) {
            const auto literal = take_prefixes(text, notes);
            if (!literal) return tl::unexpected(literal.error());
            is_literal = *literal;
            if (text.find('$') != std::string::npos)
                return unit_problem("has a $ in its program; write its whole path");
        }
        const auto home = "%h is " + caller.home;
        if (text.find("%h") != std::string::npos &&
            std::find(notes.begin(), notes.end(), home) == notes.end())
            notes.push_back(home);
        auto plain = without_specifiers(text, caller.home);
        if (!plain) return unit_problem("has " + plain.error().message);
        if (!is_literal) plain = without_variables(*plain);
        if (!plain) return tl::unexpected(plain.error());
        argv.push_back(std::move(*plain));
    }
    const bool is_path = !argv.empty() && argv[0].find('/') != std::string::npos;
    if (argv.empty() || argv[0].empty()) return unit_problem("names no program");
    if (is_path && argv[0].front() != '/')
        return unit_problem("has a relative path; write the program's whole path");
    return argv;
}

Result<void> read_command(const UnitFile& unit, const UnitCaller& caller, ServiceCommand& command) {
    const auto lines = unit.all("Service", "ExecStart");
    if (lines.empty()) return unit_problem(file_name(unit.path) + " has no ExecStart=");
    if (lines.size() > 1)
        return refuse(unit, lines[1], "is a second command; put them into one script");
    if (lines[0].value.size() > line_bytes_max)
        return refuse(unit, lines[0], "is longer than 32 KiB; put it into a script");
    command.line = lines[0].value;
    auto argv = argv_of(lines[0].value, caller, command.notes);
    if (!argv) return refuse(unit, lines[0], argv.error().message);
    command.argv = std::move(*argv);
    return {};
}

Result<void> read_environment(const UnitFile& unit, const UnitCaller& caller,
                              ServiceCommand& command) {
    std::map<std::string, std::string> variables{{"PATH", search_path},
                                                 {"SHELL", caller.shell},
                                                 {"HOME", caller.home},
                                                 {"LOGNAME", caller.user},
                                                 {"USER", caller.user}};
    for (const auto& setting : unit.all("Service", "Environment")) {
        const auto words = unit_words(setting.value);
        if (!words) return refuse(unit, setting, "has " + words.error().message);
        for (const auto& word : *words) {
            const auto text = without_specifiers(word.text, caller.home);
            if (!text) return refuse(unit, setting, "has " + text.error().message);
            const auto equals = text->find('=');
            if (equals == std::string::npos || equals == 0)
                return refuse(unit, setting,
                              "has \"" + core::clipped(*text, 64) + "\", which is not NAME=VALUE");
            const auto name = text->substr(0, equals);
            if (name == "PATH" && command.argv[0].front() != '/')
                return refuse(unit, setting,
                              "has a PATH in which systemd does not look for " +
                                  core::clipped(command.argv[0], 64) + "; write its whole path");
            variables[name] = text->substr(equals + 1);
        }
    }
    for (const auto& [name, value] : variables)
        command.environment.emplace_back(name).append("=").append(value);
    return {};
}

/// As whom it runs, and where.
Result<void> read_place(const UnitFile& unit, const UnitCaller& caller, ServiceCommand& command) {
    const auto manager = manager_of(unit.path, caller);
    const auto user = unit.last("Service", "User");
    const bool is_root_word = user && (user->value == "root" || user->value == "0");
    if (user && user->value != caller.user && !(is_root_word && caller.is_root))
        return refuse(unit, *user, "is " + user->value + "; import it as that user");
    if (!user && manager == Manager::system && !caller.is_root)
        return unit_problem(file_name(unit.path) +
                            " is a unit of the system, which runs as root; "
                            "import it as root");
    if (!user && manager == Manager::unknown)
        command.notes.push_back("runs as " + caller.user +
                                ", as a unit of that user; one of the system runs as root");
    const bool in_home = manager == Manager::user || (manager == Manager::unknown && !user);
    command.directory = in_home ? caller.home : "/";
    const auto directory = unit.last("Service", "WorkingDirectory");
    if (!directory) return {};
    const auto text = directory->value == "~" ? Result<std::string>(caller.home)
                                              : without_specifiers(directory->value, caller.home);
    if (!text) return refuse(unit, *directory, "has " + text.error().message);
    if (text->empty() || text->front() != '/')
        return refuse(unit, *directory,
                      "is \"" + core::clipped(*text, 64) +
                          "\"; a directory that need not be there is not kept, "
                          "use a whole path or ~");
    command.directory = *text;
    return {};
}

Result<void> check_settings(const UnitFile& unit, ServiceCommand& command) {
    if (const auto type = unit.last("Service", "Type"))
        if (!std::set<std::string>{"simple", "exec", "oneshot", "idle"}.count(type->value))
            return refuse(unit, *type,
                          "is " + core::clipped(type->value, 64) + "; use oneshot or simple");
    for (const auto& [name, why] : refused) {
        const auto setting = unit.last("Service", name);
        const bool is_null =
            setting && setting->name == "StandardInput" && setting->value == "null";
        if (setting && !is_null) return refuse(unit, *setting, why);
    }
    const auto is_on = [&](const char* name) {
        const auto setting = unit.last("Service", name);
        return setting && unit_boolean(setting->value) != false ? setting : std::nullopt;
    };
    if (const auto setting = is_on(switches[0]))
        return refuse(unit, *setting, "is on: it runs as a user of its own");
    if (const auto setting = is_on(switches[1]))
        return refuse(unit, *setting, "is on: its timer starts it only once");
    std::set<std::string> known(kept.begin(), kept.end());
    known.insert(switches.begin(), switches.end());
    for (const auto& one : refused) known.insert(one.name);
    if (auto note = unkept_note(unit, "Service", known); !note.empty())
        command.notes.push_back(std::move(note));
    return {};
}

}  // namespace

ServiceCommand command_of(const UnitFile& service, const UnitCaller& caller) {
    ServiceCommand command;
    if (const auto description = service.last("Unit", "Description"))
        command.description = description->value;
    auto good = read_command(service, caller, command);
    if (good) good = check_settings(service, command);
    if (good) good = read_environment(service, caller, command);
    if (good) good = read_place(service, caller, command);
    if (!good) command.problem = good.error().message;
    if (auto note = unkept_of_unit(service); !note.empty()) command.notes.push_back(note);
    if (auto note = stray_note(service); !note.empty()) command.notes.push_back(note);
    return command;
}

std::string unkept_note(const UnitFile& unit, const std::string& section,
                        const std::set<std::string>& known) {
    std::vector<std::string> names;
    std::set<std::string> seen = known;
    for (const auto& setting : unit.settings)
        if (setting.section == section && !setting.value.empty() &&
            seen.insert(setting.name).second)
            names.push_back(setting.name + "=");
    if (names.empty()) return {};
    return "not kept of " + file_name(unit.path) + ": " +
           core::clipped(core::join(names, ", "), unkept_bytes_max);
}

std::string unkept_of_unit(const UnitFile& unit) {
    return unkept_note(unit, "Unit", {"Description", "Documentation"});
}

std::string stray_note(const UnitFile& unit) {
    if (unit.stray_lines.empty()) return {};
    return file_name(unit.path) + ", line " + std::to_string(unit.stray_lines[0]) +
           " is neither a section, NAME=VALUE nor a comment";
}

std::string setting_words(const UnitFile& unit, const UnitSetting& setting) {
    return file_name(unit.path) + ", line " + std::to_string(setting.line) + ", " + setting.name;
}

std::string file_name(const std::string& path) {
    return std::filesystem::path(path).filename().string();
}

}  // namespace taskd::cli
