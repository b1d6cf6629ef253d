// SPDX-License-Identifier: Apache-2.0
#include "core/when.h"

#include "core/date_words.h"
#include "core/rfc3339.h"
#include "core/span.h"
#include "core/text.h"
#include "core/vocabulary.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace taskd::core {
namespace {

using std::chrono::days;
using std::chrono::floor;
using std::chrono::hours;
using std::chrono::local_days;
using std::chrono::seconds;
using Words = std::vector<std::string>;

constexpr std::string_view time_examples =
    "9:30, tomorrow 9am, fri 17:30, in 20 minutes, 24 december, 2026-12-31 or 2026-12-31T09:00";
constexpr seconds tonight = hours{20};

const std::vector<std::string>& time_words() {
    static const std::vector<std::string> words{
        "today",    "tomorrow", "yesterday", "tonight", "now",       "noon",
        "midnight", "eod",      "monday",    "tuesday", "wednesday", "thursday",
        "friday",   "saturday", "sunday",    "minutes", "hours",     "days",
        "weeks",    "january",  "february",  "october", "november",  "december"};
    return words;
}

tl::unexpected<Error> refuse(std::string_view field, std::string_view part) {
    return not_understood(field, part, time_examples, time_words());
}

When at_local(LocalTime local, bool is_date, const TimeZone& zone) {
    const auto resolved = zone.to_utc(local);
    return {CalendarTime{local, is_date, zone.name(), resolved.at}, false,
            !is_date && resolved.kind == LocalKind::skipped};
}

/// An instant keeps its exact moment even in a repeated hour, where the local time alone is
/// unclear.
When at_instant(Timestamp at, const TimeZone& zone) {
    return {CalendarTime{zone.to_local(at), false, zone.name(), at}, false, false};
}

/// At the ends of the calendar an offset leads out of the years that can be stored.
Result<When> writable(std::string_view field, std::string_view text, const When& when) {
    if (is_writable(when.time.at) && is_writable(Timestamp{when.time.local.time_since_epoch()}))
        return when;
    return invalid_argument(std::string(field),
                            clipped(text, 256) + " lies outside the years 1 to 9999");
}

Words part(const Words& words, std::size_t begin, std::size_t end) {
    return {words.begin() + static_cast<std::ptrdiff_t>(begin),
            words.begin() + static_cast<std::ptrdiff_t>(end)};
}

/// "in 2 months", "in a year" by the calendar; the day has to exist there.
Result<std::optional<When>> in_months(std::string_view field, const Words& rest, LocalTime now,
                                      const TimeZone& zone) {
    if (rest.size() != 2) return std::nullopt;
    const auto number = number_named(rest[0]);
    const bool by_month = rest[1] == "month" || rest[1] == "months";
    if (!number || (!by_month && rest[1] != "year" && rest[1] != "years")) return std::nullopt;
    if (*number > 1200) return refuse(field, join(rest, " "));
    const std::chrono::year_month_day today{floor<days>(now)};
    const auto then = today + std::chrono::months{by_month ? *number : *number * 12};
    if (!then.ok())
        return invalid_argument(std::string(field), "in " + join(rest, " ") +
                                                        " there is no such day; name the one that "
                                                        "is meant, as 2027-02-28");
    return at_local(local_days{then} + (now - floor<days>(now)), false, zone);
}

Result<When> in_span(std::string_view field, Words rest, Timestamp now, const TimeZone& zone) {
    if (rest.empty()) return not_understood(field, "in", "in 20 minutes or in 3 days at 9:00");
    if (rest[0] == "a" || rest[0] == "an") rest[0] = "1";
    const auto months = in_months(field, rest, zone.to_local(now), zone);
    if (!months) return tl::unexpected(months.error());
    if (*months) return **months;
    const std::string text = join(rest, " ");
    const auto span = parse_span(field, text);
    if (!span) return tl::unexpected(span.error());
    // "in 2 days" and "in 1w" keep the wall-clock time over a DST change; smaller units are exact,
    // and their names have other letters.
    const bool only_days = text.find_first_not_of("0123456789 daysweek") == std::string::npos;
    if (only_days && *span != seconds{0} && *span % days{1} == seconds{0})
        return at_local(zone.to_local(now) + *span, false, zone);
    return at_instant(now + *span, zone);
}

/// "in 20 minutes", "in 3 days at 9:00".
Result<When> parse_in(std::string_view field, const Words& words, Timestamp now,
                      const TimeZone& zone) {
    const auto at = std::find(words.begin(), words.end(), "at");
    const auto when = in_span(field, {words.begin() + 1, at}, now, zone);
    if (!when || at == words.end()) return when;
    const auto time = time_of_day({at, words.end()});
    if (!time) return not_understood(field, join({at, words.end()}, " "), "at 9:30 or at 5pm");
    return at_local(floor<days>(when->time.local) + *time, false, zone);
}

Result<When> parse_iso_when(std::string_view field, const std::string& text, const TimeZone& zone) {
    const auto iso = parse_iso(text);
    if (!iso) return refuse(field, text);
    if (!iso->offset) return writable(field, text, at_local(iso->local, !iso->has_time, zone));
    const Timestamp at{iso->local.time_since_epoch() - *iso->offset + iso->fraction};
    return writable(field, text, at_instant(at, zone));
}

/// "2026-12-31 9am" and "2026-12-31 9:30" beside the ISO forms.
Result<When> parse_iso_words(std::string_view field, const Words& words, const TimeZone& zone) {
    if (words.size() == 1) return parse_iso_when(field, words[0], zone);
    const auto time = time_of_day(part(words, 1, words.size()));
    if (!time) return parse_iso_when(field, join(words, " "), zone);
    return parse_iso_when(field, words[0] + format_local(LocalTime{*time}).substr(10), zone);
}

/// Day and month as numbers with slashes are read in two orders.
bool has_slashed_date(const Words& words) {
    return std::any_of(words.begin(), words.end(), [](const std::string& word) {
        return word.find('/') != std::string::npos && word[0] >= '0' && word[0] <= '9';
    });
}

/// A day with or without a time behind or before it: where the one ends and the other begins.
struct Parts {
    Words day;
    std::optional<seconds> time;
};
Parts parts_of(const Words& words) {
    for (const std::size_t length : {3U, 2U, 1U}) {
        if (length > words.size()) continue;
        const auto rest = words.size() - length;
        if (const auto time = time_of_day(part(words, rest, words.size())))
            return {part(words, 0, rest), time};
        if (const auto time = time_of_day(part(words, 0, length)))
            return {part(words, length, words.size()), time};
    }
    return {words, {}};
}

/// The words behind the longest beginning that is a day, with or without a time; or all of them.
std::string not_a_day(const Words& words, const Today& today) {
    for (std::size_t length = words.size(); length-- > 1;) {
        const auto parts = parts_of(part(words, 0, length));
        const bool known = parts.day.empty() || day_named(parts.day, today);
        if (known) return join(part(words, length, words.size()), " ");
    }
    return join(words, " ");
}

Result<When> parse_day(std::string_view field, const Words& words, Timestamp now,
                       const TimeZone& zone) {
    const LocalTime local_now = zone.to_local(now);
    const auto today = floor<days>(local_now);
    auto [day, time] = parts_of(words);
    if (day.empty()) {
        auto when = at_local(today + *time, false, zone);
        if (when.time.at <= now) when = at_local(today + days{1} + *time, false, zone);
        when.bare_time = true;
        return when;
    }
    if (!time && day == Words{"tonight"}) return at_local(today + tonight, false, zone);
    if (time && std::find(words.begin(), words.end(), "midnight") != words.end())
        return invalid_argument(std::string(field), "\"" + join(words, " ") +
                                                        "\" may be the day's begin or its end; "
                                                        "write 0:00 or 23:59");
    const Today from{today, time && today + *time > local_now};
    const auto date = day_named(day, from);
    if (!date) return refuse(field, not_a_day(words, from));
    return writable(field, join(words, " "),
                    at_local(*date + time.value_or(seconds{0}), !time, zone));
}

/// Takes a zone off the end of the words; none if there is none.
Result<std::optional<TimeZone>> take_zone(std::string_view field, Words& words) {
    if (words.empty() || !looks_like_zone(words.back())) return std::nullopt;
    const std::string named = to_upper(words.back()) == "UTC" ? "UTC" : words.back();
    const auto zone = TimeZone::load(named);
    if (!zone)
        return invalid_argument(std::string(field),
                                "\"" + clipped(named, 256) + "\" is not a time zone",
                                zone.error().hint);
    words.pop_back();
    return *zone;
}

Result<When> parse_words(std::string_view field, Words words, Timestamp now, const TimeZone& zone) {
    if (words.empty()) return refuse(field, "");
    if (has_slashed_date(words))
        return invalid_argument(std::string(field),
                                "\"" + clipped(join(words, " "), 256) +
                                    "\" may be day/month or month/day; write 2026-12-24, "
                                    "24.12.2026 or 24 december");
    if (words[0][0] >= '0' && words[0][0] <= '9' && words[0].find('-') != std::string::npos)
        return parse_iso_words(field, words, zone);
    for (auto& word : words) word = to_lower(word);
    if (words[0] == "in" && words.size() > 1) return parse_in(field, words, now, zone);
    if (words.size() == 1 && words[0] == "now") return at_instant(now, zone);
    return parse_day(field, words, now, zone);
}

/// Words without their zone, and the zone they are in.
struct Zoned {
    Words words;
    TimeZone zone;
};
Result<Zoned> zoned(std::string_view field, std::string_view text, const TimeZone& zone) {
    if (text.size() > words_bytes_max)
        return invalid_argument(std::string(field),
                                "is longer than " + std::to_string(words_bytes_max) + " bytes");
    Words words = words_of(text);
    const auto named = take_zone(field, words);
    if (!named) return tl::unexpected(named.error());
    return Zoned{std::move(words), named->value_or(zone)};
}

}  // namespace

Result<When> parse_when(std::string_view field, std::string_view text, Timestamp now,
                        const TimeZone& zone) {
    const auto in = zoned(field, text, zone);
    if (!in) return tl::unexpected(in.error());
    return parse_words(field, in->words, now, in->zone);
}

Result<When> parse_past(std::string_view field, std::string_view text, Timestamp now,
                        const TimeZone& zone) {
    const auto in = zoned(field, text, zone);
    if (!in) return tl::unexpected(in.error());
    auto when = parse_words(field, in->words, now, in->zone);
    if (when && when->bare_time && when->time.at > now)
        return at_local(when->time.local - days{1}, false, in->zone);
    return when;
}

Result<When> parse_until(std::string_view field, std::string_view text, Timestamp now,
                         const TimeZone& zone) {
    const auto in = zoned(field, text, zone);
    if (!in) return tl::unexpected(in.error());
    const Today today{floor<days>(in->zone.to_local(now)), true};
    if (const auto day = end_of_period(words_of(to_lower(join(in->words, " "))), today))
        return at_local(*day, true, in->zone);
    return parse_words(field, in->words, now, in->zone);
}

std::string describe(const CalendarTime& time) {
    const auto zone = TimeZone::load(time.tzid);
    const LocalTime local = time.is_date || !zone ? time.local : zone->to_local(time.at);
    const auto weekday = std::chrono::weekday{floor<days>(local)}.iso_encoding() - 1;
    const std::string text = weekday_name(weekday).substr(0, 3) + " " + format_date(local);
    return time.is_date ? text : text + " " + clock_words(local - floor<days>(local));
}

}  // namespace taskd::core
