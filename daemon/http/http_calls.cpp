// SPDX-License-Identifier: Apache-2.0
#include "daemon/http/http_calls.h"

#include "daemon/http/http_problem.h"
#include "ipc/messages.h"
#include "ipc/rpc.h"

#include <nlohmann/json.hpp>

namespace taskd::daemon {
namespace {

using nlohmann::json;

// A long poll of the greatest length, and the turn that answers it.
constexpr std::chrono::milliseconds patience{ipc::wait_ms_max + 5'000};

tl::unexpected<HttpRefusal> come_back(std::string why) {
    return tl::unexpected(HttpRefusal{503, std::move(why), {{"Retry-After", "1"}}});
}

}  // namespace

tl::expected<std::string, HttpRefusal> HttpCalls::run(const Caller& caller,
                                                      const std::string& message) {
    if (services_.pulse.is_stopping()) return come_back("taskd is stopping");
    const auto place = services_.calls.take(caller.user);
    if (!place) return come_back("as many calls as there can be at once are running");
    services_.pulse.asked(services_.clock.monotonic());
    auto reply = loop_.call(caller, message, patience);
    if (!reply)
        return tl::unexpected(HttpRefusal{504,
                                          "no reply in time; the call may have been accepted: "
                                          "repeat it with the same idempotency_key, or an event "
                                          "with the same id",
                                          {}});
    return std::move(*reply);
}

tl::expected<json, HttpRefusal> HttpCalls::call(const Caller& caller, std::string_view method,
                                                const json& params) {
    const auto reply = run(caller, ipc::request_text(1, method, params));
    if (!reply) return tl::unexpected(reply.error());
    auto result = ipc::parse_reply(*reply);
    if (!result)
        return tl::unexpected(refusal_of(result.error(), status_of(result.error().reason)));
    return std::move(*result);
}

int HttpCalls::status_of(core::Reason reason) const {
    if (reason == core::Reason::resource_exhausted && services_.pulse.store_fails()) return 507;
    return http_status(reason);
}

}  // namespace taskd::daemon
