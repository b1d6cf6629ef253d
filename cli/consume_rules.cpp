// SPDX-License-Identifier: Apache-2.0
#include "cli/consume_rules.h"

#include <sys/wait.h>

namespace taskd::cli {

Outcome outcome_of(int wait_status, const ConsumeRules& rules) {
    if (WIFSIGNALED(wait_status))
        return {Verdict::retry, "killed by signal " + std::to_string(WTERMSIG(wait_status)), 0};
    const int status = WEXITSTATUS(wait_status);
    if (status == 0) return {};
    const std::string error = "exit " + std::to_string(status);
    if (rules.stop.has(status)) return {Verdict::release, error, status};
    if (rules.drop.has(status)) return {Verdict::dead, error, 0};
    if (!rules.retry.empty() && !rules.retry.has(status)) return {Verdict::dead, error, 0};
    return {Verdict::retry, error, 0};
}

}  // namespace taskd::cli
