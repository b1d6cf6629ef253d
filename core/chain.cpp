// SPDX-License-Identifier: Apache-2.0
#include "core/chain.h"

#include "core/rule.h"
#include "core/text.h"

#include <algorithm>
#include <array>

namespace taskd::core {

Result<Rrule> parse_pattern(const std::string& text) {
    constexpr std::array words{"DAILY", "WEEKLY", "MONTHLY", "YEARLY"};
    const std::string word = to_upper(trim(text));
    const bool is_word = std::find(words.begin(), words.end(), word) != words.end();
    auto rule = parse_rrule(is_word ? "FREQ=" + word : std::string(trim(text)));
    if (!rule)
        return invalid_argument("recurring_pattern",
                                "\"" + clipped(text, 64) +
                                    "\" is not accepted; use DAILY, WEEKLY, MONTHLY, YEARLY or an "
                                    "RRULE (" +
                                    rule.error().message + ")");
    if (is_word && (rule->frequency == Frequency::monthly || rule->frequency == Frequency::yearly))
        rule->skip = Skip::backward;
    return rule;
}

Result<std::optional<CalendarTime>> next_in_chain(const ChainLink& link, const Rrule& pattern,
                                                  Timestamp completed) {
    const auto zone = TimeZone::load(link.tzid);
    if (!zone) return tl::unexpected(zone.error());
    const Rule rule(pattern, link.first, false, *zone);
    const auto slot = rule.after(std::max(zone->to_utc(link.slot).at, completed));
    if (!slot) return std::optional<CalendarTime>{};
    return std::optional{calendar_time(slot->id.local, false, *zone)};
}

}  // namespace taskd::core
