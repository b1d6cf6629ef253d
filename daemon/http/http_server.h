// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/config.h"
#include "daemon/http/http_access.h"
#include "daemon/http/http_front.h"
#include "daemon/http/http_router.h"
#include "daemon/http/http_services.h"
#include "daemon/http/rpc_bridge.h"
#include "daemon/http/token_table.h"

#include <memory>
#include <string>
#include <vector>

namespace taskd::daemon {

/// HTTP as the daemon runs it: front end, workers, access, and the bridge that the loop polls.
class HttpServer {
public:
    struct Parts {
        zmq::context_t& context;
        const core::Clock& clock;
        Pulse& pulse;
        Metrics& metrics;
        std::vector<Token> tokens;  ///< in force at the start
        core::UserId owner;         ///< as whom the token of http.token_file speaks
        HttpAccess::UserOfUid user_of_uid;
        std::function<bool(const core::UserId&)> admits{};  ///< whether a token's user is served
        bool for_everyone = false;  ///< Unix sockets are 0666, as a system daemon's
    };
    /// Opens what `http.listen` names and serves it; none when it names nothing.
    ///
    /// Errors: invalid_argument, failed_precondition, unavailable on a key of http.*.
    [[nodiscard]] static core::Result<std::unique_ptr<HttpServer>> start(const Config& config,
                                                                         Parts parts);
    HttpServer(const HttpServer&) = delete;
    HttpServer& operator=(const HttpServer&) = delete;
    ~HttpServer();

    [[nodiscard]] RpcBridge& bridge() { return bridge_; }
    [[nodiscard]] TokenTable& tokens() { return tokens_; }
    /// Where it listens, with the ports that were chosen.
    [[nodiscard]] const std::vector<std::string>& names() const { return names_; }

    /// Stops accepting and finishes what is running; on the loop's thread, when the loop has ended.
    void stop();

private:
    HttpServer(Parts parts, const std::string& fixed, DaprApp dapr, HttpAccess::Options access,
               HttpFront::Limits limits, EventStreams::Options streams,
               std::vector<Listener> listeners);

    DaprApp dapr_;
    RpcBridge bridge_;
    TokenTable tokens_;
    HttpAccess access_;
    EventTickets tickets_;
    EventStreams streams_;
    HttpServices services_;
    std::vector<std::string> names_;
    HttpFront front_;
};

}  // namespace taskd::daemon
