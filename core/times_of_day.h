// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <vector>

namespace taskd::core {

/// The times of one day that a rule names: every hour with every minute with every second, in
/// order, as an index from 0 on. Seconds of the day are what goes in and out.
class TimesOfDay {
public:
    TimesOfDay(const std::vector<int>& hours, const std::vector<int>& minutes,
               const std::vector<int>& seconds)
        : hours_(hours), minutes_(minutes), seconds_(seconds) {}

    [[nodiscard]] unsigned count() const { return hours_.count * minutes_.count * seconds_.count; }

    [[nodiscard]] std::int64_t nth(unsigned index) const {
        const unsigned second = index % seconds_.count;
        const unsigned minute = index / seconds_.count % minutes_.count;
        const unsigned hour = index / seconds_.count / minutes_.count;
        return hours_.values[hour] * 3600LL + minutes_.values[minute] * 60LL +
               seconds_.values[second];
    }

    /// How many of them are earlier than `time`, which is 0 to 86 400.
    [[nodiscard]] unsigned count_before(std::int64_t time) const {
        if (time >= 86'400) return count();
        const auto hour = static_cast<unsigned>(time / 3600);
        const auto minute = static_cast<unsigned>(time / 60 % 60);
        const auto second = static_cast<unsigned>(time % 60);
        unsigned found = hours_.before(hour) * minutes_.count * seconds_.count;
        if (!hours_.has(hour)) return found;
        found += minutes_.before(minute) * seconds_.count;
        return minutes_.has(minute) ? found + seconds_.before(second) : found;
    }

private:
    struct Values {
        explicit Values(const std::vector<int>& list) {
            for (const int value : list) {
                values[count++] = static_cast<std::uint8_t>(value);
                mask |= std::uint64_t{1} << value;
            }
        }
        [[nodiscard]] bool has(unsigned value) const { return (mask >> value & 1U) != 0; }
        [[nodiscard]] unsigned before(unsigned value) const {
            return static_cast<unsigned>(std::popcount(mask & ((std::uint64_t{1} << value) - 1)));
        }
        std::array<std::uint8_t, 60> values{};
        unsigned count = 0;
        std::uint64_t mask = 0;
    };
    Values hours_;
    Values minutes_;
    Values seconds_;
};

}  // namespace taskd::core
