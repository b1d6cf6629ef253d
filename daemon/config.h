// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/result.h"
#include "daemon/settings.h"
#include "ipc/messages.h"

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace taskd::daemon {

/// One key of the configuration. Flag, variable, TOML key, --help and manual come from here:
/// "turn.requests_max" is --turn-requests-max, TASKD_TURN_REQUESTS_MAX and requests_max in [turn].
struct ConfigKey {
    enum class Type { text, integer, span, flag };
    std::string_view name;
    Type type;
    std::string_view standard;  ///< the default, as it would be written
    std::int64_t min;           ///< of an integer, or of a span in milliseconds
    std::int64_t max;
    std::string_view help;
    bool reloads = false;  ///< SIGHUP reads it again; the others need a restart
};
[[nodiscard]] const std::vector<ConfigKey>& config_keys();
[[nodiscard]] std::string flag_name(const ConfigKey& key);      ///< "--turn-requests-max"
[[nodiscard]] std::string variable_name(const ConfigKey& key);  ///< "TASKD_TURN_REQUESTS_MAX"

/// The values in force, each with where it came from: default < file < environment < flag.
class Config {
public:
    struct Sources {
        std::string file;              ///< path, "" for none
        bool file_must_exist = false;  ///< it was named by hand
        /// Only the keys' own variables are looked at: commands that taskd runs have other TASKD_
        /// variables in their environment, and may start a taskd.
        std::map<std::string, std::string> environment;
        std::map<std::string, std::string> flags;  ///< by key name
    };
    /// Errors: invalid_argument - names the key, where it was set, the value and what is accepted;
    ///         an unknown key is refused with its nearest match.
    [[nodiscard]] static core::Result<Config> load(const Sources& sources);

    [[nodiscard]] const std::string& text(std::string_view key) const;
    [[nodiscard]] std::int64_t integer(std::string_view key) const;
    [[nodiscard]] std::chrono::milliseconds span(std::string_view key) const;
    [[nodiscard]] bool flag(std::string_view key) const;
    [[nodiscard]] Settings settings() const;
    /// The file's tables [policies] and [targets], flat; see resiliency.h.
    [[nodiscard]] const std::map<std::string, std::string>& resiliency() const {
        return resiliency_;
    }

    /// Sets a default that depends on the machine, such as a path in the home directory.
    void set_standard(std::string_view key, std::string value);

    /// Takes over what SIGHUP may change. A change that needs a restart stays as it was.
    struct Change {
        std::string key;
        std::string from;
        std::string to;
        bool applied = false;
    };
    [[nodiscard]] std::vector<Change> adopt(const Config& fresh);

    /// Every key as admin.config shows it.
    [[nodiscard]] std::vector<ipc::ConfigValue> values() const;

    /// One line a key: name = value  # origin
    [[nodiscard]] std::string print() const;

private:
    struct Value {
        std::string text;
        std::string origin;
    };
    [[nodiscard]] core::Result<void> set(const ConfigKey& key, const std::string& text,
                                         const std::string& origin);
    [[nodiscard]] core::Result<void> read_file(const Sources& sources);

    std::map<std::string, Value, std::less<>> values_;
    std::map<std::string, std::string> resiliency_;
};

}  // namespace taskd::daemon
