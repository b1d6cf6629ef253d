// SPDX-License-Identifier: Apache-2.0
// Dapr's resiliency words in taskd's own configuration: named policies, and which app or component
// is called by which. Retries of what Dapr delivers to taskd are the sidecar's.
#pragma once

#include "core/call_policy.h"
#include "core/result.h"

#include <map>
#include <string>

namespace taskd::daemon {

/// How each app and component is called. Without words, all by taskd's defaults.
class Resiliency {
public:
    /// Shape:  the leaves of a TOML file in, such as policies.retries.important.maxRetries = "3" or
    ///         targets.apps.billing.retry = "important". Names may contain dots: the attribute is
    ///         what comes last.
    /// Units:  Go's durations ("5s", "1m30s"); a whole number is milliseconds.
    /// Errors: invalid_argument on the whole key: it is no word, its value isn't accepted, or it
    ///         names a policy that is not there.
    /// Source: Dapr's Resiliency resource. Words that it leaves out have its defaults.
    [[nodiscard]] static core::Result<Resiliency> read(
        const std::map<std::string, std::string>& words);

    /// As in Dapr, one word that names the target is enough for no default to apply to it; what its
    /// words do not say is none. Otherwise each of timeout, retry and breaker comes from the
    /// most specific default: DefaultAppRetryPolicy before DefaultRetryPolicy.
    [[nodiscard]] core::CallPolicy app(const std::string& id) const;

    /// The same for publishing to a pub/sub component: DefaultPubsubComponentOutboundRetryPolicy,
    /// DefaultComponentOutboundRetryPolicy, DefaultComponentRetryPolicy, DefaultRetryPolicy.
    [[nodiscard]] core::CallPolicy component(const std::string& name) const;

    bool operator==(const Resiliency&) const = default;

private:
    std::map<std::string, core::CallPolicy> apps_;
    std::map<std::string, core::CallPolicy> components_;
    core::CallPolicy any_app_;
    core::CallPolicy any_component_;
};

}  // namespace taskd::daemon
