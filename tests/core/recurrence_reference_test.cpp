// SPDX-License-Identifier: Apache-2.0
// The engine against the reference on random recurrences. TASKD_RECURRENCE_ROUNDS=N for more of
// them, TASKD_RECURRENCE_SEED=N for others.
#include "core/ical_time.h"
#include "core/recurrence_text.h"
#include "core/rfc3339.h"
#include "core/text.h"
#include "tests/core/random_recurrence.h"
#include "tests/core/reference_recurrence.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

namespace taskd::test {
namespace {

using namespace core;
using std::chrono::days;
using std::chrono::floor;
using std::chrono::seconds;

std::int64_t from_environment(const char* name, std::int64_t otherwise) {
    const char* text = std::getenv(name);
    return text == nullptr ? otherwise : std::atoll(text);
}

std::string text_of(const std::optional<Slot>& slot) {
    return slot ? format(slot->id) + " at " + format_utc(slot->at) : "none";
}

/// The reference's list, and the engine that is asked about it.
class Comparison {
public:
    Comparison(const RecurrenceSpec& spec, Recurrence slots, LocalTime horizon)
        : slots_(std::move(slots)),
          zone_(slots_.zone()),
          horizon_(horizon),
          expected_(reference_slots(spec, zone_, horizon)) {}

    [[nodiscard]] const std::vector<Slot>& expected() const { return expected_; }

    void all() const {
        std::vector<std::string> found;
        std::vector<std::string> wanted;
        for (const auto& slot : slots_.all()) {
            if (beyond(slot)) break;
            found.push_back(text_of(slot));
            if (found.size() > expected_.size() + 5) break;
        }
        for (const auto& slot : expected_) wanted.push_back(text_of(slot));
        if (found != wanted) {
            // Only where they part; the lists may have thousands.
            const auto [left, right] =
                std::mismatch(found.begin(), found.end(), wanted.begin(), wanted.end());
            const std::string ours = left == found.end() ? "the end" : *left;
            const std::string theirs = right == wanted.end() ? "the end" : *right;
            INFO("slot " << left - found.begin() << " of " << found.size() << ", expected "
                         << wanted.size());
            REQUIRE(ours == theirs);
        }
        check(slots_.first_slot(), expected_.empty() ? std::nullopt : std::optional(expected_[0]));
    }

    void around(Timestamp time) const {
        CAPTURE(format_utc(time));
        const auto after = std::find_if(expected_.begin(), expected_.end(),
                                        [&](const Slot& slot) { return slot.at > time; });
        check(slots_.next_after(time), at(after));
        const auto before = std::find_if(expected_.rbegin(), expected_.rend(),
                                         [&](const Slot& slot) { return slot.at < time; });
        REQUIRE(text_of(slots_.prev_before(time)) ==
                text_of(before == expected_.rend() ? std::nullopt : std::optional(*before)));
    }

    void around(const RecurrenceId& id) const {
        CAPTURE(format(id));
        const auto slot = slots_.slot_at(id);
        const auto less = [&](const Slot& left, const Slot& right) {
            return reference_before(left, right, zone_);
        };
        const auto [from, to] = std::equal_range(expected_.begin(), expected_.end(), slot, less);
        check(slots_.next_after(slot), at(to));
        REQUIRE(text_of(slots_.prev_before(slot)) ==
                text_of(from == expected_.begin() ? std::nullopt : std::optional(*(from - 1))));
        REQUIRE(slots_.contains(id) == (from != to));
    }

    void counted(std::int64_t from, std::int64_t to) const {
        const auto& first = expected_[static_cast<std::size_t>(from)];
        const auto& last = expected_[static_cast<std::size_t>(to)];
        CAPTURE(text_of(first), text_of(last));
        REQUIRE(slots_.count_in(slots_.slot_at(first.id), slots_.slot_at(last.id)) ==
                static_cast<std::uint64_t>(to - from + 1));
        check(slots_.nth(static_cast<std::uint64_t>(from)), first);
        check(slots_.nth(static_cast<std::uint64_t>(to)), last);
    }

    void whole_count() const {
        const auto count = slots_.count();
        check(slots_.nth(expected_.size()), std::nullopt);
        if (!slots_.ends() && slots_.first_slot()) REQUIRE_FALSE(count);
        const auto last = slots_.prev_before(Timestamp::max());
        if (!count || (last && beyond(*last))) return;
        REQUIRE(*count == expected_.size());
        REQUIRE(text_of(last) ==
                text_of(expected_.empty() ? std::nullopt : std::optional(expected_.back())));
    }

private:
    [[nodiscard]] bool beyond(const Slot& slot) const { return slot.id.local > horizon_; }
    [[nodiscard]] std::optional<Slot> at(std::vector<Slot>::const_iterator found) const {
        return found == expected_.end() ? std::nullopt : std::optional(*found);
    }
    /// Of what lies beyond the horizon the reference says nothing.
    void check(const std::optional<Slot>& found, const std::optional<Slot>& wanted) const {
        if (!wanted && found && beyond(*found)) return;
        REQUIRE(text_of(found) == text_of(wanted));
    }

    Recurrence slots_;
    TimeZone zone_;
    LocalTime horizon_;
    std::vector<Slot> expected_;
};

void compare(const RecurrenceSpec& spec, int horizon_days, SeededRandom& random) {
    const auto made = Recurrence::compile(spec);
    REQUIRE(made);
    const LocalTime horizon = floor<days>(spec.dtstart) + days{horizon_days + 1} - seconds{1};
    const Comparison comparison(spec, *made, horizon);
    comparison.all();
    comparison.whole_count();

    const auto& expected = comparison.expected();
    const auto length = horizon - spec.dtstart;
    const auto start = made->slot_at({spec.dtstart, false}).at;
    for (int probe = 0; probe < 6; ++probe) {
        const auto anywhere = seconds{random.between(-86'400, length.count() - 86'400)};
        if (expected.empty() || random.one_in(3)) {
            comparison.around(start + anywhere);
            if (!spec.is_date) comparison.around(RecurrenceId{spec.dtstart + anywhere, false});
            continue;
        }
        const auto last = static_cast<std::int64_t>(expected.size()) - 1;
        const auto index = random.between(0, last);
        const auto& slot = expected[static_cast<std::size_t>(index)];
        comparison.around(slot.at + seconds{random.between(-1, 1)});
        comparison.around(slot.id);
        if (!spec.is_date)
            comparison.around(RecurrenceId{slot.id.local + seconds{random.between(-1, 1)}, false});
        comparison.counted(index, random.between(index, last));
    }
}

TEST_CASE("random recurrences give what the reference gives") {
    const auto rounds = from_environment("TASKD_RECURRENCE_ROUNDS", 1500);
    const auto seed = from_environment("TASKD_RECURRENCE_SEED", 20261124);
    for (std::int64_t round = 0; round < rounds; ++round) {
        // A seed of its own, so that one round can be run alone.
        SeededRandom random(static_cast<std::uint64_t>(seed + round));
        const auto source = random_recurrence(random);
        CAPTURE(seed + round, source.dtstart, source.tzid, join(source.lines, "\n"));
        const auto spec = parse_recurrence(source.dtstart, source.tzid, source.lines);
        INFO((spec ? "" : spec.error().message));
        REQUIRE(spec);
        compare(*spec, source.days, random);
    }
}

}  // namespace
}  // namespace taskd::test
