// SPDX-License-Identifier: Apache-2.0
// What passes between the engine and its shell: requests in; replies, publications, jobs out.
#pragma once

#include "core/channel.h"
#include "core/command.h"
#include "core/delivery.h"
#include "core/notice.h"
#include "daemon/store/unit_of_work.h"
#include "ipc/messages.h"

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace taskd::daemon {

/// The result of an attempt that was under way when the process before this one ended.
inline constexpr const char* interrupted = "interrupted: taskd stopped";

/// Whose request it is, as the transport knows it; never from the request itself.
struct Caller {
    core::UserId user;
    bool is_operator = false;       ///< may name other users and do administration
    bool may_name_users = false;    ///< a service's token: may name other users, and no more
    bool by_token = false;          ///< came with a bearer token, which can't make more tokens
    std::string events_endpoint{};  ///< where this caller's live events are; "" over the network
};

/// Where a reply goes; the engine only hands it back.
struct Peer {
    std::size_t socket = 0;
    std::string routing_id;
    bool has_delimiter = false;  ///< a REQ socket's empty frame, mirrored
    bool wants_end = false;      ///< HTTP: an empty reply, after the commit, where there is none
};

struct Request {
    Peer peer;
    Caller caller;
    std::string body;
    core::Monotonic received{0};
};

struct Reply {
    Peer peer;
    std::string body;
};

/// Events of the log for a topic, in order; each of another subject.
struct PublishBatch {
    std::string pubsub;
    std::string topic;
    std::vector<ipc::CloudEvent> events;
    std::int64_t seq = 0;  ///< the topic's cursor once they are published
    std::int64_t count = 0;
};

/// One attempt of a delivery, for a worker. The result comes back as a JobResult.
struct Job {
    core::UserId user;
    core::DeliveryId delivery;
    core::Channel channel;
    std::vector<std::pair<std::string, std::string>> variables;  ///< TASKD_*, of exec
    std::string event;                                           ///< CloudEvent, JSON
    core::Notice notice{};                                       ///< the same for people
    core::Timestamp created{};                                   ///< of the delivery
    std::string address{};                                       ///< of email
    bool taken_back = false;                 ///< not needed any more, and no worker has begun it
    std::string secret{};                    ///< of webhook, ntfy, gotify
    std::optional<core::Call> call{};        ///< instead of the channel, or how dapr is asked
    std::optional<PublishBatch> batch{};     ///< instead of a delivery
    std::chrono::milliseconds timeout{0};    ///< of a call or batch
    std::optional<core::Command> command{};  ///< instead of the channel: what a task runs
    core::TaskId task{};                     ///< whose command it is
};

struct JobResult {
    core::UserId user;
    core::DeliveryId delivery;
    core::Outcome outcome;
    std::optional<PublishBatch> batch{};  ///< without its events
    core::Channel channel{};              ///< that was used, as it was then
    bool is_command = false;
};

}  // namespace taskd::daemon
