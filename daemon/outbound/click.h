// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace taskd::daemon {

/// What the user did with a notification. Each one gives at most one.
struct Click {
    enum class Action {
        done,
        snooze,  ///< for 10 minutes, as the button says
        open,
        seen,       ///< a click on the notification itself
        dismissed,  ///< closed by the user, or by a desktop that clears all of them at once
    };

    Action action = Action::seen;
    std::string user{};
    std::string task{};
    std::string delivery{};
    std::string url{};

    bool operator==(const Click&) const = default;
};

}  // namespace taskd::daemon
