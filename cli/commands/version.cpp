// SPDX-License-Identifier: Apache-2.0
#include "version.h"

#include "cli/commands/commands.h"

#include <nlohmann/json.hpp>

namespace taskd::cli {
namespace {

/// The daemon's health, if one runs and answers.
std::optional<ipc::Health> daemon_of(Context& context) {
    const auto place = context.place();
    if (!place || !require_daemon(*place)) return {};
    auto client = context.client({}, Context::Start::never);
    if (!client) return {};
    const auto answer = client->call(ipc::AdminHealth{});
    if (!answer) {
        context.screen().warn("the daemon does not say its version: " + answer.error().message);
        return {};
    }
    return answer->value;
}

std::string words_of(const std::string& version, std::int64_t protocol) {
    return visible(version) + " (protocol " + std::to_string(protocol) + ")";
}

int run(Context& context) {
    Screen& screen = context.screen();
    const auto daemon = daemon_of(context);
    if (screen.json()) {
        nlohmann::json versions{
            {"client", {{"version", TASKD_VERSION}, {"protocol", ipc::protocol_version}}},
            {"daemon", nullptr}};
        if (daemon)
            versions["daemon"] = {
                {"version", daemon->version}, {"protocol", daemon->protocol}, {"pid", daemon->pid}};
        screen.print_json(versions);
    } else if (screen.quiet()) {
        screen.print(std::string(TASKD_VERSION) + "\n");
    } else {
        screen.print("taskctl " + words_of(TASKD_VERSION, ipc::protocol_version) + "\n");
        screen.print(daemon ? "taskd   " + words_of(daemon->version, daemon->protocol) + ", pid " +
                                  std::to_string(daemon->pid) + "\n"
                            : "taskd   not running\n");
    }
    screen.flush();
    if (daemon && (daemon->version != TASKD_VERSION || daemon->protocol != ipc::protocol_version))
        screen.warn("taskctl is " TASKD_VERSION " and taskd is " + daemon->version +
                    "; taskctl shutdown ends the old daemon, and the next command starts the new");
    return 0;
}

}  // namespace

void register_version(CommandLine& line) {
    line.add({.name = "version",
              .section = "Daemon",
              .summary = "show the versions of taskctl and of the daemon that runs",
              .examples = {"version", "version -o json"},
              .details = "Starts no daemon.",
              .run = [](Context& context, const Words&) { return run(context); }});
}

}  // namespace taskd::cli
