// SPDX-License-Identifier: Apache-2.0
#include "core/error.h"

#include "core/result.h"

#include <array>
#include <utility>

namespace taskd::core {
namespace {

constexpr std::array<std::pair<Reason, std::string_view>, 12> reason_names{{
    {Reason::internal, "internal"},
    {Reason::data_loss, "data_loss"},
    {Reason::invalid_argument, "invalid_argument"},
    {Reason::not_found, "not_found"},
    {Reason::conflict, "conflict"},
    {Reason::failed_precondition, "failed_precondition"},
    {Reason::permission_denied, "permission_denied"},
    {Reason::unauthenticated, "unauthenticated"},
    {Reason::unavailable, "unavailable"},
    {Reason::deadline_exceeded, "deadline_exceeded"},
    {Reason::unknown, "unknown"},
    {Reason::resource_exhausted, "resource_exhausted"},
}};

}  // namespace

std::string_view to_string(Reason reason) {
    for (const auto& [value, name] : reason_names)
        if (value == reason) return name;
    return "internal";
}

Reason reason_from(std::string_view word) {
    for (const auto& [value, name] : reason_names)
        if (name == word) return value;
    return Reason::internal;
}

tl::unexpected<Error> invalid_argument(std::string field, const std::string& message,
                                       std::string hint) {
    return tl::unexpected(
        Error{Reason::invalid_argument, field + ": " + message, std::move(field), std::move(hint)});
}

tl::unexpected<Error> not_found(std::string field, std::string message, std::string hint) {
    return tl::unexpected(
        Error{Reason::not_found, std::move(message), std::move(field), std::move(hint)});
}

tl::unexpected<Error> failed_precondition(std::string field, std::string message,
                                          std::string hint) {
    return tl::unexpected(
        Error{Reason::failed_precondition, std::move(message), std::move(field), std::move(hint)});
}

}  // namespace taskd::core
