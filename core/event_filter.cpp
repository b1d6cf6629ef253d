// SPDX-License-Identifier: Apache-2.0
#include "core/event_filter.h"

#include "core/text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>

namespace taskd::core {
namespace {

constexpr std::size_t conditions_max = 32;
constexpr std::size_t condition_bytes_max = 255;

std::optional<double> number_of(std::string_view text) {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value))
        return {};
    return value;
}

/// -1, 0 or 1; none where the two can't be compared.
std::optional<int> compare(const Scalar& field, const std::string& value,
                           const std::optional<double>& number) {
    if (const auto* found = std::get_if<double>(&field)) {
        if (!number) return {};
        return *found < *number ? -1 : *found > *number ? 1 : 0;
    }
    std::string_view text;
    if (const auto* found = std::get_if<std::string>(&field)) text = *found;
    if (const auto* found = std::get_if<bool>(&field)) text = *found ? "true" : "false";
    if (std::holds_alternative<std::monostate>(field)) text = "null";
    const int order = text.compare(value);
    return order < 0 ? -1 : order > 0 ? 1 : 0;
}

/// The error of a list of patterns, under the name of the list it is in.
tl::unexpected<Error> renamed(Error error, const char* field) {
    error.field = field;
    return tl::unexpected(std::move(error));
}

}  // namespace

Result<Condition> Condition::parse(const std::string& text) {
    const auto refuse = [&](const std::string& why) {
        return invalid_argument("where", "\"" + clipped(text, 64) + "\" " + why,
                                "such as payload.priority>=5, payload.tag=work, payload.note, "
                                "!payload.note");
    };
    if (text.empty() || text.size() > condition_bytes_max || has_control(text))
        return refuse("is not a comparison; use 1 to 255 bytes without control characters");
    Condition condition;
    const auto at = text.find_first_of("=!<>", text[0] == '!' ? 1 : 0);
    if (at == std::string::npos) {
        condition.operator_ = text[0] == '!' ? Operator::absent : Operator::exists;
        condition.path_ = trim(text[0] == '!' ? text.substr(1) : text);
    } else {
        // Two characters before one, so that ">=" is not ">" with "=5".
        static constexpr std::array<std::pair<std::string_view, Operator>, 7> operators{
            {{"!=", Operator::unequal},
             {"<=", Operator::at_most},
             {">=", Operator::at_least},
             {"==", Operator::equal},
             {"=", Operator::equal},
             {"<", Operator::less},
             {">", Operator::greater}}};
        const auto found = std::find_if(operators.begin(), operators.end(), [&](const auto& known) {
            return text.compare(at, known.first.size(), known.first) == 0;
        });
        if (found == operators.end() || text[0] == '!')
            return refuse("has no operator; use = != < <= > or >=");
        condition.operator_ = found->second;
        condition.path_ = trim(text.substr(0, at));
        condition.value_ = trim(text.substr(at + found->first.size()));
        condition.number_ = number_of(condition.value_);
    }
    if (condition.path_.empty()) return refuse("names no field of the data");
    return condition;
}

bool Condition::holds(const FieldLookup& field) const {
    const auto found = field(path_);
    const bool is_there = found && !std::holds_alternative<std::monostate>(*found);
    if (operator_ == Operator::exists) return is_there;
    if (operator_ == Operator::absent) return !is_there;
    const auto order = found ? compare(*found, value_, number_) : std::nullopt;
    if (!order) return operator_ == Operator::unequal;
    switch (operator_) {
    case Operator::equal:
        return *order == 0;
    case Operator::unequal:
        return *order != 0;
    case Operator::less:
        return *order < 0;
    case Operator::at_most:
        return *order <= 0;
    case Operator::greater:
        return *order > 0;
    case Operator::at_least:
        return *order >= 0;
    case Operator::exists:
    case Operator::absent:
        break;
    }
    return false;
}

Result<EventFilter> EventFilter::make(const Words& words) {
    EventFilter filter;
    auto types = TopicFilter::make(words.types);
    if (!types) return renamed(types.error(), "types");
    auto sources = TopicFilter::make(words.sources);
    if (!sources) return renamed(sources.error(), "sources");
    auto subjects = TopicFilter::make(words.subjects);
    if (!subjects) return renamed(subjects.error(), "subjects");
    if (words.where.size() > conditions_max)
        return invalid_argument("where", std::to_string(words.where.size()) +
                                             " comparisons were given; at most 32 are accepted");
    for (const auto& text : words.where) {
        auto condition = Condition::parse(text);
        if (!condition) return tl::unexpected(condition.error());
        filter.conditions_.push_back(std::move(*condition));
    }
    filter.types_ = std::move(*types);
    filter.sources_ = std::move(*sources);
    filter.subjects_ = std::move(*subjects);
    return filter;
}

bool EventFilter::matches(std::string_view type, std::string_view source, std::string_view subject,
                          const FieldLookup& field) const {
    return types_.matches(type) && sources_.matches(source) && subjects_.matches(subject) &&
           std::all_of(conditions_.begin(), conditions_.end(),
                       [&](const Condition& condition) { return condition.holds(field); });
}

}  // namespace taskd::core
