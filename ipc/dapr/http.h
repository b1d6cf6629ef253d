// SPDX-License-Identifier: Apache-2.0
// One HTTP request to the sidecar and what came of it.
#pragma once

#include "ipc/dapr/sidecar.h"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace taskd::ipc::dapr {

using Headers = std::vector<std::pair<std::string, std::string>>;
/// The first value of that name, whatever its case; "" if there is none.
[[nodiscard]] std::string header_of(const Headers& headers, std::string_view name);

struct Request {
    std::string verb;
    std::string path;  ///< encoded, with its query
    Headers headers;
    std::optional<std::string> body;
};

struct Response {
    int status = 0;
    Headers headers;
    std::string body;  ///< empty where it was streamed
};

/// Why there is no response.
enum class Failure {
    unreachable,  ///< nothing was sent
    broken,       ///< the connection ended after the request was sent; it may have been carried out
    timeout,      ///< likewise
    too_large,    ///< more came than is kept
    refused,      ///< whoever takes the body wants no more
    not_called,   ///< the circuit breaker is open; nothing was sent
};

struct Answer {
    std::optional<Response> response;
    Failure failure = Failure::unreachable;  ///< if there is no response
    std::string detail;                      ///< about the failure, for people
    bool streamed = false;                   ///< parts of the body were passed on
};

/// Takes a body as it comes.
struct BodySink {
    std::function<bool(const Response& head)> takes;   ///< false: it is kept in the answer instead
    std::function<bool(std::string_view part)> write;  ///< false: no more is wanted
};

inline constexpr std::size_t kept_body_bytes_max = std::size_t{16} << 20U;

/// A connection to the sidecar; used by one thread at a time. The sidecar's token is added, and
/// redirects are not followed.
class HttpClient {
public:
    /// Once `stopping` is set, what is under way ends within a moment.
    explicit HttpClient(Sidecar sidecar, const std::atomic<bool>* stopping = nullptr);
    HttpClient(const HttpClient&) = delete;
    HttpClient& operator=(const HttpClient&) = delete;
    ~HttpClient();

    /// Sends the request and waits for the whole answer, for `timeout` at most from now on.
    [[nodiscard]] Answer send(const Request& request, std::chrono::milliseconds timeout,
                              const BodySink* sink = nullptr);

    [[nodiscard]] const Sidecar& sidecar() const { return sidecar_; }

private:
    struct Connection;
    Sidecar sidecar_;
    const std::atomic<bool>* stopping_;
    std::unique_ptr<Connection> connection_;
};

}  // namespace taskd::ipc::dapr
