// SPDX-License-Identifier: Apache-2.0
// What a terminal can show, and text that is safe to show there.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace taskd::cli {

enum class ColorChoice { automatic, always, never };

/// The variables that decide about colour, as they are set; nullptr for one that is not.
struct ColorVariables {
    const char* no_color = nullptr;        ///< https://no-color.org: set and not empty means none
    const char* clicolor_force = nullptr;  ///< set, and neither empty nor "0", means always
    const char* term = nullptr;            ///< "dumb" can't do it
};

/// A flag wins over the variables, NO_COLOR over CLICOLOR_FORCE, and these over what `is_terminal`
/// says.
[[nodiscard]] bool use_color(ColorChoice choice, bool is_terminal, const ColorVariables& variables);

/// How to draw for one stream.
struct Style {
    std::size_t width = 0;  ///< columns; 0: never cut anything
    bool color = false;
    bool unicode = true;  ///< "…" rather than "..."
};

struct Terminal {
    bool is_terminal = false;
    Style style;
};

/// The stream behind `fd`. Reads the environment: call before any thread is started.
[[nodiscard]] Terminal terminal_of(int fd, ColorChoice choice);

/// Columns that COLUMNS asks for, or 0 if it says nothing usable.
[[nodiscard]] std::size_t columns_from(const char* text);

enum class Paint { none, bold, dim, red, green, yellow };
[[nodiscard]] std::string painted(std::string_view text, Paint paint, const Style& style);

/// The text with everything that could drive a terminal made visible: C0, DEL and C1 as \x1b and
/// \u009b, line feeds and tabs as \n and \t, bytes that are not UTF-8 as \xff, and the characters
/// that reorder a line (bidi controls, U+2028, U+2029) as \u202e. One line in any case.
[[nodiscard]] std::string visible(std::string_view text);

/// The same care for text that is JSON already: escapes inside strings, so its value is the same.
[[nodiscard]] std::string visible_json(std::string_view json);

/// The columns that visible text takes: 0 for combining characters, 2 for wide ones.
[[nodiscard]] std::size_t display_width(std::string_view text);

/// At most `width` columns; what was cut off shows as "…". Never cuts through a character.
[[nodiscard]] std::string cut_to(std::string_view text, std::size_t width, bool unicode);

}  // namespace taskd::cli
