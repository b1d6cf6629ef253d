// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/topic.h"
#include "daemon/address_book.h"
#include "daemon/breakers.h"
#include "daemon/event_budget.h"
#include "daemon/event_handler.h"
#include "daemon/job.h"
#include "daemon/publisher.h"
#include "daemon/settings.h"
#include "daemon/store/unit_of_work.h"
#include "ipc/admin_messages.h"

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace taskd::daemon {

/// What the daemon says of itself.
struct Identity {
    std::int64_t pid = 0;
    std::string store;
    std::string started;
    std::vector<ipc::ConfigValue> config{};      ///< in force
    std::function<std::string()> sidecar{};      ///< Health::sidecar
    std::function<std::string()> store_error{};  ///< what the store said to the last change
    std::function<ipc::Stats()> stats{};         ///< the counters, from memory
};

/// A long poll that found nothing yet: it is answered by the turn that commits what it waits for.
struct Poll {
    core::UserId user;
    std::int64_t after = 0;
    std::int64_t limit = 0;
    core::TopicFilter filter;
    core::Monotonic until{0};
    std::optional<ipc::ConsumerFetch> fetch{};  ///< of a consumer, instead of the log
};

/// What the engine keeps between requests, beside the store.
struct Standing {
    const std::vector<EventHandler>& handlers;
    EventBudget& budget;
    Breakers& breakers;
    AddressBook& addresses;
    const Publisher& publisher;
    PublishLog& publish_log;
};

/// What became of an attempt of a delivery, or of a reminder that went off late.
struct DeliveryFigure {
    std::string_view kind;             ///< of its channel, or "call"
    std::string_view outcome;          ///< succeeded, retried, suppressed, dead; or late
    std::chrono::milliseconds lag{0};  ///< of one that succeeded: since the reminder's own time
};

/// What a handler works with. It reads, decides by core, and saves through `unit`; it never
/// commits.
struct Handling {
    UnitOfWork& unit;
    core::UserId user;  ///< whose rows: the caller, or whom an operator named
    const Settings& settings;
    const Identity& identity;
    const Standing& standing;
    core::Monotonic received{0};
    std::int64_t deadline_ms = 0;  ///< the request's own, 0 without one

    std::optional<Poll> poll{};                ///< out: park the request instead of answering it
    bool shutdown = false;                     ///< out: stop after this turn
    std::optional<std::string> backup{};       ///< out: copy the store there, then answer
    Caller caller{};                           ///< who asks, and with which rights
    std::vector<TokenChange> token_changes{};  ///< out: for the table in memory, once committed
    /// out: kept although the request is refused, each for its event's user
    std::vector<std::pair<core::UserId, DeadLetterRow>> dead_letters{};
    std::vector<std::string> stirred{};   ///< out: consumers that may have something for a poll
    std::set<core::UserId> large_logs{};  ///< out: users whose log is past retention.max_bytes
    std::vector<DeliveryFigure> deliveries{};  ///< out: for the counters
    std::int64_t copies_missed = 0;            ///< out: live copies that a subscriber says it lost
};

}  // namespace taskd::daemon
