// SPDX-License-Identifier: Apache-2.0
// The values of resiliency words. `key` is the whole key, and becomes the field of errors.
#pragma once

#include "core/call_policy.h"
#include "core/result.h"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace taskd::daemon {

/// A refusal that says what was found and what is accepted.
[[nodiscard]] tl::unexpected<core::Error> refused_value(const std::string& key,
                                                        std::string_view found,
                                                        const std::string& accepted,
                                                        std::string hint = {});

struct DurationBounds {
    std::chrono::milliseconds min;
    std::chrono::milliseconds max;
    std::string_view words;  ///< "1ms to 1h"
};

/// "5s", "1m30s", "1.5h", "500ms", "500": Go's time.ParseDuration without a sign, or milliseconds.
/// Not core::parse_span, which has days, spaces and no milliseconds.
[[nodiscard]] core::Result<std::chrono::milliseconds> read_duration(const std::string& key,
                                                                    std::string_view value,
                                                                    const DurationBounds& bounds);

[[nodiscard]] core::Result<int> read_count(const std::string& key, std::string_view value, int min,
                                           int max);

/// "429,500-599": statuses of 100 to 599, both ends included.
[[nodiscard]] core::Result<core::StatusRanges> read_statuses(const std::string& key,
                                                             std::string_view value);

/// "consecutiveFailures > 5" -> 6, "consecutiveFailures >= 5" -> 5: the failures in a row that open
/// a breaker. Dapr accepts any CEL expression over its counts; taskd counts these alone.
[[nodiscard]] core::Result<int> read_trip(const std::string& key, std::string_view value);

}  // namespace taskd::daemon
