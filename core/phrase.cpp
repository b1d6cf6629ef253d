// SPDX-License-Identifier: Apache-2.0
#include "core/phrase.h"

#include "core/cron.h"
#include "core/phrase_clauses.h"
#include "core/text.h"
#include "core/vocabulary.h"

#include <utility>

namespace taskd::core {
namespace {

tl::unexpected<Error> refuse(const std::string& reason) {
    return invalid_argument("every", reason);
}

/// Takes the zone off the end; what stays before it may end with a comma.
Result<std::string> take_zone(PhraseCursor& cursor) {
    const std::string last = cursor.last();
    if (!looks_like_zone(last)) return std::string();
    const auto zone = TimeZone::load(to_upper(last) == "UTC" ? "UTC" : last);
    if (!zone)
        return invalid_argument("every", "\"" + clipped(last, 256) + "\" is not a time zone",
                                zone.error().hint);
    cursor.drop_last();
    if (cursor.last() == ",") cursor.drop_last();
    return last;
}

Result<Every> read_phrase(PhraseCursor cursor, const std::string& zone) {
    PhraseDraft draft;
    if (auto read = read_head(cursor, draft); !read) return tl::unexpected(read.error());
    if (auto read = read_clauses(cursor, draft); !read) return tl::unexpected(read.error());
    auto every = finish(std::move(draft));
    if (!every || zone.empty()) return every;
    every->tzid = to_upper(zone) == "UTC" ? "UTC" : zone;
    if (every->at) *every->at += " " + zone;
    return every;
}

Result<Every> read_rrule(std::string_view text) {
    auto rule = parse_rrule(text);
    if (rule) {
        Every every;
        every.rule = std::move(*rule);
        return every;
    }
    rule.error().field = "every";  // what the rule was typed into
    return tl::unexpected(rule.error());
}

bool says_more(const PhraseDraft& draft, const Rrule& rule) {
    return draft.every.rule != rule || draft.every.until || draft.days || draft.only ||
           draft.window || draft.of_month || draft.of_year || !draft.of_months.empty() ||
           !draft.in_months.empty() || !draft.times.empty() || !draft.minutes.empty();
}

/// "by rule FREQ=...", as describe() writes it, with a time and a zone behind it.
Result<Every> read_by_rule(std::string_view text) {
    auto words = words_of(text);
    words.erase(words.begin(), words.begin() + 2);
    std::string rule = words.empty() ? "" : words.front();
    if (!rule.empty() && rule.back() == ',') {
        rule.pop_back();
        words.front() = ",";
    } else if (!words.empty()) {
        words.erase(words.begin());
    }
    const auto read = read_rrule(rule);
    if (!read) return read;
    PhraseCursor cursor(join(words, " "));
    const auto zone = take_zone(cursor);
    if (!zone) return tl::unexpected(zone.error());
    PhraseDraft draft;
    draft.every = *read;
    if (auto rest = read_clauses(cursor, draft); !rest) return tl::unexpected(rest.error());
    if (says_more(draft, read->rule))
        return refuse(
            "behind an RRULE only at 9:30, starting and a zone are accepted; write the rest "
            "into the rule");
    if (draft.every.at && !zone->empty()) *draft.every.at += " " + *zone;
    draft.every.tzid = *zone;
    return draft.every;
}

}  // namespace

Result<Every> parse_every(std::string_view text) {
    if (to_lower(text.substr(0, 8)) == "by rule ") return read_by_rule(text);
    if (to_upper(text).find("FREQ=") != std::string::npos) return read_rrule(text);
    if (text.size() > words_bytes_max)
        return refuse("is longer than " + std::to_string(words_bytes_max) + " bytes");
    if (looks_like_cron(text)) return parse_cron(text);
    PhraseCursor cursor(text);
    const auto zone = take_zone(cursor);
    if (!zone) return tl::unexpected(zone.error());
    return read_phrase(std::move(cursor), *zone);
}

}  // namespace taskd::core
