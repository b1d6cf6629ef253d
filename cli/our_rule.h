// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace taskd::cli {

/// What another scheduler's times are as a rule of ours: the words of `task.add`'s every and at.
struct OurRule {
    std::string every;
    std::string at;
};

}  // namespace taskd::cli
