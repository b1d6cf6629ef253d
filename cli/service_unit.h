// SPDX-License-Identifier: Apache-2.0
// What a service unit of systemd runs, see systemd.service(5) and systemd.exec(5).
#pragma once

#include "cli/unit_file.h"

#include <set>
#include <string>
#include <vector>

namespace taskd::cli {

/// Who imports. What systemd takes where a unit says nothing depends on it.
struct UnitCaller {
    std::string user, home, shell;
    bool is_root = false;
};

/// The command of a service, as taskd can run it.
struct ServiceCommand {
    std::vector<std::string> argv{};
    std::string directory{};
    std::vector<std::string> environment{};  ///< NAME=VALUE
    std::string line{};                      ///< ExecStart= as it stands there
    std::string description{};
    std::vector<std::string> notes{};  ///< what of it is not kept
    std::string problem{};             ///< why taskd can't run it as systemd does; "" where it can
};

/// Shape:  what decides who runs what with which input is kept or is a problem; what limits,
///         orders or tunes it is a note.
[[nodiscard]] ServiceCommand command_of(const UnitFile& service, const UnitCaller& caller);

/// Notes, "" for none: of the settings of a section that are not known, of those of [Unit] that
/// are not kept, such as ConditionACPower=, and of a line that is no setting.
[[nodiscard]] std::string unkept_note(const UnitFile& unit, const std::string& section,
                                      const std::set<std::string>& known);
[[nodiscard]] std::string unkept_of_unit(const UnitFile& unit);
[[nodiscard]] std::string stray_note(const UnitFile& unit);

/// "backup.service, line 7, ExecStart"
[[nodiscard]] std::string setting_words(const UnitFile& unit, const UnitSetting& setting);

/// The last part of a path.
[[nodiscard]] std::string file_name(const std::string& path);

}  // namespace taskd::cli
