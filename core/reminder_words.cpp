// SPDX-License-Identifier: Apache-2.0
#include "core/reminder_words.h"

#include "core/rfc3339.h"
#include "core/span.h"
#include "core/text.h"
#include "core/when.h"

namespace taskd::core {
namespace {

using std::chrono::seconds;

constexpr std::string_view accepted =
    "use a span before it is due such as 10m, or words such as 1h before start, 2d after due, when "
    "unblocked, at tomorrow 9:00";

std::optional<ReminderAnchor> anchor_from(std::string_view words) {
    if (words.empty() || words == "due" || words == "it is due") return ReminderAnchor::due;
    if (words == "start" || words == "the start") return ReminderAnchor::start;
    if (words == "unblocked" || words == "it is unblocked") return ReminderAnchor::unblocked;
    return {};
}

Result<Reminder> at_time(std::string_view field, std::string_view words, Timestamp now,
                         const TimeZone& zone) {
    const auto when = parse_when(field, words, now, zone);
    if (!when) return tl::unexpected(when.error());
    Reminder reminder;
    reminder.anchor = ReminderAnchor::at;
    reminder.at = when->time;
    return reminder;
}

}  // namespace

Result<Reminder> parse_reminder(std::string_view field, std::string_view words, Timestamp now,
                                const TimeZone& zone) {
    words = trim(words);
    const std::string lower = to_lower(words);
    Reminder reminder;
    for (const std::string_view word : {"at ", "on ", "when "}) {
        if (lower.rfind(word, 0) != 0) continue;
        const std::string_view rest = trim(std::string_view(lower).substr(word.size()));
        if (rest == "the time") return reminder;
        if (const auto anchor = rest.empty() ? std::nullopt : anchor_from(rest)) {
            reminder.anchor = *anchor;
            return reminder;
        }
        if (word == "when ") break;
        return at_time(field, trim(words.substr(word.size())), now, zone);
    }
    if (!lower.empty())
        if (const auto anchor = anchor_from(lower)) {
            reminder.anchor = *anchor;
            return reminder;
        }
    const auto cut = std::min(lower.find(" before"), lower.find(" after"));
    const auto span = parse_span(field, std::string_view(lower).substr(0, cut));
    if (!span && cut == std::string::npos && !lower.empty()) {
        // "tomorrow 9am" can mean nothing but a time of its own.
        if (auto at = at_time(field, words, now, zone)) return at;
        return invalid_argument(
            std::string(field),
            "\"" + clipped(words, 64) + "\" is not accepted; " + std::string(accepted));
    }
    if (!span) return tl::unexpected(span.error());
    reminder.before = *span;
    if (cut == std::string::npos) return reminder;
    const bool is_after = lower.compare(cut, 6, " after") == 0;
    const auto anchor = anchor_from(trim(std::string_view(lower).substr(cut + (is_after ? 6 : 7))));
    if (!anchor || (*anchor == ReminderAnchor::unblocked && !is_after))
        return invalid_argument(
            std::string(field),
            "\"" + clipped(words, 64) + "\" is not accepted; " + std::string(accepted));
    reminder.anchor = *anchor;
    if (is_after) reminder.before = -reminder.before;
    return reminder;
}

std::string format_reminder(const Reminder& reminder) {
    if (reminder.anchor == ReminderAnchor::at && reminder.at) {
        std::string text = format_local(reminder.at->local);
        text = reminder.at->is_date ? text.substr(0, 10) : text.replace(10, 1, " ");
        if (text.size() == 19 && text.compare(16, 3, ":00") == 0) text.resize(16);
        return "at " + text + " " + reminder.at->tzid;
    }
    const bool is_start = reminder.anchor == ReminderAnchor::start;
    const bool is_unblocked = reminder.anchor == ReminderAnchor::unblocked;
    if (reminder.before == seconds{0})
        return is_unblocked ? "when unblocked" : is_start ? "at start" : "at the time";
    const std::string words = reminder.before > seconds{0}
                                  ? format_span(reminder.before) + " before"
                                  : format_span(-reminder.before) + " after";
    if (is_unblocked) return words + " unblocked";
    if (is_start) return words + " start";
    return reminder.before > seconds{0} ? words : words + " due";
}

}  // namespace taskd::core
