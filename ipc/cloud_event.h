// SPDX-License-Identifier: Apache-2.0
// Between the CloudEvent of the wire and what core decides about.
#pragma once

#include "core/inbound_event.h"
#include "ipc/event_messages.h"

namespace taskd::ipc {

[[nodiscard]] core::InboundEvent inbound_event(const PublishItem& item);
[[nodiscard]] CloudEvent cloud_event(const core::AcceptedEvent& event, std::int64_t userseq);

}  // namespace taskd::ipc
