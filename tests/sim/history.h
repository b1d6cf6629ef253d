// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/rfc3339.h"

#include <deque>
#include <string>

namespace taskd::sim {

/// What happened last, for the report of a failing seed.
class History {
public:
    void note(core::Timestamp now, const std::string& what) {
        lines_.push_back(core::format_utc(now) + " " + what);
        if (lines_.size() > lines_max) lines_.pop_front();
    }
    [[nodiscard]] std::string text() const {
        std::string all;
        for (const auto& line : lines_) all += "  " + line + "\n";
        return all;
    }

private:
    static constexpr std::size_t lines_max = 100;
    std::deque<std::string> lines_;
};

}  // namespace taskd::sim
