// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/handlers/handling.h"

namespace taskd::daemon {

// consumer_handlers.cpp: what there is
[[nodiscard]] core::Result<ipc::ConsumerChanged> create_consumer(const ipc::ConsumerCreate& request,
                                                                 Handling& h);
[[nodiscard]] core::Result<ipc::ConsumerChanged> reset_consumer(const ipc::ConsumerReset& request,
                                                                Handling& h);
[[nodiscard]] core::Result<ipc::ConsumerChanged> remove_consumer(const ipc::ConsumerRemove& request,
                                                                 Handling& h);
[[nodiscard]] core::Result<ipc::ConsumerPage> list_consumers(const ipc::ConsumerList& request,
                                                             Handling& h);

// consumer_fetch.cpp: events out
/// With wait_ms and nothing there yet, parks the request in `h.poll`.
[[nodiscard]] core::Result<ipc::ConsumerBatch> fetch_events(const ipc::ConsumerFetch& request,
                                                            Handling& h);
/// The same, asked again for a parked request: what there is now, perhaps nothing.
[[nodiscard]] core::Result<ipc::ConsumerBatch> fetch_now(const ipc::ConsumerFetch& request,
                                                         const core::UserId& user,
                                                         UnitOfWork& unit);

// consumer_settle.cpp: and what became of them
[[nodiscard]] core::Result<ipc::Settled> ack_events(const ipc::ConsumerAck& request, Handling& h);
[[nodiscard]] core::Result<ipc::Settled> nack_events(const ipc::ConsumerNack& request, Handling& h);
[[nodiscard]] core::Result<ipc::Settled> extend_leases(const ipc::ConsumerExtend& request,
                                                       Handling& h);

/// Leases that ran out are taken back: for the next member, or given up.
void take_back_lapsed(UnitOfWork& unit, const core::Consumer& consumer);

/// Runs what a timer of kind `consumer` is about. Says whether events may be ready.
[[nodiscard]] bool wake_consumer(UnitOfWork& unit, const Timer& timer);

/// Errors: not_found on `name`, with the nearest name of the user's own.
[[nodiscard]] core::Result<core::Consumer> require_consumer(UnitOfWork& unit,
                                                            const core::UserId& user,
                                                            const std::string& name);

/// Everything up to here is settled.
[[nodiscard]] std::int64_t cursor_of(UnitOfWork& unit, const core::Consumer& consumer);

}  // namespace taskd::daemon
