// SPDX-License-Identifier: Apache-2.0
#include "cli/app.h"

#include "cli/command_line.h"
#include "cli/commands/commands.h"
#include "cli/context.h"
#include "cli/exit_code.h"
#include "cli/help.h"
#include "core/text.h"
#include "version.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fcntl.h>
#include <optional>
#include <unistd.h>

namespace taskd::cli {
namespace {

/// The screen for errors found before the options are known: -o json is looked for by eye, so that
/// a script gets its object for a mistyped option too.
Screen early_screen(const Words& arguments) {
    GlobalOptions options;
    for (std::size_t i = 0; i < arguments.size() && arguments[i] != "--"; ++i) {
        const auto& word = arguments[i];
        if ((word == "-o" || word == "--output") && i + 1 < arguments.size())
            options.output = arguments[i + 1];
        else if (word.rfind("--output=", 0) == 0)
            options.output = word.substr(9);
        else if (word.rfind("-o", 0) == 0)
            options.output = word.substr(2);
    }
    const auto settings = settings_from(options);
    return Screen(settings ? settings->screen : Screen::Options{});
}

/// A standard stream that the caller closed must not become the number of a socket, which would
/// then be written to. Opened the wrong way round, so that using it is still an error.
void keep_standard_numbers() {
    for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
        if (fcntl(fd, F_GETFD) == -1)
            (void)open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

/// The first argument that is not UTF-8; then each that is not, as it can be shown.
std::optional<core::Error> make_utf8(Words& arguments) {
    std::optional<core::Error> error;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        if (core::is_utf8(arguments[i])) continue;
        arguments[i] = visible(arguments[i]);
        if (error) continue;
        const auto name = "argument " + std::to_string(i + 1);
        error = core::Error{core::Reason::invalid_argument,
                            name + ": \"" + core::clipped(arguments[i], 64) +
                                "\" is not UTF-8; taskctl takes UTF-8 only",
                            name,
                            {}};
    }
    return error;
}

int help(Context& context, const CommandLine& line, const Words& words) {
    const Style& style = context.screen().style();
    const Command* command = line.find(core::join(words, " "));
    if (command == nullptr && !words.empty())
        return context.fail(
            {core::Reason::invalid_argument,
             "\"" + core::clipped(core::join(words, " "), 64) + "\" is not a command",
             {},
             "taskctl --help lists the commands"});
    context.screen().print(command == nullptr ? overview(line, style)
                                              : help_of(*command, line, style));
    return 0;
}

int dispatch(Words arguments, void (*add_commands)(CommandLine&)) {
    CommandLine line;
    add_commands(line);
    line.add({.name = "help",
              .section = "More",
              .summary = "show help about a command",
              .usage = "[COMMAND]",
              .words_max = 2,
              .examples = {"help add"},
              .run = [&line](Context& context, const Words& words) {
                  return help(context, line, words);
              }});

    const auto not_utf8 = make_utf8(arguments);
    if (!arguments.empty() && arguments[0] == "__complete" && !not_utf8)
        return complete(line, Words(arguments.begin() + 1, arguments.end()));
    const auto chosen = line.parse(arguments);
    if (!chosen || not_utf8) {
        early_screen(arguments).error(not_utf8 ? *not_utf8 : chosen.error());
        return line.usage_status();
    }
    const bool may_poll = chosen->command != nullptr && chosen->command->may_poll;
    const auto settings = settings_from(chosen->globals, may_poll);
    if (!settings) {
        early_screen(arguments).error(settings.error());
        return line.usage_status();
    }
    Context context(*settings);
    int status = 0;
    if (chosen->version)
        context.screen().print(std::string("taskctl ") + TASKD_VERSION + "\n");
    else if (chosen->help || chosen->command == nullptr || !chosen->command->run)
        status = help(context, line,
                      chosen->command == nullptr ? Words{} : Words{chosen->command->name});
    else
        status = chosen->command->run(context, chosen->words);
    context.screen().flush();
    return status;
}

}  // namespace

int run(int argc, char** argv, void (*add_commands)(CommandLine&)) noexcept {
    try {
        keep_standard_numbers();
        return dispatch(Words(argv + std::min(argc, 1), argv + argc), add_commands);
    } catch (const OutputFailed& failed) {
        // Who reads the first lines only, as head does, has what they wanted.
        if (!failed.reader_gone()) std::fprintf(stderr, "taskctl: %s\n", failed.what());
        return failed.reader_gone() ? 0 : 1;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "taskctl: internal: %s\n", error.what());
        return 1;
    } catch (...) {
        std::fputs("taskctl: internal: an unknown exception\n", stderr);
        return 1;
    }
}

}  // namespace taskd::cli
