// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/commands.h"

#include <nlohmann/json.hpp>

namespace taskd::cli {
namespace {

int run(Context& context) {
    const auto place = context.place();
    if (!place) return context.fail(place.error());
    if (const auto running = require_daemon(*place); !running) return context.fail(running.error());
    auto client = context.client({}, Context::Start::never);
    if (!client) return context.fail(client.error());
    const auto answer = client->call(ipc::AdminHealth{});
    if (!answer) return context.fail(answer.error());
    Screen& screen = context.screen();
    const auto& health = answer->value;
    const bool good = health.status == "ok";
    if (screen.json()) {
        nlohmann::json json{{"status", good ? "healthy" : "unhealthy"},
                            {"pid", health.pid},
                            {"version", health.version}};
        if (!good) json["error"] = health.error;
        screen.print_json(json);
    } else if (!screen.quiet()) {
        screen.print(good ? "healthy\n" : "unhealthy: " + visible(health.error) + "\n");
    }
    return good ? 0 : 1;
}

}  // namespace

void register_health(CommandLine& line) {
    line.add({.name = "health",
              .section = "Daemon",
              .summary = "say in one word whether the daemon serves and can write",
              .examples = {"health", "health --quiet"},
              .details =
                  "For probes: status 0 when it is healthy, 1 when its store refuses changes, "
                  "6 without a daemon, 7 when it does not answer within --timeout. Starts no "
                  "daemon.",
              .run = [](Context& context, const Words&) { return run(context); }});
}

}  // namespace taskd::cli
