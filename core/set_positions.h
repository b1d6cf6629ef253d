// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

namespace taskd::core {

/// BYSETPOS (RFC 5545 section 3.3.10): which of a period's slots are kept. Slots are numbered from
/// 0 to size - 1; a period may hold up to 366 days of 86 400 slots.
class SetPositions {
public:
    explicit SetPositions(const std::vector<int>& sorted)
        : split_(static_cast<std::size_t>(std::lower_bound(sorted.begin(), sorted.end(), 0) -
                                          sorted.begin())),
          values_(sorted) {}

    [[nodiscard]] bool all() const { return values_.empty(); }

    [[nodiscard]] std::optional<std::int64_t> at_or_after(std::int64_t index,
                                                          std::int64_t size) const {
        std::int64_t best = size;
        const auto forward = std::lower_bound(begin_forward(), values_.end(), index + 1);
        if (forward != values_.end() && *forward <= size) best = *forward - 1;
        const auto backward = std::lower_bound(values_.begin(), begin_forward(), index - size);
        if (backward != begin_forward()) best = std::min(best, size + *backward);
        if (best >= size) return {};
        return best;
    }

    [[nodiscard]] std::optional<std::int64_t> at_or_before(std::int64_t index,
                                                           std::int64_t size) const {
        std::int64_t best = -1;
        auto forward = std::upper_bound(begin_forward(), values_.end(), std::min(index + 1, size));
        if (forward != begin_forward()) best = *--forward - 1;
        auto backward = std::upper_bound(values_.begin(), begin_forward(), index - size);
        if (backward != values_.begin()) best = std::max(best, size + *--backward);
        if (best < 0) return {};
        return best;
    }

    /// How many of a period's slots before `index` are kept.
    [[nodiscard]] std::int64_t count_before(std::int64_t index, std::int64_t size) const {
        std::int64_t total = 0;
        for (auto kept = at_or_after(0, size); kept && *kept < index;
             kept = at_or_after(*kept + 1, size))
            ++total;
        return total;
    }

private:
    [[nodiscard]] std::vector<int>::const_iterator begin_forward() const {
        return values_.begin() + static_cast<std::ptrdiff_t>(split_);
    }

    std::size_t split_;  // negative positions before it, positive ones from it on
    std::vector<int> values_;
};

}  // namespace taskd::core
