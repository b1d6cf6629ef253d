// SPDX-License-Identifier: Apache-2.0
#include "core/query.h"

#include "core/text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace taskd::core {
namespace {

constexpr std::array<std::pair<Sort, std::string_view>, 4> sort_names{{
    {Sort::due, "due"},
    {Sort::number, "number"},
    {Sort::modified, "modified"},
    {Sort::priority, "priority"},
}};

bool is_hex_or_dash(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || c == '-';
}

}  // namespace

std::string_view to_string(Sort sort) {
    for (const auto& [value, name] : sort_names)
        if (value == sort) return name;
    return "due";
}

Result<Sort> sort_from(std::string_view word) {
    for (const auto& [value, name] : sort_names)
        if (name == word) return value;
    return invalid_argument("sort", "\"" + clipped(word, 64) +
                                        "\" is not an order; use due, number, modified or "
                                        "priority");
}

Result<TaskQuery> checked(TaskQuery query) {
    if (query.limit < 1 || query.limit > page_max)
        return invalid_argument(
            "limit", std::to_string(query.limit) + " is not accepted; use 1 to 1000 per page");
    if (query.offset < 0)
        return invalid_argument("offset", std::to_string(query.offset) + " is below 0");
    return query;
}

Result<TaskRef> task_ref_from(std::string_view text) {
    TaskRef ref;
    const bool digits = !text.empty() && std::all_of(text.begin(), text.end(),
                                                     [](char c) { return c >= '0' && c <= '9'; });
    if (digits) {
        std::int64_t number = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
        if (error == std::errc{} && end == text.data() + text.size()) {
            ref.number = number;
            return ref;
        }
    }
    ref.id_prefix = to_lower(text);
    if (!digits && ref.id_prefix.size() >= 4 && ref.id_prefix.size() <= 36 &&
        std::all_of(ref.id_prefix.begin(), ref.id_prefix.end(), is_hex_or_dash))
        return ref;
    return invalid_argument("task", "\"" + clipped(text, 64) +
                                        "\" is neither a task's number nor the first 4 or more "
                                        "characters of its id");
}

}  // namespace taskd::core
