// SPDX-License-Identifier: Apache-2.0
// Rules as people read them.
#pragma once

#include "core/event_rule.h"

#include <string>

namespace taskd::cli {

/// "build.* where status=failed: remind {type}", on one line.
[[nodiscard]] std::string rule_words(const core::EventRule& rule);
/// What it does: "add \"Review {data.title}\", due tomorrow".
[[nodiscard]] std::string action_words(const core::EventRule& rule);

}  // namespace taskd::cli
