// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/error.h"

#include <tl/expected.hpp>

#include <string>

namespace taskd::core {

/// An expected failure is a value. GCC 12 has no std::expected; the names are the same, so a newer
/// compiler can replace tl::expected.
template <class T>
using Result = tl::expected<T, Error>;

[[nodiscard]] tl::unexpected<Error> invalid_argument(std::string field, const std::string& message,
                                                     std::string hint = {});
[[nodiscard]] tl::unexpected<Error> not_found(std::string field, std::string message,
                                              std::string hint = {});
[[nodiscard]] tl::unexpected<Error> failed_precondition(std::string field, std::string message,
                                                        std::string hint = {});

}  // namespace taskd::core
