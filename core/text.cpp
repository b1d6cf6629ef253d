// SPDX-License-Identifier: Apache-2.0
#include "core/text.h"

#include <algorithm>
#include <cstdint>
#include <numeric>

namespace taskd::core {
namespace {

constexpr std::string_view white_space = " \t\r\n\f\v";
constexpr std::size_t suggestion_bytes_max = 64;  // bounds the quadratic comparison

std::string mapped(std::string_view text, char from, char to, int shift) {
    std::string out(text);
    for (char& c : out)
        if (c >= from && c <= to) c = static_cast<char>(c + shift);
    return out;
}

/// Reads one code point from the front; 0xffffffff when the bytes are not UTF-8.
std::uint32_t take_code_point(std::string_view& text) {
    constexpr std::uint32_t bad = 0xffffffffU;
    const auto first = static_cast<unsigned char>(text.front());
    const std::size_t length = first < 0x80U   ? 1
                               : first < 0xc2U ? 0
                               : first < 0xe0U ? 2
                               : first < 0xf0U ? 3
                               : first < 0xf5U ? 4
                                               : 0;
    if (length == 0 || length > text.size()) return bad;
    std::uint32_t point = length == 1 ? first : first & (0x7fU >> length);
    for (std::size_t i = 1; i < length; ++i) {
        const auto next = static_cast<unsigned char>(text[i]);
        if ((next & 0xc0U) != 0x80U) return bad;
        point = (point << 6U) | (next & 0x3fU);
    }
    text.remove_prefix(length);
    const bool overlong = (length == 3 && point < 0x800U) || (length == 4 && point < 0x10000U);
    const bool surrogate = point >= 0xd800U && point <= 0xdfffU;
    return overlong || surrogate || point > 0x10ffffU ? bad : point;
}

std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t change = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = std::min({row[j] + 1, row[j - 1] + 1, change});
        }
    }
    return row.back();
}

}  // namespace

std::string to_lower(std::string_view text) {
    return mapped(text, 'A', 'Z', 'a' - 'A');
}
std::string to_upper(std::string_view text) {
    return mapped(text, 'a', 'z', 'A' - 'a');
}

std::string_view trim(std::string_view text) {
    const auto first = text.find_first_not_of(white_space);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(white_space) - first + 1);
}

std::vector<std::string> split(std::string_view text, char separator) {
    std::vector<std::string> parts;
    for (std::size_t start = 0;;) {
        const auto end = text.find(separator, start);
        parts.emplace_back(text.substr(start, end - start));
        if (end == std::string_view::npos) return parts;
        start = end + 1;
    }
}

std::vector<std::string> words_of(std::string_view text) {
    std::vector<std::string> words;
    for (std::size_t start = 0;;) {
        start = text.find_first_not_of(white_space, start);
        if (start == std::string_view::npos) return words;
        const auto end = text.find_first_of(white_space, start);
        words.emplace_back(text.substr(start, end - start));
        if (end == std::string_view::npos) return words;
        start = end;
    }
}

std::string join(const std::vector<std::string>& parts, std::string_view between) {
    std::string text;
    for (const auto& part : parts) {
        if (&part != &parts.front()) text += between;
        text += part;
    }
    return text;
}

bool is_utf8(std::string_view text) {
    while (!text.empty())
        if (take_code_point(text) == 0xffffffffU) return false;
    return true;
}

bool has_control(std::string_view text) {
    while (!text.empty()) {
        const auto point = take_code_point(text);
        if (point < 0x20U || (point >= 0x7fU && point < 0xa0U)) return true;
        if (point == 0xffffffffU) return true;
    }
    return false;
}

std::string clipped(std::string_view text, std::size_t bytes_max) {
    if (text.size() <= bytes_max) return std::string(text);
    auto end = bytes_max;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80U) --end;
    return std::string(text.substr(0, end)) + "...";
}

std::string nearest(std::string_view word, const std::vector<std::string>& known) {
    if (word.size() > suggestion_bytes_max) return {};
    std::size_t best_distance = std::max<std::size_t>(1, word.size() / 3) + 1;
    std::string best;
    for (const auto& candidate : known) {
        if (candidate.size() > suggestion_bytes_max) continue;
        const auto found = distance(to_lower(word), to_lower(candidate));
        if (found < best_distance) {
            best_distance = found;
            best = candidate;
        }
    }
    return best;
}

}  // namespace taskd::core
