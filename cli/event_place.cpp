// SPDX-License-Identifier: Apache-2.0
#include "cli/event_place.h"

#include "core/rfc3339.h"
#include "core/span.h"
#include "core/text.h"
#include "core/when.h"

#include <algorithm>
#include <charconv>

namespace taskd::cli {
namespace {

using core::Result;
using core::Timestamp;

bool is_digits(std::string_view text) {
    return !text.empty() &&
           std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// "2h ago" or "2h"; none when it is something else.
std::optional<Timestamp> time_ago(std::string_view words, Timestamp now) {
    constexpr std::string_view ago = " ago";
    if (words.size() > ago.size() && words.substr(words.size() - ago.size()) == ago)
        words.remove_suffix(ago.size());
    const auto span = core::parse_span("span", words);
    if (!span) return {};
    return now - *span;
}

/// A time of day on today's date, on its own zone's clock.
Timestamp today_at(const core::CalendarTime& time, Timestamp now, const core::TimeZone& zone) {
    const auto own = core::TimeZone::load(time.tzid);
    const core::TimeZone& clock = own ? *own : zone;
    const auto today = std::chrono::floor<std::chrono::days>(clock.to_local(now));
    const auto of_day = time.local - std::chrono::floor<std::chrono::days>(time.local);
    return clock.to_utc(core::LocalTime{today} + of_day).at;
}

}  // namespace

Result<EventPlace> event_place(std::string_view field, std::string_view words, PlaceOf which,
                               Timestamp now, const core::TimeZone& zone) {
    const std::string_view text = core::trim(words);
    if (is_digits(text)) {
        std::int64_t number = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
        if (error != std::errc{} || end != text.data() + text.size())
            return core::invalid_argument(
                std::string(field),
                "\"" + core::clipped(text, 64) + "\" is larger than any event's number");
        return EventPlace{number, {}};
    }
    if (const auto at = core::parse_utc(text)) return EventPlace{{}, *at};
    if (const auto at = time_ago(text, now)) return EventPlace{{}, *at};
    const auto when = core::parse_when(field, text, now, zone);
    if (!when) {
        core::Error error = when.error();
        if (error.hint.empty())
            error.hint =
                "an event's number, or a time such as \"2h ago\", yesterday or \"2026-11-24 "
                "09:00\"";
        return tl::unexpected(error);
    }
    Timestamp at = when->time.at;
    if (when->bare_time) {
        at = today_at(when->time, now, zone);
        if (which == PlaceOf::begin && at > now) at -= std::chrono::days{1};
    }
    if (which == PlaceOf::begin && at > now)
        return core::invalid_argument(std::string(field), "\"" + core::clipped(text, 64) +
                                                              "\" is still to come; use a time "
                                                              "that has passed");
    return EventPlace{{}, at};
}

Result<std::string> consumer_place(std::string_view field, std::string_view words, Timestamp now,
                                   const core::TimeZone& zone) {
    const std::string text = core::to_lower(core::trim(words));
    if (text == "now" || text == "oldest") return text;
    auto place = event_place(field, words, PlaceOf::begin, now, zone);
    if (!place) {
        place.error().hint = "now, oldest, an event's number, or a time such as \"2h ago\"";
        return tl::unexpected(place.error());
    }
    return place->number ? std::to_string(*place->number) : core::format_utc(*place->time);
}

}  // namespace taskd::cli
