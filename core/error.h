// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace taskd::core {

/// Why a request was refused. The words are gRPC's status names; HTTP status and taskctl's exit
/// status are derived from them (design: one table, printed in taskctl(1)).
enum class Reason {
    internal,
    data_loss,
    invalid_argument,
    not_found,
    conflict,
    failed_precondition,
    permission_denied,
    unauthenticated,
    unavailable,
    deadline_exceeded,
    unknown,
    resource_exhausted,
};

[[nodiscard]] std::string_view to_string(Reason reason);

/// The reason with that name, or `internal` for a word that a newer daemon may use.
[[nodiscard]] Reason reason_from(std::string_view word);

/// A refusal. `message` names the input, what was found and what is accepted; `field` is the
/// request's field where one is to blame; `hint` is a next step that the user can type.
struct Error {
    Reason reason = Reason::internal;
    std::string message;
    std::string field;
    std::string hint;

    bool operator==(const Error&) const = default;
};

}  // namespace taskd::core
