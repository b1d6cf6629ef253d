// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/event.h"
#include "core/result.h"
#include "ipc/messages.h"

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <string_view>

namespace taskd::ipc {

/// JSON text to value, hostile text welcome.
///
/// Errors: invalid_argument - not JSON, not UTF-8, deeper than json_depth_max.
[[nodiscard]] core::Result<nlohmann::json> parse_json(std::string_view text);

/// A message or core value as JSON object. Instantiated in the folder json/ for every type of
/// messages.h and for the core values that are stored or published.
template <class T>
[[nodiscard]] nlohmann::json to_json(const T& value);

/// The message that a JSON object holds. Unknown fields are ignored, missing ones keep their
/// defaults (both so that versions can differ); a field of the wrong type is refused.
///
/// Errors: invalid_argument - names the field, what was found and what is accepted.
template <class T>
[[nodiscard]] core::Result<T> from_json(const nlohmann::json& object);

/// The `payload` member of an event's data.
[[nodiscard]] nlohmann::json payload_json(const core::Payload& payload);

/// A CloudEvent in JSON format (CloudEvents 1.0 JSON format section 3), as published and printed.
[[nodiscard]] std::string to_text(const CloudEvent& event);

}  // namespace taskd::ipc
