// SPDX-License-Identifier: Apache-2.0
// What a webhook, ntfy and gotify are sent.
#pragma once

#include "daemon/job.h"
#include "daemon/outbound/webhook.h"

namespace taskd::daemon {

/// Where an ntfy topic is published: its server and the topic.
struct NtfyPlace {
    std::string server;
    std::string topic;
};
/// Shape:  https://ntfy.sh/mytopic
/// Errors: invalid_argument on `url` - no topic, or more than one path segment after it.
/// Source: docs.ntfy.sh/publish, "Publish as JSON".
[[nodiscard]] core::Result<NtfyPlace> ntfy_place(const std::string& url);

/// The request of a channel of these kinds; of a webhook without a body of its own the CloudEvent,
/// structured. A body that is JSON is filled in string by string, so that it stays JSON whatever a
/// title holds.
[[nodiscard]] WebRequest web_request(const Job& job, core::Timestamp now);

}  // namespace taskd::daemon
