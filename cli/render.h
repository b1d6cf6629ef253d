// SPDX-License-Identifier: Apache-2.0
// Values into text. Nothing here reads a clock or the environment, so every line can be tested.
#pragma once

#include "cli/terminal.h"
#include "core/result.h"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace taskd::cli {

/// -o. `automatic` is a table on a terminal; elsewhere lists are plain.
enum class Format { automatic, table, plain, json, jsonl };

/// Errors: invalid_argument on `output`.
[[nodiscard]] core::Result<Format> format_from(std::string_view word);

/// One cell; `text` is raw and made visible when it is drawn.
struct Cell {
    std::string text;
    Paint paint = Paint::none;
};

struct Column {
    std::string title;
    bool right = false;    ///< flush right, for numbers
    bool shrinks = false;  ///< may be cut when the terminal is narrow
};

/// A list, row by row. Columns of which every cell is empty are left out of a table, but not of
/// plain output, where scripts count them.
struct Table {
    std::vector<Column> columns;
    std::vector<std::vector<Cell>> rows;
};

/// Columns two spaces apart under upper-case titles, cut to the width of `style`.
[[nodiscard]] std::string render_table(const Table& table, const Style& style);

/// One line per row, cells between tabs, no titles, nothing cut.
[[nodiscard]] std::string render_plain(const Table& table);

/// Names and values of one object; a value of several lines is indented below itself.
struct Field {
    std::string name;
    Cell value;
};
[[nodiscard]] std::string render_fields(const std::vector<Field>& fields, const Style& style);

/// "name<TAB>value", one line each.
[[nodiscard]] std::string render_plain(const std::vector<Field>& fields);

/// Two spaces of indentation, ending in a line feed; safe for a terminal.
[[nodiscard]] std::string render_json(const nlohmann::json& value);
/// On one line.
[[nodiscard]] std::string render_jsonl(const nlohmann::json& value);

/// The error as scripts read it: {"error":{"reason","message","field","hint"}}, the last two only
/// where they help.
[[nodiscard]] nlohmann::json error_json(const core::Error& error);

/// "taskctl: MESSAGE", and a hint on a second line.
[[nodiscard]] std::string render_error(const core::Error& error, const Style& style);

/// A command as a shell would have to be given it: words with quotes where they need some.
[[nodiscard]] std::string shell_words(const std::vector<std::string>& argv);

/// "1 task", "2 tasks".
[[nodiscard]] std::string counted(std::int64_t count, std::string_view one, std::string_view many);

/// Long text at word boundaries into lines of `width`, each but the first after `indent` spaces.
[[nodiscard]] std::string wrapped(std::string_view text, std::size_t indent, std::size_t width);

}  // namespace taskd::cli
