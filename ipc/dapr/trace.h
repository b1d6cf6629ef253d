// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/random.h"

#include <string>

namespace taskd::ipc::dapr {

/// A traceparent (W3C Trace Context level 1, section 3.2): the trace of `parent` with a span of its
/// own, or a new trace where `parent` is none or not valid.
[[nodiscard]] std::string continued_trace(const std::string& parent, core::Random& random);

/// A baggage header (W3C Baggage, section 3.3.1) that says whose call it is: "user_id=ada".
[[nodiscard]] std::string user_baggage(const std::string& user);

}  // namespace taskd::ipc::dapr
