// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/delivery.h"
#include "daemon/job.h"

#include <atomic>

namespace taskd::daemon {

/// Makes one attempt of a delivery over the job's channel; blocks until it ended. `stopping` asks
/// it to end early. Never throws for what the outside world does.
[[nodiscard]] core::Outcome run_job(const Job& job, const std::atomic<bool>& stopping);

/// The exec channel: the user's program with its argument list, no shell; the event's JSON on
/// standard input, TASKD_* variables, an otherwise small environment; output kept up to 4 KiB. Past
/// the time limit the whole process group gets TERM, then KILL.
[[nodiscard]] core::Outcome run_exec(const Job& job, const std::atomic<bool>& stopping);

}  // namespace taskd::daemon
