// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/http/http_request.h"

#include <nlohmann/json.hpp>
#include <tl/expected.hpp>

namespace taskd::daemon {

inline constexpr std::size_t events_of_batch_max = 1000;
inline constexpr std::size_t event_body_bytes_max = 256 * 1024;  ///< of data that is not JSON

/// Events that came in by one request, as event.publish takes them.
struct PublishCall {
    nlohmann::json params;
    bool is_batch = false;
};

/// Translates a POST of CloudEvents into the parameters of event.publish. What the attributes must
/// be is event.publish's to say.
///
/// Shape:  binary mode (ce-* fields, any body), structured (application/cloudevents+json), batched
///         (application/cloudevents-batch+json, 1 to 1000 events, the query may say each=true).
/// Errors: 400 - a query or field that can't be read, a body that is not what its type says, both
///         data and data_base64; 415 - no CloudEvent, or an event format other than JSON.
/// Source: CloudEvents 1.0.2, HTTP protocol binding section 3, JSON event format sections 3 and 4.
[[nodiscard]] tl::expected<PublishCall, HttpRefusal> publish_call(const HttpRequest& request);

}  // namespace taskd::daemon
