// SPDX-License-Identifier: Apache-2.0
#include "cli/render.h"

#include "core/text.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <numeric>
#include <utility>

namespace taskd::cli {
namespace {

constexpr std::size_t column_min = 8;  // a shrunk column still tells something
constexpr std::size_t gap = 2;

constexpr std::array<std::pair<Format, std::string_view>, 4> format_names{{
    {Format::table, "table"},
    {Format::plain, "plain"},
    {Format::json, "json"},
    {Format::jsonl, "jsonl"},
}};

Table without_empty_columns(const Table& table) {
    Table kept;
    kept.rows.resize(table.rows.size());
    for (std::size_t column = 0; column < table.columns.size(); ++column) {
        const bool used = std::any_of(table.rows.begin(), table.rows.end(), [&](const auto& row) {
            return !row.at(column).text.empty();
        });
        if (!used) continue;
        kept.columns.push_back(table.columns[column]);
        for (std::size_t row = 0; row < table.rows.size(); ++row)
            kept.rows[row].push_back(table.rows[row][column]);
    }
    return kept;
}

std::size_t line_width(const std::vector<std::size_t>& widths) {
    const auto sum = std::accumulate(widths.begin(), widths.end(), std::size_t{0});
    return sum + gap * (widths.size() - 1);
}

/// Takes from the widest of the columns that may shrink until the line fits or none can give more.
void shrink(std::vector<std::size_t>& widths, const std::vector<Column>& columns,
            std::size_t width) {
    while (width > 0 && line_width(widths) > width) {
        std::size_t* widest = nullptr;
        for (std::size_t i = 0; i < widths.size(); ++i)
            if (columns[i].shrinks && widths[i] > column_min &&
                (widest == nullptr || widths[i] > *widest))
                widest = &widths[i];
        if (widest == nullptr) return;
        --*widest;
    }
}

std::string space_after(std::string_view text, std::size_t width) {
    const auto used = display_width(text);
    return std::string(width > used ? width - used : 0, ' ');
}

void append_row(std::string& out, const Table& table, const std::vector<std::size_t>& widths,
                const std::vector<Cell>& row, const Style& style) {
    for (std::size_t i = 0; i < row.size(); ++i) {
        const std::string text = cut_to(row[i].text, widths[i], style.unicode);
        const std::string space = space_after(text, widths[i]);
        if (table.columns[i].right) out += space;
        out += painted(text, row[i].paint, style);
        if (!table.columns[i].right) out += space;
        out.append(gap, ' ');
    }
    while (!out.empty() && out.back() == ' ') out.pop_back();
    out += '\n';
}

}  // namespace

core::Result<Format> format_from(std::string_view word) {
    std::vector<std::string> names;
    for (const auto& [format, name] : format_names) {
        if (name == word) return format;
        names.emplace_back(name);
    }
    const auto near = core::nearest(word, names);
    return core::invalid_argument(
        "output",
        "\"" + core::clipped(word, 64) + "\" is not a format; use table, plain, json or jsonl",
        near.empty() ? "" : "did you mean \"" + near + "\"?");
}

std::string render_table(const Table& given, const Style& style) {
    Table table = without_empty_columns(given);
    if (table.columns.empty()) return {};
    std::vector<std::size_t> widths;
    std::vector<Cell> titles;
    for (const auto& column : table.columns) {
        widths.push_back(display_width(column.title));
        titles.push_back({column.title, Paint::bold});
    }
    for (auto& row : table.rows)
        for (std::size_t i = 0; i < row.size(); ++i) {
            row[i].text = visible(row[i].text);
            widths[i] = std::max(widths[i], display_width(row[i].text));
        }
    shrink(widths, table.columns, style.width);

    std::string out;
    append_row(out, table, widths, titles, style);
    for (const auto& row : table.rows) append_row(out, table, widths, row, style);
    return out;
}

std::string render_plain(const Table& table) {
    std::string out;
    for (const auto& row : table.rows) {
        std::vector<std::string> cells;
        cells.reserve(row.size());
        for (const auto& cell : row) cells.push_back(visible(cell.text));
        out += core::join(cells, "\t") + "\n";
    }
    return out;
}

std::string render_fields(const std::vector<Field>& fields, const Style& style) {
    std::size_t width = 0;
    for (const auto& field : fields) width = std::max(width, display_width(field.name));
    std::string out;
    for (const auto& field : fields) {
        std::string label = painted(field.name, Paint::dim, style) + space_after(field.name, width);
        for (const auto& line : core::split(field.value.text, '\n')) {
            out += "  " + label + std::string(gap, ' ') +
                   painted(visible(line), field.value.paint, style);
            while (out.back() == ' ') out.pop_back();
            out += '\n';
            label.assign(width, ' ');
        }
    }
    return out;
}

std::string render_plain(const std::vector<Field>& fields) {
    std::string out;
    for (const auto& field : fields) out += field.name + "\t" + visible(field.value.text) + "\n";
    return out;
}

std::string render_json(const nlohmann::json& value) {
    return visible_json(value.dump(2, ' ', false, nlohmann::json::error_handler_t::replace)) + "\n";
}

std::string render_jsonl(const nlohmann::json& value) {
    return visible_json(value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)) +
           "\n";
}

nlohmann::json error_json(const core::Error& error) {
    nlohmann::json object{{"reason", core::to_string(error.reason)}, {"message", error.message}};
    if (!error.field.empty()) object["field"] = error.field;
    if (!error.hint.empty()) object["hint"] = error.hint;
    return {{"error", object}};
}

std::string render_error(const core::Error& error, const Style& style) {
    std::string text = painted("taskctl:", Paint::red, style) + " " + visible(error.message) + "\n";
    if (!error.hint.empty()) text += "  hint: " + visible(error.hint) + "\n";
    return text;
}

std::string shell_words(const std::vector<std::string>& argv) {
    const auto is_bare = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               static_cast<unsigned char>(c) >= 0x80U ||
               std::string_view("_-+=./:,@%").find(c) != std::string_view::npos;
    };
    std::vector<std::string> words;
    for (const auto& argument : argv) {
        if (!argument.empty() && std::all_of(argument.begin(), argument.end(), is_bare)) {
            words.push_back(argument);
            continue;
        }
        words.push_back("'" + core::join(core::split(argument, '\''), "'\\''") + "'");
    }
    return core::join(words, " ");
}

std::string counted(std::int64_t count, std::string_view one, std::string_view many) {
    return std::to_string(count) + " " + std::string(count == 1 ? one : many);
}

std::string wrapped(std::string_view text, std::size_t indent, std::size_t width) {
    std::string out;
    std::size_t column = indent;
    for (const auto& word : core::words_of(text)) {
        const auto needed = display_width(word);
        if (column > indent && column + 1 + needed > width) {
            out += "\n" + std::string(indent, ' ');
            column = indent;
        } else if (column > indent) {
            out += ' ';
            ++column;
        }
        out += word;
        column += needed;
    }
    return out;
}

}  // namespace taskd::cli
