// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/result.h"
#include "core/rrule.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace taskd::core {

/// What the next slot counts from: the rule's own slots, or the day on which the last was done.
enum class Anchor { schedule, completion };
/// How many occurrences may be open: one, or each slot its own task at its time.
enum class Overlap { one, stack };
/// What becomes of slots that passed while the last one was open or taskd was off.
enum class CatchUp { skip, latest, all };
/// Where a slot on a day off goes: a Saturday, a Sunday or one of the user's holidays.
enum class Shift { none, next, previous, skip };

/// How a series behaves (taskctl(1), POLICIES). A span of 0 and a max of 0 mean that there is none.
struct Policies {
    Anchor anchor = Anchor::schedule;
    Overlap overlap = Overlap::one;
    CatchUp catch_up = CatchUp::skip;
    std::chrono::seconds window{0};   ///< only slots younger than this are caught up with
    std::int64_t max = 0;             ///< the newest so many of them
    std::chrono::seconds spread{0};   ///< one of them at a time, so far apart
    std::chrono::seconds min_gap{0};  ///< the next not before so long after the last was done
    Shift shift = Shift::none;
    std::vector<std::string> given;    ///< names of those given when the series was added
    std::vector<std::string> changed;  ///< names of those changed later

    bool operator==(const Policies&) const = default;
};

inline constexpr std::int64_t catch_up_max = 1000;         ///< the highest `max`
inline constexpr std::int64_t catch_up_max_default = 100;  ///< of a stack that catches up with all

/// How many missed slots become tasks at most; 0 for no bound (one open task needs none).
[[nodiscard]] std::int64_t effective_max(const Policies& policies);

/// Policies as typed; what is not there stays, "default" takes one back.
struct PolicyWords {
    std::optional<std::string> anchor;
    std::optional<std::string> overlap;
    std::optional<std::string> catch_up;
    std::optional<std::string> window;
    std::optional<std::string> max;
    std::optional<std::string> spread;
    std::optional<std::string> min_gap;
    std::optional<std::string> shift;
};

/// The policies with these words applied; `later` says that the series exists already.
///
/// Errors: invalid_argument on the field whose word or span is not understood.
[[nodiscard]] Result<Policies> applied(Policies policies, const PolicyWords& words, bool later);

/// Refuses policies that contradict each other or the rule.
///
/// Errors: invalid_argument on the field that has to give way, and the message says to what.
[[nodiscard]] Result<void> check_policies(const Policies& policies, const Rrule& rule);

/// One policy as people see it.
struct PolicyView {
    std::string name;
    std::string value;
    std::string origin;  ///< "default", "add" or "changed"
};
[[nodiscard]] std::vector<PolicyView> describe(const Policies& policies);

}  // namespace taskd::core
