// SPDX-License-Identifier: Apache-2.0
#include "core/span.h"

#include "core/text.h"
#include "core/vocabulary.h"

#include <algorithm>
#include <array>

namespace taskd::core {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::size_t span_bytes_max = 256;
struct Unit {
    std::string_view name;
    seconds length;
};
constexpr std::array<Unit, 17> units{{
    {"s", seconds{1}},
    {"sec", seconds{1}},
    {"secs", seconds{1}},
    {"second", seconds{1}},
    {"seconds", seconds{1}},
    {"m", minutes{1}},
    {"min", minutes{1}},
    {"mins", minutes{1}},
    {"minute", minutes{1}},
    {"minutes", minutes{1}},
    {"h", hours{1}},
    {"hour", hours{1}},
    {"hours", hours{1}},
    {"d", days{1}},
    {"day", days{1}},
    {"days", days{1}},
    {"week", days{7}},
}};

}  // namespace

Result<seconds> parse_span(std::string_view field, std::string_view text) {
    std::string_view rest = trim(text);
    const auto refused = [&] {
        return not_understood(field, text, "10m, 1h30m, 2 days or 90 seconds");
    };
    if (rest.empty() || rest.size() > span_bytes_max) return refused();
    if (rest == "0") return seconds{0};
    constexpr seconds span_max = days{366};
    seconds total{0};
    while (!rest.empty()) {
        const auto digits = rest.find_first_not_of("0123456789");
        const auto number = number_of(rest.substr(0, digits));
        if (!number || digits == std::string_view::npos) return refused();
        rest = trim(rest.substr(digits));
        const auto letters = rest.find_first_of("0123456789 \t\r\n\f\v");
        std::string name = to_lower(rest.substr(0, letters));
        if (name == "weeks" || name == "w") name = "week";
        const auto* const unit =
            std::find_if(units.begin(), units.end(), [&](const Unit& u) { return u.name == name; });
        if (unit == units.end()) return refused();
        total += unit->length * *number;
        if (total > span_max)
            return invalid_argument(std::string(field), clipped(trim(text), span_bytes_max) +
                                                            " is too long; at most 366 days are "
                                                            "accepted");
        rest = letters == std::string_view::npos ? std::string_view() : trim(rest.substr(letters));
    }
    return total;
}

std::string format_span(seconds span) {
    if (span == seconds{0}) return "0";
    std::string text;
    const auto part = [&](seconds unit, char name) {
        if (span >= unit) text += std::to_string(span / unit) + name;
        span %= unit;
    };
    part(days{1}, 'd');
    part(hours{1}, 'h');
    part(minutes{1}, 'm');
    part(seconds{1}, 's');
    return text;
}

}  // namespace taskd::core
