// SPDX-License-Identifier: Apache-2.0
// The sidecar's routes, encoded so that it decodes them to what was meant.
#pragma once

#include "core/result.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace taskd::ipc::dapr {

using QueryFields = std::vector<std::pair<std::string, std::string>>;

/// Everything but the unreserved characters of RFC 3986 as %XX; also right where "+" means a space.
[[nodiscard]] std::string encoded(std::string_view text);

/// "?a=1&b=2", or "" without fields.
[[nodiscard]] std::string query_text(const QueryFields& fields);

/// /v1.0/invoke/APP/method/PATH. `method` is a path below the app with or without a slash in front
/// and may end in a query; slashes separate segments.
///
/// Errors: invalid_argument on `app` or `method` - empty, control characters, "#", a "%" that is
///         not the begin of an escape, or an escape that the sidecar refuses or takes for a slash.
[[nodiscard]] core::Result<std::string> invoke_path(const std::string& app,
                                                    const std::string& method,
                                                    const QueryFields& query);

/// /v1.0/publish/PUBSUB/TOPIC; `bulk` is "bulk/" in one of the two places that versions have it.
///
/// Errors: invalid_argument on `pubsub` or `topic`.
enum class PublishRoute { single, bulk, bulk_alpha };
[[nodiscard]] core::Result<std::string> publish_path(const std::string& pubsub,
                                                     const std::string& topic, PublishRoute route,
                                                     const QueryFields& query);

}  // namespace taskd::ipc::dapr
