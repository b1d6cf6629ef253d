// SPDX-License-Identifier: Apache-2.0
#include "cli/unit_file.h"

#include "cli/input_file.h"
#include "core/text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <utility>

namespace taskd::cli {
namespace {

using core::Result;

bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

void append_utf8(std::string& text, char32_t point) {
    const auto tail = [&](unsigned shift) {
        text += static_cast<char>(0x80U | ((point >> shift) & 0x3FU));
    };
    if (point < 0x80) {
        text += static_cast<char>(point);
    } else if (point < 0x800) {
        text += static_cast<char>(0xC0U | (point >> 6U));
        tail(0);
    } else if (point < 0x10000) {
        text += static_cast<char>(0xE0U | (point >> 12U));
        tail(6);
        tail(0);
    } else {
        text += static_cast<char>(0xF0U | ((point >> 18U) & 0x7U));
        tail(12);
        tail(6);
        tail(0);
    }
}

struct NumberEscape {
    char letter;  ///< 0 for octal digits without one
    std::size_t digits;
    int base;
    bool is_point;
};
constexpr std::array<NumberEscape, 4> number_escapes{
    {{'x', 2, 16, false}, {'u', 4, 16, true}, {'U', 8, 16, true}, {0, 3, 8, false}}};

/// Reads what stands behind a backslash and takes it off; false if it is no escape.
bool take_escape(std::string_view& rest, std::string& into) {
    if (rest.empty()) return false;
    constexpr std::string_view letters = "abfnrtv\\\"'s";
    constexpr std::string_view meanings = "\a\b\f\n\r\t\v\\\"' ";
    if (const auto at = letters.find(rest.front()); at != std::string_view::npos) {
        into += meanings[at];
        rest.remove_prefix(1);
        return true;
    }
    for (const auto& escape : number_escapes) {
        if (escape.letter != 0 && rest.front() != escape.letter) continue;
        const auto digits = rest.substr(escape.letter == 0 ? 0 : 1, escape.digits);
        unsigned value = 0;
        const auto [end, error] =
            std::from_chars(digits.data(), digits.data() + digits.size(), value, escape.base);
        const bool whole = digits.size() == escape.digits && error == std::errc{} &&
                           end == digits.data() + digits.size();
        if (!whole || value == 0 || value > (escape.is_point ? 0x10FFFFU : 0xFFU)) return false;
        if (escape.is_point)
            append_utf8(into, value);
        else
            into += static_cast<char>(value);
        rest.remove_prefix(digits.size() + (escape.letter == 0 ? 0 : 1));
        return true;
    }
    return false;
}

/// Takes the word at the beginning of `rest`, which is no space.
Result<UnitWord> take_word(std::string_view& rest) {
    UnitWord word;
    const char quote = rest.front() == '"' || rest.front() == '\'' ? rest.front() : '\0';
    if (quote != '\0') rest.remove_prefix(1);
    word.plain = quote == '\0';
    while (!rest.empty()) {
        const char c = rest.front();
        if (quote == '\0' ? is_space(c) : c == quote) break;
        rest.remove_prefix(1);
        if (quote == '\0' && (c == '"' || c == '\''))
            return unit_problem("a quote in the middle of a word; put the whole word into quotes");
        if (c != '\\') {
            word.text += c;
            continue;
        }
        word.plain = false;
        const bool lone_semicolon = quote == '\0' && word.text.empty() && !rest.empty() &&
                                    rest.front() == ';' && (rest.size() == 1 || is_space(rest[1]));
        if (lone_semicolon) {
            word.text = ";";
            rest.remove_prefix(1);
        } else if (!take_escape(rest, word.text)) {
            return unit_problem("\"\\" + core::clipped(rest.substr(0, 1), 4) +
                                "\" is no escape; double a plain backslash");
        }
    }
    if (quote == '\0') return word;
    if (rest.empty()) return unit_problem("a quote that is not closed");
    rest.remove_prefix(1);
    if (!rest.empty() && !is_space(rest.front()))
        return unit_problem(
            "a closing quote with text stuck to it; put the whole word into quotes");
    return word;
}

struct SpanUnit {
    std::string_view name;
    std::int64_t ms;
};
constexpr std::array<SpanUnit, 21> span_units{{{"", 1000},
                                               {"ms", 1},
                                               {"msec", 1},
                                               {"s", 1000},
                                               {"sec", 1000},
                                               {"second", 1000},
                                               {"seconds", 1000},
                                               {"m", 60'000},
                                               {"min", 60'000},
                                               {"minute", 60'000},
                                               {"minutes", 60'000},
                                               {"h", 3'600'000},
                                               {"hr", 3'600'000},
                                               {"hour", 3'600'000},
                                               {"hours", 3'600'000},
                                               {"d", 86'400'000},
                                               {"day", 86'400'000},
                                               {"days", 86'400'000},
                                               {"w", 604'800'000},
                                               {"week", 604'800'000},
                                               {"weeks", 604'800'000}}};
constexpr std::int64_t number_max = 366LL * 86'400'000;

}  // namespace

tl::unexpected<core::Error> unit_problem(std::string message) {
    return tl::unexpected(core::Error{core::Reason::invalid_argument, std::move(message), "", ""});
}

std::vector<UnitSetting> UnitFile::all(std::string_view section, std::string_view name) const {
    std::vector<UnitSetting> found;
    for (const auto& setting : settings) {
        if (setting.section != section || setting.name != name) continue;
        if (setting.value.empty())
            found.clear();
        else
            found.push_back(setting);
    }
    return found;
}

std::optional<UnitSetting> UnitFile::last(std::string_view section, std::string_view name) const {
    const auto found = all(section, name);
    return found.empty() ? std::nullopt : std::optional(found.back());
}

UnitFile parse_unit_file(std::string path, const std::string& text) {
    UnitFile unit;
    unit.path = std::move(path);
    std::string section;
    std::string joined;  // of lines that go on
    int number = 0;
    int first = 0;
    const auto take = [&](const std::string& whole) {
        const auto line = core::trim(whole);
        const auto equals = line.find('=');
        if (line.empty()) return;
        if (line.front() == '[' && line.back() == ']')
            section = std::string(line.substr(1, line.size() - 2));
        else if (equals == std::string_view::npos || equals == 0)
            unit.stray_lines.push_back(first);
        else
            unit.settings.push_back({first, section,
                                     std::string(core::trim(line.substr(0, equals))),
                                     std::string(core::trim(line.substr(equals + 1)))});
    };
    bool goes_on = false;
    for (auto line : core::split(text, '\n')) {
        ++number;
        if (!line.empty() && line.back() == '\r') line.pop_back();
        const auto start = core::trim(line);
        if (!start.empty() && (start.front() == '#' || start.front() == ';')) continue;
        if (!goes_on) first = number;
        goes_on = !line.empty() && line.back() == '\\';
        if (goes_on) line.back() = ' ';
        joined += line;
        if (goes_on) continue;
        take(joined);
        joined.clear();
    }
    take(joined);
    return unit;
}

Result<UnitFile> read_unit_file(const std::string& path) {
    std::error_code error;
    const auto status = std::filesystem::status(path, error);
    if (!std::filesystem::exists(status)) return unit_problem(path + ": there is no such file");
    // A unit that is a link to /dev/null is masked, and a pipe would keep the others waiting.
    if (!std::filesystem::is_regular_file(status))
        return unit_problem(path + ": is not a regular file");
    auto file = InputFile::open("path", path);
    if (!file) return tl::unexpected(file.error());
    const auto text = file->all(unit_bytes_max);
    if (!text) return tl::unexpected(text.error());
    if (!core::is_utf8(*text)) return unit_problem(path + ": is not UTF-8 text");
    return parse_unit_file(path, *text);
}

Result<std::vector<UnitWord>> unit_words(const std::string& value) {
    std::vector<UnitWord> words;
    std::string_view rest = value;
    for (;;) {
        while (!rest.empty() && is_space(rest.front())) rest.remove_prefix(1);
        if (rest.empty()) return words;
        auto word = take_word(rest);
        if (!word) return tl::unexpected(word.error());
        if (!core::is_utf8(word->text)) return unit_problem("a word that is not UTF-8 text");
        words.push_back(std::move(*word));
    }
}

Result<std::string> without_specifiers(const std::string& text, const std::string& home) {
    std::string plain;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            plain += text[i];
            continue;
        }
        const char letter = ++i < text.size() ? text[i] : '\0';
        if (letter != '%' && letter != 'h')
            return unit_problem("the specifier \"%" + core::clipped(text.substr(i, 1), 4) +
                                "\"; only %h and %% are known");
        plain += letter == '%' ? "%" : home;
    }
    return plain;
}

std::optional<bool> unit_boolean(const std::string& value) {
    const std::string word = core::to_lower(value);
    for (const char* yes : {"1", "yes", "y", "true", "t", "on"})
        if (word == yes) return true;
    for (const char* no : {"0", "no", "n", "false", "f", "off"})
        if (word == no) return false;
    return {};
}

std::optional<std::chrono::milliseconds> unit_span(const std::string& value) {
    std::int64_t sum = 0;
    std::string_view rest = core::trim(value);
    if (rest.empty()) return {};
    while (!rest.empty()) {
        std::int64_t number = 0;
        const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
        if (error != std::errc{} || number < 0 || number > number_max) return {};
        rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
        rest = core::trim(rest);
        const auto name = rest.substr(0, rest.find_first_of("0123456789 \t"));
        const auto* const unit =
            std::find_if(span_units.begin(), span_units.end(),
                         [&](const SpanUnit& one) { return one.name == name; });
        if (unit == span_units.end()) return {};
        if (number > number_max / std::max<std::int64_t>(unit->ms, 1)) return {};
        sum += number * unit->ms;
        if (sum > number_max) return {};
        rest = core::trim(rest.substr(name.size()));
    }
    return std::chrono::milliseconds{sum};
}

}  // namespace taskd::cli
