// SPDX-License-Identifier: Apache-2.0
// Completion for shells. The scripts hold no knowledge: they ask "taskctl __complete", which knows
// the commands and options from the table that --help prints, and numbers, tags and the like from
// the daemon, if one runs. It never starts one, never complains, and gives up quickly.
#include "cli/commands/commands.h"
#include "core/text.h"

#include <algorithm>
#include <map>

namespace taskd::cli {
namespace {

constexpr std::chrono::milliseconds patience{500};
constexpr std::int64_t candidates_max = 200;

constexpr const char* bash_script = R"(# bash completion for taskctl
_taskctl() {
    local IFS=$'\n' line
    COMPREPLY=()
    while read -r line; do
        COMPREPLY+=("${line%%$'\t'*}")
    done < <(taskctl __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
    compopt -o nosort 2>/dev/null
}
complete -o default -F _taskctl taskctl
)";
constexpr const char* zsh_script = R"(#compdef taskctl
_taskctl() {
    local -a candidates
    local line
    while IFS= read -r line; do
        candidates+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}")
    done < <(taskctl __complete "${(@)words[2,CURRENT]}" 2>/dev/null)
    if (( ${#candidates} )); then
        _describe -V taskctl candidates
    else
        _files
    fi
}
if [ "$funcstack[1]" = "_taskctl" ]; then _taskctl "$@"; else compdef _taskctl taskctl; fi
)";
constexpr const char* fish_script = R"(# fish completion for taskctl
function __taskctl_complete
    set -l words (commandline -opc) (commandline -ct)
    taskctl __complete $words[2..-1] 2>/dev/null
end
complete -c taskctl -f -a '(__taskctl_complete)'
)";

struct Candidate {
    std::string word;
    std::string text;
};
using Candidates = std::vector<Candidate>;

/// What is being typed: the command so far, and the word at the cursor.
struct Cursor {
    const Command* command = nullptr;  ///< the deepest that the words name
    std::size_t words = 0;             ///< its own words before the cursor
    std::string option;                ///< whose value is being typed, "" for none
    std::string word;
};

const CLI::Option* find_option(const CommandLine& line, const Command* command,
                               const std::string& name) {
    const CLI::Option* found =
        command == nullptr ? nullptr : command->app->get_option_no_throw(name);
    return found != nullptr ? found : line.root().get_option_no_throw(name);
}

Cursor cursor_of(const CommandLine& line, const Words& words) {
    Cursor cursor;
    std::string path;
    for (std::size_t i = 0; i + 1 < words.size(); ++i) {
        const auto& word = words[i];
        if (!cursor.option.empty()) {
            cursor.option.clear();
            continue;
        }
        if (word.size() > 1 && word[0] == '-') {
            const auto* option = find_option(line, cursor.command, word);
            if (option != nullptr && option->get_type_size() != 0) cursor.option = word;
            continue;
        }
        const std::string longer = path.empty() ? word : path + " " + word;
        const Command* deeper = cursor.words == 0 ? line.find(longer) : nullptr;
        if (deeper != nullptr) {
            cursor.command = deeper;
            path = longer;
        } else {
            ++cursor.words;
        }
    }
    cursor.word = words.empty() ? "" : words.back();
    return cursor;
}

Candidates commands_below(const CommandLine& line, const std::string& prefix) {
    Candidates found;
    for (const auto& command : line.commands()) {
        if (command.name.rfind(prefix, 0) != 0) continue;
        const std::string rest = command.name.substr(prefix.size());
        if (rest.find(' ') == std::string::npos) found.push_back({rest, command.summary});
    }
    return found;
}

Candidates options_of(const CommandLine& line, const Command* command) {
    Candidates found;
    const auto collect = [&](const CLI::App& app) {
        for (const auto* option : app.get_options())
            for (const auto& name : option->get_lnames())
                found.push_back({"--" + name, option->get_description()});
    };
    if (command != nullptr) collect(*command->app);
    collect(line.root());
    return found;
}

/// Asks the daemon that runs; nothing when there is none or it is slow.
template <class Request>
std::optional<typename Request::Reply> ask(Context& context, const Request& request) {
    const auto place = context.place();
    if (!place || !require_daemon(*place)) return {};
    auto client = context.client({}, Context::Start::never);
    if (!client) return {};
    auto answer = client->call(request);
    if (!answer) return {};
    return std::move(answer->value);
}

Candidates tasks(Context& context, const std::string& command) {
    ipc::TaskList request;
    request.query.limit = candidates_max;
    if (command == "reopen")
        request.query.statuses = {core::Status::completed, core::Status::cancelled};
    if (command == "restore") {
        request.query.statuses.clear();
        request.query.deleted = true;
    }
    Candidates found;
    if (const auto page = ask(context, request))
        for (const auto& task : page->tasks)
            found.push_back({std::to_string(task.number), task.content.summary});
    return found;
}

Candidates series(Context& context) {
    Candidates found;
    ipc::SeriesList request;
    request.limit = candidates_max;
    if (const auto page = ask(context, request))
        for (const auto& view : page->series)
            found.push_back({view.series.id.str().substr(0, 8), view.series.content.summary});
    return found;
}

Candidates facets(Context& context, bool is_tag) {
    Candidates found;
    if (const auto reply = ask(context, ipc::TaskFacets{}))
        for (const auto& facet : is_tag ? reply->tags : reply->projects)
            found.push_back({facet.name, std::to_string(facet.count) + " open"});
    return found;
}

Candidates channels(Context& context) {
    Candidates found;
    if (const auto page = ask(context, ipc::ChannelList{}))
        for (const auto& channel : page->channels)
            found.push_back({channel.name, std::string(core::to_string(channel.kind))});
    return found;
}

Candidates consumers(Context& context) {
    Candidates found;
    if (const auto page = ask(context, ipc::ConsumerList{}))
        for (const auto& view : page->consumers)
            found.push_back({view.name, counted(view.lag, "event", "events") + " behind"});
    return found;
}

Candidates dead_letters(Context& context) {
    Candidates found;
    ipc::DeadLetterList request;
    request.limit = candidates_max;
    if (const auto page = ask(context, request))
        for (const auto& letter : page->dead_letters)
            found.push_back({letter.id, letter.name + ": " + letter.reason});
    return found;
}

Candidates fixed(std::initializer_list<const char*> words) {
    Candidates found;
    for (const char* word : words) found.push_back({word, ""});
    return found;
}

Candidates values_of(Context& context, const std::string& option) {
    if (option == "--tag" || option == "--no-tag") return facets(context, true);
    if (option == "--project") return facets(context, false);
    if (option == "--channel") return channels(context);
    if (option == "--depends-on" || option == "--no-depends-on") return tasks(context, "");
    if (option == "-o" || option == "--output") return fixed({"table", "plain", "json", "jsonl"});
    if (option == "--color") return fixed({"auto", "always", "never"});
    if (option == "--sort") return fixed({"due", "number", "modified", "priority"});
    if (option == "--status")
        return fixed({"open", "needs-action", "in-process", "completed", "cancelled", "all"});
    if (option == "--group") return consumers(context);
    if (option == "--origin") return fixed({"consumer", "handler", "publish"});
    if (option == "--from" || option == "--to") return fixed({"now", "oldest"});
    if (option == "--every")
        return fixed({"day", "weekday", "week", "month", "year", "month on the last day"});
    return {};
}

Candidates words_of(Context& context, const Cursor& cursor) {
    const Command& command = *cursor.command;
    const std::string& usage = command.usage;
    if (usage.rfind("TASK", 0) == 0 && (cursor.words == 0 || usage == "TASK..."))
        return tasks(context, command.name);
    if (usage.rfind("SERIES", 0) == 0 && cursor.words == 0) return series(context);
    if (command.name.rfind("consumers ", 0) == 0 && usage == "NAME" && cursor.words == 0)
        return consumers(context);
    if (command.name.rfind("dead-letters ", 0) == 0 && !usage.empty()) return dead_letters(context);
    if (command.name == "channels remove") return channels(context);
    if (command.name == "completion") return fixed({"bash", "zsh", "fish"});
    if (command.name == "config" && cursor.words == 0)
        return fixed({"zone", "email", "quiet-hours"});
    return {};
}

Candidates candidates(const CommandLine& line, Context& context, const Words& words) {
    const Cursor cursor = cursor_of(line, words);
    if (!cursor.option.empty()) return values_of(context, cursor.option);
    if (!cursor.word.empty() && cursor.word[0] == '-') return options_of(line, cursor.command);
    if (cursor.command == nullptr) return commands_below(line, "");
    if (!cursor.command->run) return commands_below(line, cursor.command->name + " ");
    return words_of(context, cursor);
}

int print_script(Context& context, const Words& words) {
    const std::map<std::string, const char*> scripts{
        {"bash", bash_script}, {"zsh", zsh_script}, {"fish", fish_script}};
    const auto found = scripts.find(words.at(0));
    if (found == scripts.end())
        return context.fail({core::Reason::invalid_argument,
                             "\"" + core::clipped(words.at(0), 64) +
                                 "\" is not a shell that is known; use bash, zsh or fish",
                             "shell",
                             {}});
    context.screen().print(found->second);
    return 0;
}

}  // namespace

int complete(const CommandLine& line, const Words& words) {
    Settings settings;
    settings.may_start = false;
    settings.timeout = patience;
    // --endpoint and --as are part of what is being typed.
    for (std::size_t i = 0; i + 2 < words.size() + 1 && i + 1 < words.size(); ++i) {
        if (words[i] == "--endpoint") settings.endpoint = words[i + 1];
        if (words[i] == "--as") settings.as = words[i + 1];
    }
    if (settings.endpoint.empty())
        if (const auto environment = settings_from({})) settings.endpoint = environment->endpoint;
    Context context(settings);
    const std::string& prefix = words.empty() ? std::string() : words.back();
    for (const auto& [word, text] : candidates(line, context, words))
        if (word.rfind(prefix, 0) == 0)
            context.screen().print(visible(word) + "\t" + visible(text) + "\n");
    context.screen().flush();
    return 0;
}

void register_completion(CommandLine& line) {
    line.add({.name = "completion",
              .section = "More",
              .summary = "print a completion script for bash, zsh or fish",
              .usage = "SHELL",
              .words_min = 1,
              .words_max = 1,
              .examples = {"completion bash"},
              .details = "For bash: taskctl completion bash "
                         ">~/.local/share/bash-completion/completions/taskctl. It completes "
                         "commands, options, and the numbers, tags and projects that there are.",
              .run = print_script});
}

}  // namespace taskd::cli
