// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/commands.h"

#include <nlohmann/json.hpp>

#include <chrono>
#include <thread>

namespace taskd::cli {
namespace {

constexpr std::chrono::seconds stop_max{10};
constexpr std::chrono::milliseconds look_again{20};

/// Waits until the daemon is gone: what comes next may start a new one. A process that can be seen
/// is the better sign: systemd goes on listening for it, and would start the next one at the first
/// look. One in another namespace of processes is known by its sockets only.
bool wait_for_end(const ipc::Endpoint& endpoint, std::int64_t pid, bool can_be_seen) {
    const auto until = std::chrono::steady_clock::now() + stop_max;
    while (can_be_seen ? process_runs(pid) : endpoint.is_listening()) {
        if (std::chrono::steady_clock::now() >= until) return false;
        std::this_thread::sleep_for(look_again);
    }
    return true;
}

int run(Context& context) {
    Screen& screen = context.screen();
    const auto place = context.place();
    if (!place) return context.fail(place.error());
    if (const auto running = require_daemon(*place); !running) {
        if (running.error().reason != core::Reason::unavailable)
            return context.fail(running.error());
        if (screen.json())
            screen.print_json({{"pid", nullptr}});
        else if (!screen.quiet())
            screen.print("no daemon is running\n");
        return 0;
    }
    auto client = context.client({}, Context::Start::never);
    if (!client) return context.fail(client.error());
    const auto health = client->call(ipc::AdminHealth{});
    if (!health) return context.fail(health.error());
    const bool can_be_seen = process_runs(health->value.pid);
    const auto answer = client->call(ipc::AdminShutdown{});
    if (!answer) return context.fail(answer.error());
    const auto pid = answer->value.pid;
    if (!wait_for_end(place->endpoint, pid, can_be_seen))
        return context.fail({core::Reason::deadline_exceeded,
                             "taskd (pid " + std::to_string(pid) + ") has not ended after 10 s",
                             {},
                             "its log is " + log_path()});
    if (screen.json())
        screen.print_json(answer->json);
    else if (screen.quiet())
        screen.print(std::to_string(pid) + "\n");
    else
        screen.print("Stopped taskd (pid " + std::to_string(pid) + ")\n");
    return 0;
}

}  // namespace

void register_shutdown(CommandLine& line) {
    line.add({.name = "shutdown",
              .section = "Daemon",
              .summary = "end the daemon and wait until it is gone",
              .examples = {"shutdown"},
              .details = "Nothing is lost: what became due meanwhile is made up for when a daemon "
                         "runs again.",
              .run = [](Context& context, const Words&) { return run(context); }});
}

}  // namespace taskd::cli
