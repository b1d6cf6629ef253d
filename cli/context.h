// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/autostart.h"
#include "cli/screen.h"
#include "core/clock.h"
#include "core/time_zone.h"
#include "ipc/client.h"
#include "ipc/system_random.h"

#include <zmq.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace taskd::cli {

/// The global options as typed; the environment fills what a flag did not say.
struct GlobalOptions {
    std::string output;
    std::string endpoint;
    std::string as;
    std::string timeout;
    std::string color;
    bool quiet = false;
    bool no_start = false;
    bool no_input = false;
};

/// The global options, checked.
struct Settings {
    Screen::Options screen;
    std::string endpoint;
    std::string as;
    std::chrono::milliseconds timeout{std::chrono::seconds{30}};
    std::optional<std::chrono::milliseconds> patience{};  ///< the same, only if it was asked for
    bool may_start = true;
    bool may_ask = true;  ///< an editor may be opened
};
/// With `may_poll` a --timeout of 0 is patience for nothing, and an answer has the usual time.
///
/// Errors: invalid_argument - names the flag or the variable.
[[nodiscard]] core::Result<Settings> settings_from(const GlobalOptions& options,
                                                   bool may_poll = false);

/// What commands are given to work with: the screen, the time, the daemon.
class Context {
public:
    explicit Context(Settings settings);

    [[nodiscard]] Screen& screen() { return screen_; }
    [[nodiscard]] const Settings& settings() const { return settings_; }
    [[nodiscard]] core::Timestamp now() const { return now_; }
    [[nodiscard]] const core::TimeZone& zone() const { return zone_; }
    /// The zone's name for the daemon; "" when the machine doesn't say, and zone() is UTC only for
    /// want of a better one.
    [[nodiscard]] const std::string& zone_name() const { return zone_name_; }
    [[nodiscard]] zmq::context_t& sockets() { return sockets_; }

    /// Errors: invalid_argument on `endpoint`.
    [[nodiscard]] core::Result<Place> place() const { return find_place(settings_.endpoint); }

    /// A client of the daemon. `always` starts one whenever none listens, `once` only before the
    /// first request (a command that follows must not bring back what someone ended), `never`
    /// means that there has to be one.
    enum class Start { always, once, never };
    [[nodiscard]] core::Result<ipc::Client> client(const std::string& idempotency_key = {},
                                                   Start start = Start::always);

    /// Says what went wrong; the exit status for it.
    [[nodiscard]] int fail(const core::Error& error);

    /// A note for a reply that was given before.
    void note_replay(bool replayed);

private:
    Settings settings_;
    Screen screen_;
    core::Timestamp now_;
    std::string zone_name_;
    core::TimeZone zone_;
    zmq::context_t sockets_;
    ipc::SystemRandom random_;
};

/// A number from `min` to `max` that an option was given.
///
/// Errors: invalid_argument on the option's name.
[[nodiscard]] core::Result<std::int64_t> number_from(const std::string& option,
                                                     const std::string& text, std::int64_t min,
                                                     std::int64_t max);

/// A span that an option was given, as core::parse_span, with what a number of seconds or a
/// fraction lacks.
///
/// Errors: invalid_argument on the option's name.
[[nodiscard]] core::Result<std::chrono::seconds> span_from(const std::string& option,
                                                           const std::string& text);

}  // namespace taskd::cli
