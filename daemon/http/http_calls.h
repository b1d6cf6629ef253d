// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/http/http_request.h"
#include "daemon/http/http_services.h"
#include "daemon/http/rpc_bridge.h"

#include <nlohmann/json_fwd.hpp>
#include <tl/expected.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace taskd::daemon {

inline constexpr const char* json_type = "application/json";

/// What a route answers, before it is written.
struct HttpReply {
    int status = 200;
    std::string body{};
    std::string type = json_type;
    std::vector<std::pair<std::string, std::string>> fields{};
    std::shared_ptr<HttpStream> stream{};  ///< then there is no body
};
using HttpResult = tl::expected<HttpReply, HttpRefusal>;

/// Calls from one worker to the loop, within the bound of how many may be under way.
class HttpCalls {
public:
    explicit HttpCalls(HttpServices& services)
        : services_(services), loop_(services.context, services.aborting) {}

    /// The reply to a JSON-RPC message; "" for notifications.
    ///
    /// Errors: 503 - taskd stops, or too many calls are under way; 504 - no reply in time.
    [[nodiscard]] tl::expected<std::string, HttpRefusal> run(const Caller& caller,
                                                             const std::string& message);

    /// The result of one method.
    ///
    /// Errors: as above; the call's own error, with the status of its reason.
    [[nodiscard]] tl::expected<nlohmann::json, HttpRefusal> call(const Caller& caller,
                                                                 std::string_view method,
                                                                 const nlohmann::json& params);

    /// The status for a call's error; 507 when the store has no room.
    [[nodiscard]] int status_of(core::Reason reason) const;

private:
    HttpServices& services_;
    RpcCaller loop_;
};

}  // namespace taskd::daemon
