// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/error.h"

#include <array>
#include <optional>
#include <string_view>

namespace taskd::cli {

inline constexpr int exit_callee_4xx = 8;
inline constexpr int exit_callee_5xx = 9;
inline constexpr int exit_sidecar = 10;
inline constexpr int exit_no = 11;

/// One row of the table that scripts rely on: do not change a number. --help prints it, and a test
/// holds taskctl(1) to the same words. 8 to 10 are those of calls of remote services (cli/dapr), 11
/// that of predicates.
struct ExitCode {
    int status;
    std::string_view meaning;
    std::array<std::optional<core::Reason>, 2> reasons;
};

inline constexpr std::array<ExitCode, 13> exit_codes{{
    {0, "success; an empty list too", {}},
    {1,
     "internal error; or add refused a line of its FILE, or what wait waited for failed",
     {core::Reason::internal, core::Reason::data_loss}},
    {2, "wrong usage, or a value that is not accepted", {core::Reason::invalid_argument}},
    {3, "not found", {core::Reason::not_found}},
    {4,
     "conflict, or not possible in this state",
     {core::Reason::conflict, core::Reason::failed_precondition}},
    {5, "not permitted", {core::Reason::permission_denied, core::Reason::unauthenticated}},
    {6, "no daemon or sidecar, or it is shutting down", {core::Reason::unavailable}},
    {7,
     "no answer in time; it may have been accepted",
     {core::Reason::deadline_exceeded, core::Reason::unknown}},
    {exit_callee_4xx, "the app that was called answered 4xx", {}},
    {exit_callee_5xx, "the app that was called answered 5xx", {}},
    {exit_sidecar, "the sidecar refused the call, or it was not made: the circuit is open", {}},
    {exit_no, "the answer is no", {}},
    {12, "a limit was reached: a quota or the disk", {core::Reason::resource_exhausted}},
}};

[[nodiscard]] constexpr int exit_status(core::Reason reason) {
    for (const auto& row : exit_codes)
        for (const auto& known : row.reasons)
            if (known == reason) return row.status;
    return 1;
}

}  // namespace taskd::cli
