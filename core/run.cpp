// SPDX-License-Identifier: Apache-2.0
#include "core/run.h"

#include "core/check.h"
#include "core/consumer.h"
#include "core/text.h"

#include <algorithm>
#include <array>

namespace taskd::core {
namespace {

using std::chrono::milliseconds;

constexpr std::array<RunState, 4> states{RunState::running, RunState::succeeded, RunState::failed,
                                         RunState::abandoned};
constexpr std::size_t holder_bytes_max = 255;

Result<void> check_span(const char* field, milliseconds value, std::int64_t max) {
    if (value.count() >= 1 && value.count() <= max) return {};
    return invalid_argument(
        field, std::to_string(value.count()) + " is not accepted; use 1 to " + std::to_string(max));
}

}  // namespace

std::string_view to_string(RunState state) {
    switch (state) {
    case RunState::running:
        return "running";
    case RunState::succeeded:
        return "succeeded";
    case RunState::failed:
        return "failed";
    case RunState::abandoned:
        return "abandoned";
    }
    check(false, "a run has a state");
    return "";
}

Result<RunState> run_state_from(std::string_view word) {
    for (const auto state : states)
        if (to_string(state) == word) return state;
    return invalid_argument("state", "\"" + clipped(word, 32) +
                                         "\" is not accepted; use running, succeeded, failed or "
                                         "abandoned");
}

Result<void> check_run(const RunRequest& request) {
    if (request.key.empty() || request.key.size() > run_key_bytes_max || has_control(request.key))
        return invalid_argument("key", "\"" + clipped(request.key, 64) +
                                           "\" is not accepted; use 1 to 255 bytes without control "
                                           "characters, such as deploy-42");
    if (request.holder.empty() || request.holder.size() > holder_bytes_max ||
        has_control(request.holder))
        return invalid_argument("holder", "must be 1 to 255 bytes without control characters");
    if (request.command.empty() || request.command.front().empty())
        return invalid_argument("command", "is empty; give the program and its arguments");
    std::size_t bytes = 0;
    for (const auto& word : request.command) bytes += word.size() + 1;
    if (bytes > run_command_bytes_max)
        return invalid_argument(
            "command",
            "is " + std::to_string(bytes) + " bytes long; at most 131072 (128 KiB) are accepted",
            "put it into a file and run that");
    if (auto good = check_span("lease_ms", request.lease, lease_ms_max); !good) return good;
    return check_span("ttl_ms", request.ttl, run_ttl_ms_max);
}

bool is_forgotten(const Run& run, Timestamp now) {
    return run.state != RunState::running && run.until <= now;
}

Claim claim_of(const std::optional<Run>& known, const RunRequest& request) {
    if (!known) return Claim::fresh;
    if (known->command != request.command) return Claim::conflict;
    switch (known->state) {
    case RunState::running:
        return known->holder == request.holder ? Claim::held : Claim::busy;
    case RunState::succeeded:
        return Claim::ended;
    case RunState::failed:
        return request.retry_failed ? Claim::fresh : Claim::ended;
    case RunState::abandoned:
        return Claim::fresh;
    }
    check(false, "a run has a state");
    return Claim::busy;
}

Run claimed(const std::optional<Run>& known, const RunRequest& request, const UserId& user,
            std::int64_t fence, Timestamp now) {
    Run run;
    run.user = user;
    run.key = request.key;
    run.command = request.command;
    run.holder = request.holder;
    run.fence = fence;
    run.holders = known ? known->holders + 1 : 1;
    run.lease = request.lease;
    run.ttl = request.ttl;
    run.started = now;
    run.until = now + request.lease;
    return run;
}

Run extended(Run run, Timestamp now) {
    run.state = RunState::running;
    run.finished.reset();
    run.until = now + run.lease;
    return run;
}

Run ended(Run run, int status, milliseconds took, std::int64_t output_bytes, Timestamp now) {
    run.state = status == 0 ? RunState::succeeded : RunState::failed;
    run.status = status;
    run.took = took;
    run.output_bytes = output_bytes;
    run.finished = now;
    run.until = now + run.ttl;
    return run;
}

Run abandoned(Run run, Timestamp now) {
    run.state = RunState::abandoned;
    run.finished = now;
    run.until = now + run.ttl;
    return run;
}

Run clock_set_back(Run run, Timestamp now) {
    const auto longest = run.state == RunState::running ? run.lease : run.ttl;
    run.until = std::min(run.until, now + longest);
    return run;
}

}  // namespace taskd::core
