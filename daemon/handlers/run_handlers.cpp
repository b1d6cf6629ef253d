// SPDX-License-Identifier: Apache-2.0
#include "daemon/handlers/run_handlers.h"

#include "core/check.h"
#include "core/text.h"

#include <nlohmann/json.hpp>

namespace taskd::daemon {
namespace {

using core::Claim;
using core::Error;
using core::Reason;
using core::Result;
using core::Run;
using core::RunState;

constexpr std::int64_t limit_max = 1000;
constexpr std::size_t listed_bytes_max = 1024;  // of a command in a list or an event
constexpr std::size_t shown_bytes_max = 512;    // and in an error

std::string shown(const std::vector<std::string>& command) {
    return core::clipped(nlohmann::json(command).dump(), shown_bytes_max);
}

Result<Run> require_run(Handling& h, const std::string& key) {
    const auto run = h.unit.find_run(h.user, key);
    if (run && !core::is_forgotten(*run, h.unit.now())) return *run;
    return core::not_found("key", "there is no run \"" + core::clipped(key, 64) + "\"",
                           "taskctl once list shows the newest");
}

Result<void> check_fence(const Run& run, std::int64_t fence) {
    if (run.fence == fence) return {};
    return core::failed_precondition("fence", "fence: the lease of " + std::to_string(fence) +
                                                  " ran out, and \"" + core::clipped(run.key, 64) +
                                                  "\" went to " + core::clipped(run.holder, 64) +
                                                  " under " + std::to_string(run.fence));
}

/// With a command that is short enough for a list or an event.
Run shortened(Run run) {
    std::size_t bytes = 0;
    for (auto word = run.command.begin(); word != run.command.end(); ++word) {
        bytes += word->size() + 1;
        if (bytes <= listed_bytes_max) continue;
        *word = core::clipped(*word, listed_bytes_max);
        run.command.erase(word + 1, run.command.end());
        break;
    }
    return run;
}

std::int64_t tell(Handling& h, const char* type, const Run& run) {
    return h.unit.append_event(run.user, {type, run.key, shortened(run)});
}

void forget(Handling& h, const Run& run) {
    h.unit.erase_run(run);
    tell(h, "run.forgotten", run);
}

/// The lease ran out.
Run abandon(Handling& h, const Run& run) {
    const Run after = core::abandoned(run, h.unit.now());
    h.unit.update_run(run, after);
    tell(h, "run.abandoned", after);
    return after;
}

/// What its timer would make of it, which may not have gone off yet.
std::optional<Run> find_current(Handling& h, const std::string& key) {
    auto run = h.unit.find_run(h.user, key);
    if (!run || run->until > h.unit.now()) return run;
    if (run->state == RunState::running) return abandon(h, *run);
    forget(h, *run);
    return {};
}

Error conflict(const Run& known, const std::vector<std::string>& wanted) {
    return {Reason::conflict,
            "command: \"" + core::clipped(known.key, 64) + "\" is the key of " +
                shown(known.command) + ", not of " + shown(wanted),
            "command", "use a key for each command, or: taskctl once forget KEY"};
}

/// A new holder, who is told of by the event that has its fence for a number.
Result<Run> begin(const std::optional<Run>& known, const core::RunRequest& request, Handling& h) {
    const auto quota = h.settings.quotas.runs;
    if (!known && h.unit.run_totals(h.user).runs >= quota)
        return tl::unexpected(Error{
            Reason::resource_exhausted,
            "quota.runs: " + std::to_string(quota) + " runs are remembered, the most there may be",
            "key", "use a shorter --ttl, or forget some: taskctl once list"});
    const auto fence = h.unit.event_head(h.user) + 1;
    const Run run = core::claimed(known, request, h.user, fence, h.unit.now());
    const auto told = tell(h, "run.started", run);
    core::check(told == fence, "a run's fence is the number of its event");
    if (!known) {
        h.unit.insert_run(run);
        return run;
    }
    h.unit.update_run(*known, run);
    h.unit.put_run_output(run, {});
    return run;
}

Result<std::int64_t> check_output(const ipc::RunFinish& request) {
    std::int64_t bytes = 0;
    for (const auto& part : request.output) bytes += static_cast<std::int64_t>(part.bytes.size());
    if (bytes > static_cast<std::int64_t>(core::run_output_bytes_max) ||
        request.output.size() > core::run_output_parts_max)
        return core::invalid_argument(
            "output", std::to_string(bytes) + " bytes in " + std::to_string(request.output.size()) +
                          " pieces are not accepted; use up to 1048576 in 16384");
    if (request.output_bytes < bytes)
        return core::invalid_argument("output_bytes",
                                      std::to_string(request.output_bytes) + " is less than the " +
                                          std::to_string(bytes) + " bytes of the output");
    return bytes;
}

}  // namespace

Result<ipc::RunClaimed> claim_run(const ipc::RunClaim& request, Handling& h) {
    if (auto good = core::check_run(request.request); !good) return tl::unexpected(good.error());
    const auto known = find_current(h, request.request.key);
    ipc::RunClaimed reply;
    switch (core::claim_of(known, request.request)) {
    case Claim::conflict:
        return tl::unexpected(conflict(*known, request.request.command));
    case Claim::fresh: {
        auto run = begin(known, request.request, h);
        if (!run) return tl::unexpected(run.error());
        reply.granted = true;
        reply.run = std::move(*run);
        break;
    }
    case Claim::held:
        reply.granted = true;
        reply.run = core::extended(*known, h.unit.now());
        h.unit.update_run(*known, reply.run);
        break;
    case Claim::busy:
        reply.run = *known;
        break;
    case Claim::ended:
        reply.run = *known;
        reply.output = h.unit.run_output(*known);
        break;
    }
    reply.head = h.unit.event_head(h.user);
    return reply;
}

Result<Run> extend_run(const ipc::RunExtend& request, Handling& h) {
    const auto run = require_run(h, request.key);
    if (!run) return run;
    if (auto good = check_fence(*run, request.fence); !good) return tl::unexpected(good.error());
    if (run->state == RunState::succeeded || run->state == RunState::failed)
        return core::failed_precondition(
            "key", "key: \"" + core::clipped(run->key, 64) + "\" has ended already");
    const Run after = core::extended(*run, h.unit.now());
    h.unit.update_run(*run, after);
    if (run->state != after.state) tell(h, "run.resumed", after);
    return after;
}

Result<Run> finish_run(const ipc::RunFinish& request, Handling& h) {
    if (request.status < 0 || request.status > 255)
        return core::invalid_argument(
            "status", std::to_string(request.status) + " is not accepted; use 0 to 255");
    if (request.took_ms < 0 || request.took_ms > core::run_ttl_ms_max)
        return core::invalid_argument(
            "took_ms", std::to_string(request.took_ms) + " is not accepted; use 0 to 316224000000");
    const auto kept = check_output(request);
    if (!kept) return tl::unexpected(kept.error());
    const auto run = require_run(h, request.key);
    if (!run) return run;
    if (auto good = check_fence(*run, request.fence); !good) return tl::unexpected(good.error());
    if (run->state == RunState::succeeded || run->state == RunState::failed) return run;
    const Run after =
        core::ended(*run, static_cast<int>(request.status),
                    std::chrono::milliseconds{request.took_ms}, request.output_bytes, h.unit.now());
    h.unit.update_run(*run, after);
    // A result is never refused: past the quota it goes without what was printed.
    if (h.unit.run_totals(h.user).bytes + *kept <= h.settings.quotas.run_bytes)
        h.unit.put_run_output(after, request.output);
    tell(h, "run.finished", after);
    return after;
}

Result<ipc::RunReport> get_run(const ipc::RunGet& request, Handling& h) {
    auto run = require_run(h, request.key);
    if (!run) return tl::unexpected(run.error());
    return ipc::RunReport{*run, h.unit.run_output(*run), h.unit.event_head(h.user)};
}

Result<ipc::RunPage> list_runs(const ipc::RunList& request, Handling& h) {
    if (request.limit < 1 || request.limit > limit_max)
        return core::invalid_argument(
            "limit", std::to_string(request.limit) + " is not accepted; use 1 to 1000");
    ipc::RunPage page{h.unit.list_runs(h.user, request)};
    for (auto& run : page.runs) run = shortened(std::move(run));
    return page;
}

Result<Run> forget_run(const ipc::RunForget& request, Handling& h) {
    const auto run = require_run(h, request.key);
    if (!run) return run;
    if (run->state == RunState::running && run->fence != request.fence)
        return core::failed_precondition("key", "key: \"" + core::clipped(run->key, 64) +
                                                    "\" is being run by " +
                                                    core::clipped(run->holder, 64));
    forget(h, *run);
    return run;
}

void end_run(const Timer& timer, Handling& h) {
    const auto run = h.unit.find_run(timer.user, timer.ref);
    if (!run || run->until != timer.due) return h.unit.erase_timer(timer);
    if (run->state != RunState::running) return forget(h, *run);
    (void)abandon(h, *run);
}

void shorten_run(const core::UserId& user, const std::string& key, Handling& h) {
    const auto run = h.unit.find_run(user, key);
    if (run) h.unit.update_run(*run, core::clock_set_back(*run, h.unit.now()));
}

}  // namespace taskd::daemon
