// SPDX-License-Identifier: Apache-2.0
// What the messages hold that pass between unit_bus and systemd's manager.
#pragma once

#include "daemon/outbound/program.h"

#include <optional>
#include <string>

struct sd_bus_message;

namespace taskd::daemon {

namespace systemd1 {
inline constexpr const char* service = "org.freedesktop.systemd1";
inline constexpr const char* manager_path = "/org/freedesktop/systemd1";
inline constexpr const char* manager = "org.freedesktop.systemd1.Manager";
inline constexpr const char* unit = "org.freedesktop.systemd1.Unit";
inline constexpr const char* service_unit = "org.freedesktop.systemd1.Service";
inline constexpr const char* properties = "org.freedesktop.DBus.Properties";
}  // namespace systemd1

/// A service to start.
struct NewUnit {
    std::string name;
    std::string description;
    std::string file;  ///< of the program, absolute
    Program program;
    int input = -1;   ///< none: /dev/null
    int output = -1;  ///< gets both of its streams
};

/// All arguments of StartTransientUnit; `as_us`: as our own user, where the manager is root's.
///
/// Shape:  negative error number, or not.
[[nodiscard]] int append_unit(sd_bus_message* message, const NewUnit& unit, bool as_us);

/// How the main process ended, of an answer to GetAll for a service.
///
/// Shape:  a status of waitpid; none when it did not run, or the answer is something else.
[[nodiscard]] std::optional<int> read_status(sd_bus_message* message);

/// Whether an answer is this error; without a name: any.
[[nodiscard]] bool is_error(sd_bus_message* message, const char* name = nullptr);

/// "NAME: text" of an answer that is an error.
[[nodiscard]] std::string error_of(sd_bus_message* message);

/// Its unique name, which the bus sets and nobody can forge.
[[nodiscard]] std::string sender_of(sd_bus_message* message);

}  // namespace taskd::daemon
