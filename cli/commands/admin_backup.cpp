// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/commands.h"

#include <nlohmann/json.hpp>

#include <filesystem>

namespace taskd::cli {
namespace {

int backup(Context& context, const Words& words) {
    std::error_code error;
    const auto path = std::filesystem::absolute(words.at(0), error).lexically_normal();
    auto client = context.client();
    if (!client) return context.fail(client.error());
    const auto answer = client->call(ipc::AdminBackup{path.string()});
    if (!answer) return context.fail(answer.error());
    Screen& screen = context.screen();
    if (screen.json())
        screen.print_json(answer->json);
    else if (screen.quiet())
        screen.print(visible(answer->value.path) + "\n");
    else
        screen.print("Backed up to " + visible(answer->value.path) + " (" +
                     std::to_string(answer->value.bytes) + " bytes, checked)\n");
    return 0;
}

int restore(Context& context, const Words& words) {
    std::error_code error;
    const auto path = std::filesystem::absolute(words.at(0), error).lexically_normal();
    const auto place = context.place();
    if (!place) return context.fail(place.error());
    if (place->is_system)
        return context.fail({core::Reason::failed_precondition,
                             "the system daemon's store is restored by its own user, while it is "
                             "stopped",
                             {},
                             "systemctl stop taskd; runuser -u taskd -- taskd --system --restore " +
                                 shell_words({path.string()})});
    if (place->endpoint.is_listening())
        return context.fail({core::Reason::failed_precondition,
                             "a daemon is using the store",
                             {},
                             "taskctl shutdown"});
    context.screen().flush();
    // The daemon's own program does it: it knows the store, and takes its locks.
    const auto status = run_taskd({"--restore", path.string()});
    return status ? *status : context.fail(status.error());
}

int config(Context& context) {
    auto client = context.client();
    if (!client) return context.fail(client.error());
    const auto answer = client->call(ipc::AdminConfig{});
    if (!answer) return context.fail(answer.error());
    Screen& screen = context.screen();
    if (screen.json()) {
        screen.print_json(answer->json);
        return 0;
    }
    Table table{{{"KEY"}, {"VALUE", false, true}, {"ORIGIN", false, true}, {"RELOADS"}}, {}};
    for (const auto& value : answer->value.values)
        table.rows.push_back({{value.key, Paint::bold},
                              {value.value},
                              {value.origin},
                              {value.reloads ? "reloads" : ""}});
    screen.print_list(table);
    return 0;
}

}  // namespace

void register_admin_backup(CommandLine& line) {
    line.add({.name = "admin backup",
              .section = "Daemon",
              .summary = "copy the store to a new file while the daemon serves",
              .usage = "FILE",
              .words_min = 1,
              .words_max = 1,
              .examples = {"admin backup taskd-backup.db"},
              .details = "The copy is of one moment, is checked, and is written by the daemon; it "
                         "holds everybody's tasks. FILE must not exist yet. Operators only.",
              .run = backup});
    line.add({.name = "admin restore",
              .section = "Daemon",
              .summary = "put a backup in the place of the store; no daemon may run",
              .usage = "FILE",
              .words_min = 1,
              .words_max = 1,
              .examples = {"admin restore taskd-backup.db"},
              .details = "Runs taskd --restore, which checks the backup first and keeps the store "
                         "that was there beside it. A system daemon's store is restored by taskd "
                         "--system --restore FILE, as its user.",
              .run = restore});
    line.add({.name = "admin config",
              .section = "Daemon",
              .summary = "show the daemon's configuration in force, and where each value is from",
              .examples = {"admin config"},
              .details = "Operators only. Keys marked reloads are read again on SIGHUP.",
              .run = [](Context& context, const Words&) { return config(context); }});
}

}  // namespace taskd::cli
