// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/result.h"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace taskd::ipc {

/// JSON-RPC 2.0 envelopes. A core::Error travels as `error` with its reason, field and hint in
/// `error.data`, so that both ends speak of the same refusal.
[[nodiscard]] std::string request_text(const nlohmann::json& id, std::string_view method,
                                       const nlohmann::json& params);
[[nodiscard]] nlohmann::json result_reply(const nlohmann::json& id, nlohmann::json result);
[[nodiscard]] nlohmann::json error_reply(const nlohmann::json& id, const core::Error& error);

/// `error` as it stands in a reply, and back.
[[nodiscard]] nlohmann::json error_json(const core::Error& error);
[[nodiscard]] core::Error error_from(const nlohmann::json& error);

/// The result that a reply holds, or the error that it reports.
///
/// Errors: the daemon's own; internal - the text is no JSON-RPC reply.
[[nodiscard]] core::Result<nlohmann::json> parse_reply(std::string_view text);

/// The same for each request of a batch, by its id, of which `first_id` is the first.
[[nodiscard]] core::Result<std::vector<core::Result<nlohmann::json>>> parse_replies(
    std::string_view text, std::int64_t first_id, std::size_t count);

}  // namespace taskd::ipc
