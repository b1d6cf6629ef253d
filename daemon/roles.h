// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/topic.h"
#include "daemon/resiliency.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace taskd::daemon {

class Config;

/// A topic that the log is published to, and which events of it.
struct PublishedTopic {
    std::string topic;
    core::TopicFilter types;
};

/// What taskd is in a Dapr system, beside being itself. Each is switched on by configuration.
struct Roles {
    enum class Recurring { off, local, remote };
    Recurring recurring = Recurring::off;  ///< who makes the next occurrence of a pattern: nobody,
                                           ///< this daemon, or the backend when it is asked to
    bool backend = false;                  ///< serves /api/tasks and /api/users
    bool backend_recurs = false;           ///< a task with a pattern goes on by itself
    std::string backend_app;               ///< the task backend; "": this daemon
    bool notification = false;             ///< mails on reminder.due
    std::string notification_app;          ///< is told of each reminder.due by a call; "": nobody
    std::string subject = "Reminder: {title}";
    std::string text = "Task '{title}' is due at {due_at}";
    std::chrono::milliseconds address_ttl{std::chrono::minutes{10}};
    std::string pubsub;
    std::vector<PublishedTopic> topics;
    std::size_t publish_max = 100;  ///< events of one bulk request
    std::chrono::milliseconds call_timeout{std::chrono::seconds{30}};
    std::chrono::milliseconds keep_trying{std::chrono::hours{24}};
    Resiliency resiliency;

    /// Whether a task with a pattern goes on in this store, whoever completes it.
    [[nodiscard]] bool recurs_here() const {
        return backend_recurs || recurring == Recurring::local;
    }
    [[nodiscard]] bool takes_events() const { return recurring != Recurring::off || notification; }
    [[nodiscard]] bool needs_sidecar() const {
        return recurring == Recurring::remote || (notification && !backend_app.empty()) ||
               !topics.empty() || !notification_app.empty();
    }
};

/// Errors: invalid_argument on the key - what is not accepted, or does not go together.
[[nodiscard]] core::Result<Roles> read_roles(const Config& config);

}  // namespace taskd::daemon
