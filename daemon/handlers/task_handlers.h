// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/handlers/handling.h"
#include "ipc/messages.h"

namespace taskd::daemon {

[[nodiscard]] core::Result<ipc::TaskAdded> add_task(const ipc::TaskAdd& request, Handling& h);
[[nodiscard]] core::Result<ipc::TaskDetails> get_task(const ipc::TaskGet& request, Handling& h);
[[nodiscard]] core::Result<ipc::TaskPage> list_tasks(const ipc::TaskList& request, Handling& h);
[[nodiscard]] core::Result<ipc::TaskFacetsReply> list_facets(const ipc::TaskFacets& request,
                                                             Handling& h);
[[nodiscard]] core::Result<ipc::Agenda> get_agenda(const ipc::AgendaGet& request, Handling& h);
[[nodiscard]] core::Result<ipc::TaskChanged> start_task(const ipc::TaskStart& request, Handling& h);
/// edit_handlers.cpp
[[nodiscard]] core::Result<ipc::TaskChanged> update_task(const ipc::TaskUpdate& request,
                                                         Handling& h);
[[nodiscard]] core::Result<ipc::TaskClosed> cancel_task(const ipc::TaskCancel& request,
                                                        Handling& h);
/// An occurrence that is closed without being done; its slot is skipped for `reason`. What comes
/// next is `next` where that was decided already.
[[nodiscard]] core::Result<ipc::TaskClosed> cancel_occurrence(const core::Task& task,
                                                              core::SkipReason reason, Handling& h,
                                                              const core::NextSlot* next = nullptr);
/// An occurrence or single task that is done.
[[nodiscard]] core::Result<ipc::TaskClosed> complete_occurrence(const core::Task& task,
                                                                Handling& h);
[[nodiscard]] core::Result<ipc::TaskClosed> complete_task(const ipc::TaskComplete& request,
                                                          Handling& h);
[[nodiscard]] core::Result<ipc::TaskClosed> delete_task(const ipc::TaskDelete& request,
                                                        Handling& h);
[[nodiscard]] core::Result<ipc::TaskReopened> reopen_task(const ipc::TaskReopen& request,
                                                          Handling& h);
[[nodiscard]] core::Result<ipc::TaskReopened> restore_task(const ipc::TaskRestore& request,
                                                           Handling& h);

}  // namespace taskd::daemon
