// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/screen.h"

#include <chrono>
#include <cstdint>
#include <string>

namespace taskd::cli {

/// A word about how far something is that takes long, on a terminal, over itself.
class Progress {
public:
    /// `what` is counted: "events".
    Progress(const Screen& screen, std::string what);

    void show(std::int64_t count);
    /// Before anything else is said.
    void clear();

private:
    std::string what_;
    bool is_wanted_;
    bool on_screen_ = false;
    std::chrono::steady_clock::time_point shown_ = std::chrono::steady_clock::now();
};

}  // namespace taskd::cli
