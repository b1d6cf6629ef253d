// SPDX-License-Identifier: Apache-2.0
// systemd's unit files as text: sections, settings and quoted words, see systemd.syntax(7).
#pragma once

#include "core/result.h"

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace taskd::cli {

inline constexpr std::size_t unit_bytes_max = 1024 * 1024;

struct UnitSetting {
    int line = 0;
    std::string section, name, value;
};

/// What is wrong with a unit, in words that name the place.
[[nodiscard]] tl::unexpected<core::Error> unit_problem(std::string message);

/// A unit file's settings in order.
struct UnitFile {
    std::string path;
    std::vector<UnitSetting> settings{};
    std::vector<int> stray_lines{};  ///< neither section, NAME=VALUE nor comment

    /// What the setting has in the end: the values since it was last set to nothing.
    [[nodiscard]] std::vector<UnitSetting> all(std::string_view section,
                                               std::string_view name) const;
    /// The last one, none if that is nothing.
    [[nodiscard]] std::optional<UnitSetting> last(std::string_view section,
                                                  std::string_view name) const;
};

[[nodiscard]] UnitFile parse_unit_file(std::string path, const std::string& text);

/// Errors: invalid_argument - not a regular file, too long, or not UTF-8.
[[nodiscard]] core::Result<UnitFile> read_unit_file(const std::string& path);

/// One word of a value. `plain` has neither quotes nor escapes.
struct UnitWord {
    std::string text;
    bool plain = true;
};
/// Splits a value at white space, takes quotes off and reads C-style escapes.
///
/// Errors: invalid_argument - a quote that is not closed or has something stuck to it,
///         an escape that is none, or no UTF-8 text behind them.
[[nodiscard]] core::Result<std::vector<UnitWord>> unit_words(const std::string& value);

/// "%%" is a plain one, and "%h" the home directory.
///
/// Errors: invalid_argument - any other specifier.
[[nodiscard]] core::Result<std::string> without_specifiers(const std::string& text,
                                                           const std::string& home);

[[nodiscard]] std::optional<bool> unit_boolean(const std::string& value);
/// "90", "5min", "1h 30min"; whole numbers, up to a year.
[[nodiscard]] std::optional<std::chrono::milliseconds> unit_span(const std::string& value);

}  // namespace taskd::cli
