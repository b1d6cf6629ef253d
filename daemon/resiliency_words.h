// SPDX-License-Identifier: Apache-2.0
// The keys of resiliency words: one table of what is accepted, and what each says.
#pragma once

#include "core/call_policy.h"
#include "core/result.h"

#include <chrono>
#include <map>
#include <string>

namespace taskd::daemon {

/// What was read so far, by name. A target has its policies' values, not their names.
struct ResiliencyDraft {
    std::map<std::string, std::chrono::milliseconds> timeouts;
    std::map<std::string, core::CallRetry> retries;
    std::map<std::string, core::BreakerPolicy> breakers;
    std::map<std::string, core::CallPolicy> apps;
    std::map<std::string, core::CallPolicy> components;
};

/// Reads one word into the draft, in which the policies that a target names have to be already.
///
/// Errors: invalid_argument on the key, with the nearest word or name as a hint.
[[nodiscard]] core::Result<void> read_resiliency_word(const std::string& key,
                                                      const std::string& value,
                                                      ResiliencyDraft& into);

}  // namespace taskd::daemon
