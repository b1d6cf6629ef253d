// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/random.h"
#include "core/result.h"
#include "ipc/endpoint.h"
#include "ipc/json.h"
#include "ipc/messages.h"

#include <nlohmann/json.hpp>
#include <zmq.hpp>

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace taskd::ipc {

/// A reply, typed and as it came; `replayed` says that the daemon had answered this key before.
template <class Reply>
struct Answer {
    Reply value;
    bool replayed = false;
    nlohmann::json json;
};

/// Calls a daemon: one request at a time, each with a deadline. A writing request carries an
/// idempotency key, so when the connection breaks it is sent again without risk (P3).
class Client {
public:
    struct Options {
        std::chrono::milliseconds deadline{std::chrono::seconds{30}};
        std::string user_id;          ///< another user's name, for an operator
        std::string idempotency_key;  ///< of writing calls; a fresh one for each call if empty
    };

    /// `ensure` makes sure that a daemon listens (it may start one); it is asked before the first
    /// request and whenever the connection was lost.
    using Ensure = std::function<core::Result<void>()>;

    Client(zmq::context_t& context, Endpoint endpoint, core::Random& random, Options options,
           Ensure ensure);

    /// Errors: the daemon's own; unavailable - no daemon; deadline_exceeded - no reply in time, the
    ///         request may have been accepted; unknown - the daemon went away again and again.
    template <class Request>
    [[nodiscard]] core::Result<Answer<typename Request::Reply>> call(const Request& request) {
        auto result = call_json(Request::method, to_json(request), takes_key<Request>());
        if (!result) return tl::unexpected(result.error());
        auto value = from_json<typename Request::Reply>(*result);
        if (!value) return tl::unexpected(unreadable(value.error()));
        const bool replayed = result->value("replayed", false);
        return Answer<typename Request::Reply>{std::move(*value), replayed, std::move(*result)};
    }

    [[nodiscard]] core::Result<nlohmann::json> call_json(std::string_view method,
                                                         nlohmann::json params, bool writes);

    /// Several writing calls in one message, at most batch_max; each of `params` has its own
    /// idempotency_key. The replies in their order.
    ///
    /// Errors: as of call(), for all of them; and of each its own.
    [[nodiscard]] core::Result<std::vector<core::Result<nlohmann::json>>> call_batch(
        std::string_view method, const std::vector<nlohmann::json>& params);

    [[nodiscard]] const Endpoint& endpoint() const { return endpoint_; }

private:
    /// Whether a call gets a key even if none was given. A request that is safe to send again by
    /// itself is spared the daemon's memory of its reply.
    template <class Request>
    [[nodiscard]] bool takes_key() const {
        constexpr bool resend_safe = requires {
            Request::resend_safe;
        };
        return Request::writes && (!resend_safe || !options_.idempotency_key.empty());
    }

    enum class Outcome { replied, disconnected, timed_out };
    struct Exchange {
        Outcome outcome;
        std::string reply;
    };
    [[nodiscard]] Exchange exchange(const std::string& request,
                                    std::chrono::steady_clock::time_point until);
    [[nodiscard]] core::Result<std::string> next_request(std::string_view method,
                                                         nlohmann::json params);
    [[nodiscard]] core::Result<std::string> send(const std::string& text, const std::string& hint);
    [[nodiscard]] static core::Error unreadable(const core::Error& why);

    zmq::context_t& context_;
    Endpoint endpoint_;
    core::Random& random_;
    Options options_;
    Ensure ensure_;
    std::int64_t last_id_ = 0;
};

}  // namespace taskd::ipc
