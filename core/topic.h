// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/result.h"

#include <string>
#include <string_view>
#include <vector>

namespace taskd::core {

/// A filter over event types: exact ("task.created"), or a prefix with a final star ("task.*",
/// "*"). Prefixes are what a ZeroMQ subscription can say, so live and stored reading agree.
class TopicFilter {
public:
    /// Errors: invalid_argument on `types` - empty, longer than 255 characters, control characters,
    ///         or a star that is not the last character. At most 32 patterns.
    [[nodiscard]] static Result<TopicFilter> make(const std::vector<std::string>& patterns);

    TopicFilter() = default;  ///< matches every type

    [[nodiscard]] bool matches(std::string_view type) const;

    /// The prefixes to subscribe to; {""} for everything.
    [[nodiscard]] std::vector<std::string> prefixes() const;

private:
    std::vector<std::string> patterns_;
};

}  // namespace taskd::core
