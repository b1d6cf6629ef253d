// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/handlers/handling.h"
#include "ipc/messages.h"

namespace taskd::daemon {

[[nodiscard]] core::Result<ipc::SeriesPage> list_series(const ipc::SeriesList& request,
                                                        Handling& h);
[[nodiscard]] core::Result<ipc::SeriesDetails> get_series(const ipc::SeriesGet& request,
                                                          Handling& h);

/// Paused: no new tasks and no reminders; the open task stays. Resumed: what passed meanwhile is
/// skipped (reason paused) and the series goes on. Ended: for good; the open task stays.
[[nodiscard]] core::Result<ipc::SeriesChanged> pause_series(const ipc::SeriesPause& request,
                                                            Handling& h);
[[nodiscard]] core::Result<ipc::SeriesChanged> resume_series(const ipc::SeriesResume& request,
                                                             Handling& h);
[[nodiscard]] core::Result<ipc::SeriesChanged> end_series(const ipc::SeriesEnd& request,
                                                          Handling& h);

}  // namespace taskd::daemon
