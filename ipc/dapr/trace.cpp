// SPDX-License-Identifier: Apache-2.0
#include "ipc/dapr/trace.h"

#include "ipc/dapr/paths.h"

#include <algorithm>

namespace taskd::ipc::dapr {
namespace {

constexpr std::size_t trace_begin = 3;  // 00-TRACE-SPAN-FLAGS
constexpr std::size_t trace_size = 32;
constexpr std::size_t span_begin = 36;
constexpr std::size_t span_size = 16;
constexpr std::size_t flags_begin = 53;
constexpr std::size_t traceparent_size = 55;

bool is_hex(std::string_view text) {
    return std::all_of(text.begin(), text.end(),
                       [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}
bool is_zero(std::string_view text) {
    return text.find_first_not_of('0') == std::string_view::npos;
}

bool is_traceparent(std::string_view text) {
    if (text.size() != traceparent_size || text.substr(0, 3) != "00-" ||
        text[span_begin - 1] != '-' || text[flags_begin - 1] != '-')
        return false;
    const auto trace = text.substr(trace_begin, trace_size);
    const auto span = text.substr(span_begin, span_size);
    return is_hex(trace) && is_hex(span) && is_hex(text.substr(flags_begin)) && !is_zero(trace) &&
           !is_zero(span);
}

/// 16 digits, not all zero.
std::string digits(core::Random& random) {
    std::uint64_t bits = random.next();
    if (bits == 0) bits = 1;
    std::string text(16, '0');
    for (auto at = text.rbegin(); at != text.rend(); ++at, bits >>= 4U)
        *at = "0123456789abcdef"[bits & 15U];
    return text;
}

}  // namespace

std::string continued_trace(const std::string& parent, core::Random& random) {
    if (is_traceparent(parent))
        return parent.substr(0, span_begin) + digits(random) + parent.substr(flags_begin - 1);
    const auto high = digits(random);
    const auto low = digits(random);
    return "00-" + high + low + "-" + digits(random) + "-01";
}

std::string user_baggage(const std::string& user) {
    return "user_id=" + encoded(user);
}

}  // namespace taskd::ipc::dapr
