// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/handlers/handling.h"
#include "daemon/job.h"
#include "daemon/settings.h"
#include "daemon/store/unit_of_work.h"

#include <nlohmann/json.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace taskd::daemon {

/// What one message came to.
struct Dispatched {
    std::optional<std::string> reply;  ///< none for a notification or a parked poll
    std::optional<Poll> poll;          ///< park it; `poll_id` is the request's id
    nlohmann::json poll_id;
    std::optional<std::string> backup;  ///< copy the store there, then answer `poll_id`
    std::vector<Publication> publications;
    bool shutdown = false;
    std::vector<TokenChange> token_changes;
    /// Method and outcome of each request, for counting; both from fixed sets of words.
    std::vector<std::pair<std::string_view, std::string_view>> outcomes;
    std::string store_failure;  ///< what the store refused of it, "" for nothing
    /// Consumers that may have something for a parked fetch by now: user and name.
    std::vector<std::pair<core::UserId, std::string>> stirred;
    std::vector<core::UserId> large_logs;  ///< past retention.max_bytes
    std::int64_t copies_missed = 0;        ///< live copies that subscribers say they lost
};

/// Runs a message's requests, each in a savepoint of its own, known keys replayed. It is the one
/// place that catches what the store throws in a request: while the turn's transaction is alive,
/// only that request fails; else TurnVoid tells the engine that nothing of the turn has happened.
class Dispatcher {
public:
    struct TurnVoid {
        core::Error error;
    };

    Dispatcher(StoreContext& context, const Settings& settings, const Identity& identity,
               const Standing& standing)
        : context_(context), settings_(settings), identity_(identity), standing_(standing) {}

    [[nodiscard]] Dispatched run(const Request& request, core::Timestamp now,
                                 core::Monotonic monotonic);

private:
    [[nodiscard]] std::optional<nlohmann::json> run_one(const nlohmann::json& message,
                                                        const Request& request, core::Timestamp now,
                                                        core::Monotonic monotonic, bool may_wait,
                                                        Dispatched& out);

    StoreContext& context_;
    const Settings& settings_;
    const Identity& identity_;
    const Standing& standing_;
};

/// Every method's name, for tests that must not miss one.
[[nodiscard]] std::vector<std::string> method_names();

}  // namespace taskd::daemon
