// SPDX-License-Identifier: Apache-2.0
// Requests and replies about commands that are run once; see messages.h.
#pragma once

#include "core/run.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace taskd::ipc {

/// `granted`: the caller is to run the command, and to end it with run.finish under this fence.
/// Otherwise it is running elsewhere, or has ended; then `output` is what it printed. `head` is
/// the user's newest event: what becomes of the run is told by run.* events behind it.
struct RunClaimed {
    bool granted = false;
    core::Run run;
    std::vector<core::RunOutput> output;
    std::int64_t head = 0;
};
struct RunClaim {
    using Reply = RunClaimed;
    static constexpr std::string_view method = "run.claim";
    static constexpr bool writes = true;
    static constexpr bool resend_safe = true;  ///< by `holder`
    core::RunRequest request;
};

struct RunExtend {
    using Reply = core::Run;
    static constexpr std::string_view method = "run.extend";
    static constexpr bool writes = true;
    static constexpr bool resend_safe = true;
    std::string key;
    std::int64_t fence = 0;
};

struct RunFinish {
    using Reply = core::Run;
    static constexpr std::string_view method = "run.finish";
    static constexpr bool writes = true;
    static constexpr bool resend_safe = true;  ///< by `fence`
    std::string key;
    std::int64_t fence = 0;
    std::int64_t status = 0;  ///< 0 to 255
    std::int64_t took_ms = 0;
    std::int64_t output_bytes = 0;
    std::vector<core::RunOutput> output;
};

struct RunReport {
    core::Run run;
    std::vector<core::RunOutput> output;
    std::int64_t head = 0;
};
struct RunGet {
    using Reply = RunReport;
    static constexpr std::string_view method = "run.get";
    static constexpr bool writes = false;
    std::string key;
};

struct RunPage {
    std::vector<core::Run> runs;
};
/// The newest first.
struct RunList {
    using Reply = RunPage;
    static constexpr std::string_view method = "run.list";
    static constexpr bool writes = false;
    std::string prefix;  ///< of the keys
    std::optional<core::RunState> state;
    std::int64_t limit = 20;
};

/// Forgets a run that has ended. One that is running is kept, unless the fence is its holder's,
/// who gives it back unrun.
struct RunForget {
    using Reply = core::Run;
    static constexpr std::string_view method = "run.forget";
    static constexpr bool writes = true;
    std::string key;
    std::int64_t fence = 0;
};

}  // namespace taskd::ipc
