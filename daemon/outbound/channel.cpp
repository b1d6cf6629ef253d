// SPDX-License-Identifier: Apache-2.0
#include "daemon/outbound/channel.h"

#include <exception>

namespace taskd::daemon {

core::Outcome run_job(const Job& job, const std::atomic<bool>& stopping) {
    try {
        if (job.channel.kind == "exec") return run_exec(job, stopping);
        return {false, false, "no channel of kind \"" + job.channel.kind + "\"", ""};
    } catch (const std::exception& failure) {
        return {false, true, failure.what(), ""};
    }
}

}  // namespace taskd::daemon
