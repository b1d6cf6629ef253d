// SPDX-License-Identifier: Apache-2.0
// What was read of a phrase so far, and the rule that it makes. Between core/phrase, which reads
// the clauses, and its callers, who see an Every.
#pragma once

#include "core/phrase.h"
#include "core/phrase_days.h"

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace taskd::core {

struct PhraseDraft {
    Every every;
    std::string head;         ///< the words that begin the phrase, for messages
    bool unit_given = false;  ///< "every month", so that days belong to it
    bool quarterly = false;
    std::optional<DayList> days;  ///< "on ..." or a phrase of days alone
    std::optional<DayList> only;  ///< "only on ..."
    std::vector<int> of_months;   ///< "the 2nd sunday of may"
    std::vector<int> in_months;   ///< "in december"
    bool of_month = false;        ///< "of the month"
    bool of_year = false;         ///< "the 100th day of the year"
    std::string unclear_days;     ///< "every 2nd friday", until "of the month" makes it clear
    std::vector<std::chrono::seconds> times;  ///< several times of day
    std::optional<std::pair<std::chrono::seconds, std::chrono::seconds>> window;
    std::vector<int> minutes;      ///< "at minutes 0 and 30"
    std::vector<int> hours;        ///< "of the hours 9 and 10"
    std::optional<int> times_per;  ///< "twice a day"
};

/// The rule that the parts make together.
///
/// Errors: invalid_argument on `every` - parts that contradict each other, or that no single RRULE
///         says.
[[nodiscard]] Result<Every> finish(PhraseDraft draft);

}  // namespace taskd::core
