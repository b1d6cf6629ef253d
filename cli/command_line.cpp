// SPDX-License-Identifier: Apache-2.0
#include "cli/command_line.h"

#include "cli/exit_code.h"
#include "core/text.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <utility>

namespace taskd::cli {
namespace {

using core::Error;
using core::Reason;
using core::Result;

// CLI11 takes a lone "++" for the end of a subcommand; a word can't be this one, since it is not
// UTF-8.
const std::string plus_plus = "+\xff+";

// What the check of add_filled() says.
constexpr const char* is_empty_words = "is empty; leave it out or give a value";

Error usage(std::string message, std::string hint, std::string field = {}) {
    return {Reason::invalid_argument, std::move(message), std::move(field), std::move(hint)};
}

bool looks_like_option(const std::string& word) {
    return word.size() > 1 && word[0] == '-' && !(word[1] >= '0' && word[1] <= '9');
}

std::string in_quotes(const std::string& word) {
    return "\"" + core::clipped(word, 64) + "\"";
}

std::string full_name(const Command* command) {
    return command == nullptr ? "taskctl" : "taskctl " + command->name;
}

std::string example_of(const Command* command) {
    if (command == nullptr) return "for example: taskctl add Stand-up --every weekday --at 9:30";
    if (command->examples.empty()) return full_name(command) + " --help";
    return "for example: taskctl " + command->examples.front();
}

/// What is asked for by another name, perhaps another program's, and what does it here.
struct Alias {
    std::string_view word, command;
};
constexpr std::array aliases{
    Alias{"pause", "series pause"},   Alias{"resume", "series resume"},
    Alias{"skip", "series skip"},     Alias{"move", "series move"},
    Alias{"end", "series end"},       Alias{"split", "series split"},
    Alias{"trigger", "runs trigger"}, Alias{"backfill", "runs backfill"},
    Alias{"logs", "runs show"},       Alias{"log", "runs show"},
    Alias{"history", "runs"},         Alias{"why", "explain"},
    Alias{"cron", "import crontab"},  Alias{"crontab", "import crontab"},
    Alias{"timers", "import timers"}, Alias{"timer", "import timers"},
    Alias{"remove", "delete"},
};

/// What is no option of a command, and what says it there.
struct OptionAlias {
    std::string_view command, option, instead, hint;
};
constexpr std::string_view of_the_command =
    "the command of a series is changed by \"taskctl edit TASK\", for all slots to come";
constexpr std::array option_aliases{
    OptionAlias{"add", "--cron", "a cron line goes with --every",
                "taskctl add Backup --every \"0 2 * * *\" --run -- ./backup"},
    OptionAlias{"expect", "--at", "did you mean \"--by\"?", "--every day --by 04:00"},
    OptionAlias{"runs", "--task", "the task is an argument", "taskctl runs 3"},
    OptionAlias{"series edit", "--run", of_the_command, "taskctl edit 3 --run -- PROGRAM"},
    OptionAlias{"series edit", "--no-run", of_the_command, "taskctl edit 3 --no-run"},
    OptionAlias{"series edit", "--cwd", of_the_command, "taskctl edit 3 --cwd DIR"},
    OptionAlias{"series edit", "--env", of_the_command, "taskctl edit 3 --env NAME=VALUE"},
    OptionAlias{"series edit", "--time-limit", of_the_command, "taskctl edit 3 --time-limit 2h"},
    OptionAlias{"series edit", "--attempts", of_the_command, "taskctl edit 3 --attempts 3"},
    OptionAlias{"series edit", "--retry-delay", of_the_command,
                "taskctl edit 3 --attempts 3 --retry-delay 1m"},
    OptionAlias{"series edit", "--not-after", of_the_command, "taskctl edit 3 --not-after 06:00"},
    OptionAlias{"series edit", "--jitter", of_the_command, "taskctl edit 3 --jitter 10m"},
    OptionAlias{"series edit", "--group", of_the_command, "taskctl edit 3 --group disk"},
    OptionAlias{"series edit", "--remind",
                "the reminders of a series are changed by \"taskctl edit TASK\", for all of its "
                "slots",
                "taskctl edit 3 --remind 10m"},
};

/// Arguments up to the first "--", as CLI11 can read them without losing anything.
Words for_cli11(const Words& arguments, Words& verbatim) {
    const auto mark = std::find(arguments.begin(), arguments.end(), "--");
    if (mark != arguments.end()) verbatim.assign(mark + 1, arguments.end());
    Words head;
    for (auto argument = arguments.begin(); argument != mark; ++argument) {
        const bool empty_value = argument->size() > 3 && argument->substr(0, 2) == "--" &&
                                 argument->find('=') == argument->size() - 1;
        if (empty_value) {  // "--project=" would take the next argument
            head.push_back(argument->substr(0, argument->size() - 1));
            head.emplace_back();
        } else {
            const bool is_value =
                argument != arguments.begin() && looks_like_option(*(argument - 1));
            head.push_back(*argument == "++" && !is_value ? plus_plus : *argument);
        }
    }
    return head;
}

/// CLI11's message in our words.
Error usage_error(const CLI::ParseError& error, const Command* command) {
    std::string message = error.what();
    const auto colon = message.find(':');
    const std::string option = message.substr(0, colon);
    if (error.get_name() == "ArgumentMismatch" && message.find("missing") != std::string::npos)
        return usage(option + " needs a value", example_of(command), option);
    if (error.get_name() == "ValidationError" && message.find(is_empty_words) != std::string::npos)
        return usage(option + " " + is_empty_words, example_of(command), option);
    if (error.get_name() == "ConversionError" || error.get_name() == "ArgumentMismatch")
        return usage(message + "; it takes no such value", full_name(command) + " --help");
    return usage(message, full_name(command) + " --help");
}

}  // namespace

CommandLine::CommandLine()
    : root_("taskctl talks to taskd, the daemon for recurring tasks and reminders") {
    root_.name("taskctl");
    root_.allow_extras();  // sorted out here, with better messages
    root_.fallthrough();
    root_.require_subcommand(0, 1);
    root_.set_help_flag("-h,--help", "show help, also for one command");
    root_.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    add_text(root_, "-o,--output", globals_.output, "FORMAT",
             "table, plain, json or jsonl; a table on a terminal, else plain lists "
             "[TASKCTL_OUTPUT]");
    add_switch(root_, "-q,--quiet", globals_.quiet, "print numbers, ids and names only");
    add_filled(root_, "--endpoint", globals_.endpoint, "DIR",
               "the directory of the daemon's sockets [TASKCTL_ENDPOINT]");
    add_filled(root_, "--as", globals_.as, "USER", "act for another user, as operator");
    add_filled(root_, "--timeout", globals_.timeout, "SPAN",
               "how long to wait for an answer (default 30s)");
    add_switch(root_, "--no-start", globals_.no_start, "never start a daemon [TASKCTL_NO_START]");
    add_switch(root_, "--no-input", globals_.no_input, "never ask anything, nor open an editor");
    add_text(root_, "--color", globals_.color, "WHEN", "auto, always or never (default auto)");
}

CLI::App& CommandLine::add(Command command) {
    const auto space = command.name.rfind(' ');
    CLI::App* parent = &root_;
    std::string name = command.name;
    if (space != std::string::npos) {
        parent = find(name.substr(0, space))->app;
        name.erase(0, space + 1);
    }
    CLI::App* app = parent->add_subcommand(name, command.summary);
    if (!command.run) app->require_subcommand(0, 1);
    if (parent == &root_) {
        app->preparse_callback([this](std::size_t) { words_before_ = root_.remaining().size(); });
    } else {
        app->preparse_callback(
            [this](std::size_t) { words_between_ = root_.remaining(true).size() - words_before_; });
    }
    command.app = app;
    commands_.push_back(std::move(command));
    return *app;
}

const Command* CommandLine::find(std::string_view name) const {
    const auto found = std::find_if(commands_.begin(), commands_.end(),
                                    [&](const Command& command) { return command.name == name; });
    return found == commands_.end() ? nullptr : &*found;
}

const Command* CommandLine::parsed() const {
    const CLI::App* app = &root_;
    while (!app->get_subcommands().empty()) app = app->get_subcommands().front();
    const auto found = std::find_if(commands_.begin(), commands_.end(),
                                    [&](const Command& command) { return command.app == app; });
    return found == commands_.end() ? nullptr : &*found;
}

/// Of what was asked for, the command that runs another one: "once list -- ls" and "once --ttl 1d
/// list ls" are meant for "once", with a KEY that can't be.
const Command* CommandLine::runner() const {
    const Command* command = parsed();
    if (command == nullptr || command->words_before_command) return command;
    const auto space = command->name.rfind(' ');
    const Command* group =
        space == std::string::npos ? nullptr : find(command->name.substr(0, space));
    if (group == nullptr || !group->words_before_command) return nullptr;
    const auto options = group->app->get_options();
    const bool has_options = std::any_of(options.begin(), options.end(), [](const auto* option) {
        return option->count() > 0 && !option->check_lname("help");
    });
    return has_mark_ || words_between_ > 0 || has_options ? group : nullptr;
}

Error CommandLine::missing_mark(const Command& command) const {
    return usage("\"" + full_name(&command) + "\" needs -- in front of the command that it runs: " +
                     full_name(&command) + " " + command.usage,
                 example_of(&command));
}

/// Nothing of the command that is to be run may be taken for a word or option of taskctl, nor a KEY
/// for a subcommand.
Result<void> CommandLine::check_mark(const Chosen& chosen, const Words& before) const {
    const Command* command = runner();
    if (command == nullptr || !command->words_before_command) return {};
    const std::size_t wanted = *command->words_before_command;
    if (!has_mark_) {
        if (command == chosen.command && before.empty()) return {};  // --help, or all is missing
        if (command != chosen.command && words_between_ == 0)
            return tl::unexpected(usage("\"" + full_name(chosen.command) +
                                            "\" takes no option of \"" + full_name(command) + " " +
                                            command->usage + "\"",
                                        full_name(chosen.command) + " --help lists its own"));
        return tl::unexpected(missing_mark(*command));
    }
    if (chosen.help || chosen.version)
        return tl::unexpected(usage("--help and --version do not go with --", example_of(command)));
    if (command != chosen.command) {
        const auto name = chosen.command->name.substr(command->name.size() + 1);
        return tl::unexpected(usage("key: " + in_quotes(name) + " can't be one, since \"" +
                                        full_name(chosen.command) +
                                        "\" is a command of its own; with -- a KEY "
                                        "stands in front of it",
                                    example_of(command), "key"));
    }
    const auto option = std::find_if(before.begin(), before.end(), looks_like_option);
    if (option != before.end() || before.size() == wanted) return {};  // it is told of elsewhere
    if (before.size() < wanted)
        return tl::unexpected(
            usage("key: is missing; it stands in front of --", example_of(command), "key"));
    return tl::unexpected(usage(
        in_quotes(before[wanted]) + " stands in front of --; " +
            (wanted == 0 ? "the command stands behind it" : "only KEY does, the command behind it"),
        example_of(command)));
}

int CommandLine::usage_status() const {
    const Command* command = runner();
    if (command == nullptr) command = parsed();
    return command == nullptr ? exit_status(Reason::invalid_argument) : command->usage_status;
}

Error CommandLine::unknown_command(const Command* group, const std::string& word) const {
    std::vector<std::string> names;
    const std::string prefix = group == nullptr ? "" : group->name + " ";
    for (const auto& command : commands_)
        if (command.name.rfind(prefix, 0) == 0) {
            const auto rest = command.name.substr(prefix.size());
            if (rest.find(' ') == std::string::npos) names.push_back(rest);
        }
    const auto alias = std::find_if(aliases.begin(), aliases.end(),
                                    [&](const Alias& one) { return one.word == word; });
    if (group == nullptr && alias != aliases.end() && find(alias->command) != nullptr)
        return usage(in_quotes(word) + " is not a command; did you mean \"" +
                         std::string(alias->command) + "\"?",
                     example_of(find(alias->command)));
    const auto near = core::nearest(word, names);
    std::string message = in_quotes(word) + " is not a command" +
                          (group == nullptr ? "" : " of \"" + full_name(group) + "\"");
    if (!near.empty()) message += "; did you mean \"" + near + "\"?";
    const Command* meant = find(prefix + near);
    if (near.empty() && group != nullptr)
        return usage(message + "; there are " + core::join(names, ", "), example_of(group));
    if (near.empty()) return usage(message, "taskctl --help lists the commands");
    return usage(message, example_of(meant));
}

Error CommandLine::unknown_option(const Command* command, const std::string& word) const {
    const std::string name = word.substr(0, word.find('='));
    std::vector<std::string> names;
    const auto collect = [&](const CLI::App& app) {
        for (const auto* option : app.get_options())
            for (const auto& known : option->get_lnames()) names.push_back("--" + known);
    };
    if (command != nullptr) collect(*command->app);
    collect(root_);
    const auto near = name.size() > 3 ? core::nearest(name, names) : "";
    std::string message = in_quotes(name) + " is not an option of \"" + full_name(command) + "\"";
    for (const auto& alias : option_aliases)
        if (command != nullptr && alias.command == command->name && alias.option == name)
            return usage(message + "; " + std::string(alias.instead), std::string(alias.hint));
    if (!near.empty())
        return usage(message + "; did you mean \"" + near + "\"?", example_of(command));
    return usage(message, full_name(command) +
                              " --help lists them; words that start with a dash go after --");
}

Result<void> CommandLine::check_leftovers(const Command* command, const Words& leftovers) const {
    if (words_before_ > 0 || command == nullptr) command = nullptr;
    for (const auto& word : leftovers) {
        if (looks_like_option(word)) return tl::unexpected(unknown_option(command, word));
        if (command == nullptr || !command->run)
            return tl::unexpected(unknown_command(command, word));
    }
    return {};
}

Result<Chosen> CommandLine::parse(const Words& arguments) {
    arguments_ = arguments;
    Words verbatim;
    Words head = for_cli11(arguments, verbatim);
    has_mark_ = std::find(arguments.begin(), arguments.end(), "--") != arguments.end();
    std::reverse(head.begin(), head.end());  // CLI11 takes them from the end
    Chosen chosen;
    bool version = false;
    root_.add_flag("-V,--version", version, "print taskctl's version");
    try {
        root_.parse(std::move(head));
    } catch (const CLI::CallForHelp&) {
        chosen.help = true;
    } catch (const CLI::ParseError& error) {
        return tl::unexpected(usage_error(error, parsed()));
    }
    chosen.command = parsed();
    chosen.globals = globals_;
    chosen.version = version;
    Words leftovers = root_.remaining(true);
    if (auto good = check_mark(chosen, leftovers); !good) return tl::unexpected(good.error());
    if (chosen.help && leftovers.empty()) return chosen;
    for (auto& word : leftovers)
        if (word == plus_plus) word = "++";
    if (auto known = check_leftovers(chosen.command, leftovers); !known)
        return tl::unexpected(known.error());
    chosen.words = std::move(leftovers);
    chosen.words.insert(chosen.words.end(), verbatim.begin(), verbatim.end());
    if (chosen.help || chosen.version || chosen.command == nullptr || !chosen.command->run)
        return chosen;

    const Command& command = *chosen.command;
    if (chosen.words.size() < command.words_min)
        return tl::unexpected(
            usage("\"" + full_name(&command) + "\" needs " + command.usage, example_of(&command)));
    if (chosen.words.size() > command.words_max)
        return tl::unexpected(usage(in_quotes(chosen.words[command.words_max]) +
                                        " is one word too many for \"" + full_name(&command) + "\"",
                                    example_of(&command)));
    return chosen;
}

void add_text(CLI::App& app, const std::string& names, std::string& into,
              const std::string& placeholder, const std::string& help) {
    app.add_option(names, into, help)
        ->type_name(placeholder)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
}

void add_texts(CLI::App& app, const std::string& names, std::vector<std::string>& into,
               const std::string& placeholder, const std::string& help) {
    app.add_option(names, into, help)
        ->type_name(placeholder)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
        ->allow_extra_args(false);
}

void add_filled(CLI::App& app, const std::string& names, std::string& into,
                const std::string& placeholder, const std::string& help) {
    add_text(app, names, into, placeholder, help);
    app.get_option(names)->check([](const std::string& value) {
        return value.empty() ? std::string(is_empty_words) : std::string();
    });
}

void add_switch(CLI::App& app, const std::string& names, bool& into, const std::string& help) {
    app.add_flag(names, into, help);
}

void add_key(CLI::App& app, std::string& into) {
    add_filled(app, "--idempotency-key", into, "KEY",
               "do this once, however often it is asked with this key [TASKCTL_IDEMPOTENCY_KEY]");
}

std::string key_from(const std::string& flag) {
    if (!flag.empty()) return flag;
    // taskctl itself starts no thread that changes the environment.
    const char* value = std::getenv("TASKCTL_IDEMPOTENCY_KEY");
    return value == nullptr ? "" : value;
}

}  // namespace taskd::cli
