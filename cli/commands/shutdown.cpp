// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/commands.h"

#include <nlohmann/json.hpp>

#include <chrono>
#include <thread>

namespace taskd::cli {
namespace {

constexpr std::chrono::seconds stop_max{10};
constexpr std::chrono::milliseconds look_again{20};

/// Waits until nothing listens and the process is gone: what comes next may start a new one.
bool wait_for_end(const ipc::Endpoint& endpoint, std::int64_t pid) {
    const auto until = std::chrono::steady_clock::now() + stop_max;
    while (endpoint.is_listening() || process_runs(pid)) {
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
    const auto answer = client->call(ipc::AdminShutdown{});
    if (!answer) return context.fail(answer.error());
    const auto pid = answer->value.pid;
    if (!wait_for_end(place->endpoint, pid))
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
