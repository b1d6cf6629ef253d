// SPDX-License-Identifier: Apache-2.0
// taskd: arguments -> configuration -> serve -> exit status.
#include "daemon/app.h"
#include "daemon/outbound/outside.h"
#include "daemon/roles.h"
#include "daemon/service_manager.h"
#include "daemon/store/backup.h"
#include "ipc/endpoint.h"
#include "version.h"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <unistd.h>

namespace {

using namespace taskd;

/// Tells whoever started this process in the background how it went: one line, then end of file.
class Starter {
public:
    explicit Starter(int fd) : fd_(fd) {}
    void tell(const std::string& line) {
        if (fd_ < 0) return;
        const std::string text = line + "\n";
        (void)!write(fd_, text.data(), text.size());
        close(fd_);
        fd_ = -1;
    }

private:
    int fd_;
};

int exit_status_of(core::Reason reason) {
    switch (reason) {  // design: the table in taskctl(1)
    case core::Reason::invalid_argument:
        return 2;
    case core::Reason::not_found:
        return 3;
    case core::Reason::failed_precondition:
        return 4;
    case core::Reason::permission_denied:
        return 5;
    case core::Reason::unavailable:
        return 6;
    case core::Reason::resource_exhausted:
        return 12;
    default:
        return 1;
    }
}

int fail(const core::Error& error, Starter& starter) {
    std::fprintf(stderr, "taskd: %s\n", error.message.c_str());
    if (error.field == "lock") {
        starter.tell("busy " + error.hint);
    } else {
        if (!error.hint.empty()) std::fprintf(stderr, "  hint: %s\n", error.hint.c_str());
        starter.tell("error " + error.message);
    }
    return exit_status_of(error.reason);
}

std::map<std::string, std::string> environment() {
    std::map<std::string, std::string> found;
    for (const auto& key : daemon::config_keys()) {
        const std::string name = daemon::variable_name(key);
        if (const char* value = std::getenv(name.c_str()); value != nullptr) found[name] = value;
    }
    return found;
}

int run(int argc, char** argv) {
    CLI::App app{
        "taskd keeps promises about time: recurring tasks, reminders, events.\n"
        "It runs in the foreground until SIGTERM; taskctl starts one by itself."};
    app.set_version_flag("-V,--version", std::string("taskd ") + TASKD_VERSION);
    std::string file;
    std::string backup;
    std::string checked_store;
    bool system = false;
    bool check_only = false;
    bool print_only = false;
    int background_fd = -1;
    std::map<std::string, std::string> flags;
    app.add_option("--config", file, "configuration file (TOML)");
    app.add_flag("--system", system, "serve the members of a group rather than one user");
    app.add_option("--restore", backup,
                   "put this backup in the place of the store, and exit; no daemon may run");
    app.add_option("--check-store", checked_store, "read all of a store or backup, and exit");
    app.add_flag("--check-config", check_only, "check the configuration and exit");
    app.add_flag("--print-config", print_only, "print each value and where it came from, and exit");
    app.add_option("--background-fd", background_fd)->group("");
    for (const auto& key : daemon::config_keys()) {
        const std::string name(key.name);
        app.add_option_function<std::string>(
               daemon::flag_name(key),
               [&flags, name](const std::string& text) { flags[name] = text; },
               std::string(key.help) +
                   (key.standard.empty() ? "" : " [" + std::string(key.standard) + "]"))
            ->group("Configuration");
    }
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : 2;
    }

    if (background_fd >= 0) daemon::forget_service_manager();
    Starter starter(background_fd);
    if (!checked_store.empty()) {
        if (auto good = daemon::check_store(checked_store); !good)
            return fail(good.error(), starter);
        std::printf("%s is good\n", checked_store.c_str());
        return 0;
    }
    const auto home =
        system ? core::Result<daemon::Home>(daemon::system_home()) : daemon::find_home();
    if (!home) return fail(home.error(), starter);
    const auto load = [&]() -> core::Result<daemon::Config> {
        auto config = daemon::Config::load(
            {file.empty() ? home->config_file : file, !file.empty(), environment(), flags});
        if (!config) return config;
        config->set_standard("store.path", home->state + "/taskd.db");
        config->set_standard("endpoint", home->sockets);
        if (background_fd >= 0) config->set_standard("log.file", home->state + "/taskd.log");
        // A person runs what they like with their own daemon.
        if (!home->is_system) config->set_standard("exec.allow", "*");
        if (!home->is_system) config->set_standard("call.allow", "*");
        // One user's commands wait in the store, all of them, until there is room.
        if (!home->is_system) config->set_standard("commands.per_user", "1024");
        config->set_standard("desktop.enabled", home->is_system ? "false" : "true");
        // Others' webhooks must not reach what only this machine or its network may.
        config->set_standard("webhook.networks", home->is_system ? "public" : "any");
        return config;
    };
    const auto config = load();
    if (!config) return fail(config.error(), starter);
    if (print_only) std::fputs(config->print().c_str(), stdout);
    if (check_only) {
        if (const auto roles = daemon::read_roles(*config); !roles)
            return fail(roles.error(), starter);
        const auto outside = daemon::read_outside(*config, ipc::dapr::process_environment);
        if (!outside) return fail(outside.error(), starter);
    }
    if (check_only) std::fputs("the configuration is good\n", stdout);
    if (print_only || check_only) return 0;

    if (!backup.empty()) {
        const auto kept = daemon::restore(*config, backup);
        if (!kept) return fail(kept.error(), starter);
        std::printf("restored %s from %s\n", config->text("store.path").c_str(), backup.c_str());
        if (!kept->empty()) std::printf("the store that was there is kept as %s\n", kept->c_str());
        return 0;
    }

    const auto status = daemon::serve(load, *home, [&] { starter.tell("ready"); });
    return status ? *status : fail(status.error(), starter);
}

}  // namespace

int main(int argc, char** argv) {
    try {
        return run(argc, argv);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "taskd: %s\n", error.what());
        return 1;
    }
}
