// SPDX-License-Identifier: Apache-2.0
// What is on the screen, in a file of the session's runtime directory, so that a daemon that is
// started again can replace it, close it and hear its buttons. It is lost with the session, like
// the notifications themselves.
#pragma once

#include "daemon/outbound/click.h"
#include "daemon/outbound/notification_bus.h"

#include <cstdint>
#include <string>
#include <vector>

namespace taskd::daemon {

struct Screen {
    struct Entry {
        std::string tag;
        std::uint32_t id = 0;
        bool has_buttons = false;
        Click click{};
        NotifyCall call{};  ///< that has shown it

        bool operator==(const Entry&) const = default;
    };

    std::string bus{};  ///< its id: on another one the same names and ids mean others
    NotificationServer server{};
    std::vector<Entry> entries{};  ///< oldest first
};

/// What a file holds; nothing when there is none, or when it is not as keep_screen() writes it.
[[nodiscard]] Screen recall_screen(const std::string& path);

/// Replaces the file as a whole. Without success the next daemon knows less; nobody else does.
void keep_screen(const std::string& path, const Screen& screen);

}  // namespace taskd::daemon
