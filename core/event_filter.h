// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/result.h"
#include "core/topic.h"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace taskd::core {

/// A leaf of an event's data; monostate for null.
using Scalar = std::variant<std::monostate, bool, double, std::string>;

/// The value at a path of names with dots ("payload.priority"); none where there is no leaf.
using FieldLookup = std::function<std::optional<Scalar>(std::string_view path)>;

/// One comparison with a field of the data: "payload.priority>=5", "payload.tag=work",
/// "payload.note" (is there and not null), "!payload.note" (is not).
class Condition {
public:
    /// Errors: invalid_argument on `where` - no path, or no operator of = != < <= > >=.
    [[nodiscard]] static Result<Condition> parse(const std::string& text);

    /// Numbers compare as numbers, true and false as words, the rest as text by its bytes. A field
    /// that is not there is unequal to everything, and neither less nor greater.
    [[nodiscard]] bool holds(const FieldLookup& field) const;

private:
    enum class Operator { exists, absent, equal, unequal, less, at_most, greater, at_least };

    std::string path_;
    Operator operator_ = Operator::exists;
    std::string value_;
    std::optional<double> number_;
};

/// Which events a consumer takes: all of types, sources, subjects and conditions agree. An empty
/// list agrees with everything.
class EventFilter {
public:
    struct Words {
        std::vector<std::string> types;
        std::vector<std::string> sources;
        std::vector<std::string> subjects;
        std::vector<std::string> where;
        bool operator==(const Words&) const = default;
    };
    /// Errors: invalid_argument on types, sources, subjects or where; at most 32 of each.
    [[nodiscard]] static Result<EventFilter> make(const Words& words);

    [[nodiscard]] bool matches(std::string_view type, std::string_view source,
                               std::string_view subject, const FieldLookup& field) const;

private:
    TopicFilter types_;
    TopicFilter sources_;
    TopicFilter subjects_;
    std::vector<Condition> conditions_;
};

}  // namespace taskd::core
