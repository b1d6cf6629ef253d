// SPDX-License-Identifier: Apache-2.0
// What has to report at certain times, and its pings.
#pragma once

#include "core/expectation.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace taskd::ipc {

/// An expectation and how it stands.
struct ExpectationView {
    core::Expectation expectation;
    std::string state;                      ///< new, up, late, down, failed, paused
    std::string words;                      ///< "every day at 04:00"
    std::int64_t task = 0;                  ///< the number of the open occurrence; 0 without one
    std::optional<core::CalendarTime> due;  ///< when the next ping is expected, or was
    std::optional<core::Timestamp> opens;   ///< from when on one counts for it; none: already
    std::vector<std::string> channels;      ///< who is told; none: the default channel
};
struct ExpectationSaved {
    ExpectationView expectation;
    std::string understood;
    std::vector<core::CalendarTime> slots;  ///< the first three
    std::vector<std::string> warnings;
    bool unchanged = false;  ///< it was there already, just so
};
/// Words as in TaskAdd, in the daemon's words for what follows a slot without a ping.
struct ExpectationSet {
    using Reply = ExpectationSaved;
    static constexpr std::string_view method = "expectation.set";
    static constexpr bool writes = true;
    std::string name;
    std::string every;
    std::string by;  ///< the time of day
    std::string tz;
    std::string tz_default;
    std::string grace;   ///< a span
    std::string window;  ///< a span
    std::vector<std::string> channels;
    std::string nag;
    std::string escalate;
    std::vector<std::string> escalate_to;
};
struct ExpectationPinged {
    core::Ping ping;
    ExpectationView expectation;
};
struct ExpectationPing {
    using Reply = ExpectationPinged;
    static constexpr std::string_view method = "expectation.ping";
    static constexpr bool writes = true;
    std::string name;
    core::PingKind kind = core::PingKind::success;
    std::string run;  ///< the caller's word for this time, the same at start and end
};
struct ExpectationPage {
    std::vector<ExpectationView> expectations;  ///< by name
};
struct ExpectationList {
    using Reply = ExpectationPage;
    static constexpr std::string_view method = "expectation.list";
    static constexpr bool writes = false;
    std::string name;   ///< only this one
    std::string after;  ///< those whose names come after this one
    std::int64_t limit = 100;
};

struct ExpectationRemoved {
    std::string name;
};
/// Its series ends, and nobody is told any more.
struct ExpectationRemove {
    using Reply = ExpectationRemoved;
    static constexpr std::string_view method = "expectation.remove";
    static constexpr bool writes = true;
    std::string name;
};

}  // namespace taskd::ipc
