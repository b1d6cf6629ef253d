// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/handlers/handling.h"
#include "ipc/messages.h"

namespace taskd::daemon {

[[nodiscard]] core::Result<ipc::SeriesPage> list_series(const ipc::SeriesList& request,
                                                        Handling& h);
[[nodiscard]] core::Result<ipc::SeriesDetails> get_series(const ipc::SeriesGet& request,
                                                          Handling& h);
[[nodiscard]] core::Result<ipc::SeriesPreviewed> preview_series(const ipc::SeriesPreview& request,
                                                                Handling& h);

/// Paused: no new tasks and no reminders; the open task stays. Resumed: what passed meanwhile is
/// skipped (reason paused) and the series goes on. Ended: for good; the open task stays.
[[nodiscard]] core::Result<ipc::SeriesChanged> pause_series(const ipc::SeriesPause& request,
                                                            Handling& h);
[[nodiscard]] core::Result<ipc::SeriesChanged> resume_series(const ipc::SeriesResume& request,
                                                             Handling& h);
[[nodiscard]] core::Result<ipc::SeriesChanged> end_series(const ipc::SeriesEnd& request,
                                                          Handling& h);

/// All of a series, its slots from one on, or its end later on; series_edit.h has what they share.
[[nodiscard]] core::Result<ipc::SeriesChanged> update_series(const ipc::SeriesUpdate& request,
                                                             Handling& h);
[[nodiscard]] core::Result<ipc::SeriesChanged> split_series(const ipc::SeriesSplit& request,
                                                            Handling& h);
[[nodiscard]] core::Result<ipc::SeriesChanged> end_series_later(const ipc::SeriesEnd& request,
                                                                Handling& h);

/// series_change_handlers.cpp: one slot.
[[nodiscard]] core::Result<ipc::SeriesChanged> skip_slot(const ipc::SeriesSkip& request,
                                                         Handling& h);
[[nodiscard]] core::Result<ipc::SeriesChanged> move_slot(const ipc::SeriesMove& request,
                                                         Handling& h);
/// The series after its slot `id` was moved to `to`, with the events and reminders.
[[nodiscard]] core::Result<core::Series> override_slot(const core::Series& series,
                                                       const core::RecurrenceId& id,
                                                       const core::CalendarTime& to, Handling& h);

}  // namespace taskd::daemon
