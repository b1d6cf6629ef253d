// SPDX-License-Identifier: Apache-2.0
#include "daemon/home.h"

#include "daemon/accounts.h"
#include "ipc/endpoint.h"

#include <cstdlib>
#include <pwd.h>
#include <unistd.h>

namespace taskd::daemon {
namespace {

using core::Error;
using core::Reason;
using core::Result;

std::string from_environment(const char* name) {
    // Called before any thread is started.
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
}

}  // namespace

Result<Home> find_home() {
    Home home;
    const passwd* entry = getpwuid(geteuid());
    home.user = login_name(geteuid());
    std::string base = from_environment("HOME");
    if (base.empty() && entry != nullptr) base = entry->pw_dir;
    const auto directory = [&](const char* variable, const char* standard) {
        const std::string named = from_environment(variable);
        return (!named.empty() && named.front() == '/' ? named : base + standard) + "/taskd";
    };
    if (base.empty() &&
        (from_environment("XDG_STATE_HOME").empty() || from_environment("XDG_CONFIG_HOME").empty()))
        return tl::unexpected(Error{Reason::unavailable,
                                    "there is no home directory to keep the "
                                    "store in",
                                    {},
                                    "set HOME, or XDG_STATE_HOME and XDG_CONFIG_HOME"});
    home.state = directory("XDG_STATE_HOME", "/.local/state");
    home.config_file = directory("XDG_CONFIG_HOME", "/.config") + "/taskd.toml";
    home.sockets = ipc::personal_directory();
    return home;
}

Home system_home() {
    // systemd names its own directories for a unit that asks for others.
    const auto named = [](const char* variable, const char* standard) {
        const std::string path = from_environment(variable);
        return path.empty() || path.find(':') != std::string::npos ? standard : path;
    };
    return {named("CONFIGURATION_DIRECTORY", "/etc/taskd") + "/taskd.toml",
            named("STATE_DIRECTORY", "/var/lib/taskd"), login_name(geteuid()),
            named("RUNTIME_DIRECTORY", "/run/taskd"), true};
}

}  // namespace taskd::daemon
