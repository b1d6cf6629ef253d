// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/render.h"
#include "cli/terminal.h"

#include <nlohmann/json_fwd.hpp>

#include <stdexcept>
#include <string>
#include <string_view>

namespace taskd::cli {

/// Standard output can't be written to. `reader_gone` when nobody reads it any more, which is no
/// reason to complain.
class OutputFailed : public std::runtime_error {
public:
    OutputFailed(const std::string& what, bool reader_gone)
        : std::runtime_error(what), reader_gone_(reader_gone) {}
    [[nodiscard]] bool reader_gone() const { return reader_gone_; }

private:
    bool reader_gone_;
};

/// The two streams: data goes to standard output, everything else to standard error.
class Screen {
public:
    struct Options {
        Format format = Format::automatic;
        bool quiet = false;
        ColorChoice color = ColorChoice::automatic;
    };
    explicit Screen(Options options);

    [[nodiscard]] const Style& style() const { return out_.style; }
    [[nodiscard]] bool quiet() const { return options_.quiet; }
    [[nodiscard]] bool json() const {
        return options_.format == Format::json || options_.format == Format::jsonl;
    }
    [[nodiscard]] bool one_line_json() const { return options_.format == Format::jsonl; }
    /// Whether -o plain was asked for, and whether a list is to be plain.
    [[nodiscard]] bool plain() const { return options_.format == Format::plain; }
    [[nodiscard]] bool plain_lists() const {
        return plain() || (options_.format == Format::automatic && !out_.is_terminal);
    }

    /// Throws OutputFailed; so does flush, which is where a full disk shows.
    void print(std::string_view text);
    void print_json(const nlohmann::json& value);  ///< pretty, or on one line with -o jsonl
    void print_list(const Table& table);
    void print_fields(const std::vector<Field>& fields);
    void flush();

    /// Whether the reader of standard output went away; for commands that may wait long.
    [[nodiscard]] bool reader_gone() const;

    void note(std::string_view text);  ///< not with --quiet
    void hint(std::string_view text);  ///< a note for people only: standard error is a terminal
    void warn(std::string_view text);
    void error(const core::Error& error);

private:
    Options options_;
    Terminal out_;
    Terminal err_;
};

}  // namespace taskd::cli
