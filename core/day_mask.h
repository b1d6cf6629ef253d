// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <optional>

namespace taskd::core {

/// The matching days of one period (a day, week, month or year) as bits from its first day on. A
/// rule is compiled once into a mask per shape of period; expanding is then counting zeros.
class DayMask {
public:
    static constexpr unsigned days_max = 366;

    void set(unsigned day) { words_[day / 64] |= std::uint64_t{1} << (day % 64); }
    void clear(unsigned day) { words_[day / 64] &= ~(std::uint64_t{1} << (day % 64)); }

    [[nodiscard]] bool test(unsigned day) const {
        return (words_[day / 64] >> (day % 64) & 1U) != 0;
    }

    /// The first set day at or after `day`, the last one at or before it.
    [[nodiscard]] std::optional<unsigned> at_or_after(unsigned day) const {
        for (unsigned word = day / 64; word < words_.size(); ++word) {
            const auto kept =
                word == day / 64 ? words_[word] & (~std::uint64_t{0} << (day % 64)) : words_[word];
            if (kept != 0) return word * 64 + static_cast<unsigned>(std::countr_zero(kept));
        }
        return {};
    }
    [[nodiscard]] std::optional<unsigned> at_or_before(unsigned day) const {
        for (unsigned word = day / 64 + 1; word-- > 0;) {
            const auto kept = word == day / 64
                                  ? words_[word] & (~std::uint64_t{0} >> (63 - day % 64))
                                  : words_[word];
            if (kept != 0) return word * 64 + 63 - static_cast<unsigned>(std::countl_zero(kept));
        }
        return {};
    }

    [[nodiscard]] unsigned count() const {
        unsigned total = 0;
        for (const auto word : words_) total += static_cast<unsigned>(std::popcount(word));
        return total;
    }

    bool operator==(const DayMask&) const = default;

private:
    std::array<std::uint64_t, 6> words_{};
};

}  // namespace taskd::core
