// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/error.h"
#include "daemon/http/http_request.h"

#include <string>

namespace taskd::daemon {

/// The body of a refusal as problem details (RFC 9457): type, title, status, detail.
[[nodiscard]] std::string problem_json(const HttpRefusal& refusal);

/// A whole response that closes the connection, for what is refused before there is a request.
[[nodiscard]] std::string problem_response(const HttpRefusal& refusal);

/// A call's error as a problem, with its reason, field and hint; with the status of its reason, or
/// another one.
[[nodiscard]] HttpRefusal refusal_of(const core::Error& error);
[[nodiscard]] HttpRefusal refusal_of(const core::Error& error, int status);

/// The name of a status (RFC 9110 section 15).
[[nodiscard]] std::string_view http_reason_phrase(int status);

/// The status for the reason of a JSON-RPC error; the table of taskd-protocol(7).
[[nodiscard]] int http_status(core::Reason reason);

/// The time as a Date field has it (RFC 9110 section 5.6.7).
[[nodiscard]] std::string http_date();

}  // namespace taskd::daemon
