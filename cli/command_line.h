// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/context.h"
#include "core/result.h"

#include <CLI/CLI.hpp>

#include <cstddef>
#include <deque>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace taskd::cli {

/// The words of a command line that are neither options nor their values.
using Words = std::vector<std::string>;

inline constexpr std::size_t any_number = std::numeric_limits<std::size_t>::max();

/// An option's value before it is given; no argument can hold it, so that an empty one is told from
/// none.
inline constexpr const char* untouched = "\x01";

/// A subcommand: what --help shows of it, and what it does.
struct Command {
    std::string name{};     ///< "add", "channels set"
    std::string section{};  ///< the heading it stands under in the overview
    std::string summary{};  ///< one line, no full stop
    std::string usage{};    ///< its words: "TASK..."
    std::size_t words_min = 0;
    std::size_t words_max = 0;
    std::vector<std::string> examples{};               ///< without "taskctl"
    std::string details{};                             ///< more about it, below the options
    std::function<int(Context&, const Words&)> run{};  ///< empty for a group such as "channels"
    int usage_status = 2;  ///< the exit status of a mistyped option or value
    /// Of one that runs a command: how many words stand in front of the "--" that has to be there.
    std::optional<std::size_t> words_before_command{};
    bool may_poll = false;  ///< --timeout 0 asks for what is so now
    CLI::App* app = nullptr;
};

/// What a command line asks for.
struct Chosen {
    const Command* command = nullptr;  ///< none: only "taskctl"
    Words words;
    GlobalOptions globals;
    bool help = false;
    bool version = false;
};

/// All commands and their options. CLI11 reads the options; words, and everything after "--", are
/// kept apart, because it would rewrite some of them ("[a]", "++").
class CommandLine {
public:
    CommandLine();
    CommandLine(const CommandLine&) = delete;
    CommandLine& operator=(const CommandLine&) = delete;
    ~CommandLine() = default;

    /// Adds a command; for "channels set" the group "channels" must be there.
    CLI::App& add(Command command);

    /// Reads the arguments after the program's name.
    ///
    /// Errors: invalid_argument - a word or option that is not known, with the nearest that is.
    [[nodiscard]] core::Result<Chosen> parse(const Words& arguments);

    /// What parse() was given.
    [[nodiscard]] const Words& arguments() const { return arguments_; }

    /// The exit status when parse() refused: that of the command whose options they were.
    [[nodiscard]] int usage_status() const;

    [[nodiscard]] const std::deque<Command>& commands() const { return commands_; }
    [[nodiscard]] const Command* find(std::string_view name) const;
    [[nodiscard]] const CLI::App& root() const { return root_; }

private:
    [[nodiscard]] const Command* parsed() const;
    [[nodiscard]] const Command* runner() const;
    [[nodiscard]] core::Result<void> check_mark(const Chosen& chosen, const Words& before) const;
    [[nodiscard]] core::Error missing_mark(const Command& command) const;
    [[nodiscard]] core::Result<void> check_leftovers(const Command* command,
                                                     const Words& leftovers) const;
    [[nodiscard]] core::Error unknown_command(const Command* group, const std::string& word) const;
    [[nodiscard]] core::Error unknown_option(const Command* command, const std::string& word) const;

    CLI::App root_;
    GlobalOptions globals_;
    std::deque<Command> commands_;  // stable addresses
    Words arguments_;
    bool has_mark_ = false;          // a "--"
    std::size_t words_before_ = 0;   // that stood in front of the first subcommand
    std::size_t words_between_ = 0;  // in front of a second one, as of "once k list"
};

/// Options of a command; each may be given at any place.
void add_text(CLI::App& app, const std::string& names, std::string& into,
              const std::string& placeholder, const std::string& help);
void add_texts(CLI::App& app, const std::string& names, std::vector<std::string>& into,
               const std::string& placeholder, const std::string& help);
/// One whose empty value, as of a variable that is not set, is an error and not the default.
void add_filled(CLI::App& app, const std::string& names, std::string& into,
                const std::string& placeholder, const std::string& help);
void add_switch(CLI::App& app, const std::string& names, bool& into, const std::string& help);

/// --idempotency-key of writing commands.
void add_key(CLI::App& app, std::string& into);
/// The key that was given, by flag or TASKCTL_IDEMPOTENCY_KEY.
[[nodiscard]] std::string key_from(const std::string& flag);

}  // namespace taskd::cli
