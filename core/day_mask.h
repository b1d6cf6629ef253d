// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <bit>
#include <cstdint>

namespace taskd::core {

/// The matching days of one period (a week, month or year) as bits from its first day on. A rule is
/// compiled once into a mask per shape of period; expanding is then counting zeros.
class DayMask {
public:
    static constexpr unsigned days_max = 384;
    static constexpr unsigned words = days_max / 64;

    void set(unsigned day) { words_[day / 64] |= std::uint64_t{1} << (day % 64); }

    /// Sets the days of `bits`, whose lowest bit is the day `first`; days before 0 are not there.
    void set_from(int first, std::uint64_t bits) {
        if (first < 0) {
            bits >>= -first;
            first = 0;
        }
        const auto at = static_cast<unsigned>(first);
        words_[at / 64] |= bits << (at % 64);
        if (at % 64 != 0 && at / 64 + 1 < words) words_[at / 64 + 1] |= bits >> (64 - at % 64);
    }

    [[nodiscard]] std::uint64_t word(unsigned index) const { return words_[index]; }

    [[nodiscard]] bool test(unsigned day) const {
        return (words_[day / 64] >> (day % 64) & 1U) != 0;
    }

    /// The set day with `index` set days before it, which must be there.
    [[nodiscard]] unsigned nth(unsigned index) const {
        unsigned word = 0;
        for (; word + 1 < words; ++word) {
            const auto here = static_cast<unsigned>(std::popcount(words_[word]));
            if (index < here) break;
            index -= here;
        }
        auto bits = words_[word];
        for (; index > 0; --index) bits &= bits - 1;
        return word * 64 + static_cast<unsigned>(std::countr_zero(bits));
    }

    [[nodiscard]] unsigned count() const {
        unsigned total = 0;
        for (const auto word : words_) total += static_cast<unsigned>(std::popcount(word));
        return total;
    }
    [[nodiscard]] unsigned count_before(unsigned day) const {
        unsigned total = 0;
        for (unsigned word = 0; word < day / 64; ++word)
            total += static_cast<unsigned>(std::popcount(words_[word]));
        if (day % 64 == 0) return total;
        const auto kept = words_[day / 64] & ((std::uint64_t{1} << (day % 64)) - 1);
        return total + static_cast<unsigned>(std::popcount(kept));
    }
    [[nodiscard]] bool empty() const { return *this == DayMask{}; }

    DayMask& operator&=(const DayMask& other) {
        for (unsigned word = 0; word < words; ++word) words_[word] &= other.words_[word];
        return *this;
    }

    bool operator==(const DayMask&) const = default;

private:
    std::array<std::uint64_t, words> words_{};
};

}  // namespace taskd::core
