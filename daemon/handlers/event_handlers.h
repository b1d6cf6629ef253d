// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/handlers/handling.h"
#include "ipc/messages.h"

namespace taskd::daemon {

/// Takes events of others into the log, each once; runs what is to be done about new ones.
[[nodiscard]] core::Result<ipc::EventsPublished> publish_events(const ipc::EventPublish& request,
                                                                Handling& h);

/// Events after a number; with wait_ms and nothing there yet, parks the request in `h.poll`.
[[nodiscard]] core::Result<ipc::EventPage> read_events(const ipc::EventRead& request, Handling& h);
[[nodiscard]] core::Result<ipc::EventPage> list_events(const ipc::EventList& request, Handling& h);
[[nodiscard]] core::Result<ipc::BusEndpointReply> bus_endpoint(const ipc::BusEndpoint& request,
                                                               Handling& h);

}  // namespace taskd::daemon
