// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace taskd::core {

/// What a delivery asks of the outside world, where it is no reminder's channel. On disk.
struct Call {
    enum class Kind { invoke, publish, email, command };
    Kind kind = Kind::invoke;
    std::string target;  ///< the Dapr app, the pub/sub component, the mail's address, or the group
    std::string method;  ///< for people: "POST api/tasks", the topic, the subject, command line
    std::string verb;    ///< of an invoke; of a command why it runs: see RunReason
    std::string
        path;  ///< of the sidecar, encoded, with its query; the id of a command's task or series
    std::vector<std::pair<std::string, std::string>> headers;
    std::string body;     ///< of a command the Command, JSON
    std::string key;      ///< Idempotency-Key, the same for each attempt; of a mail its Message-ID
    std::string step;     ///< of a role, what follows when it succeeded: see call_steps.h
    std::string summary;  ///< of a command, what its task says
    std::string context;  ///< what that step has to know, JSON

    bool operator==(const Call&) const = default;
};

[[nodiscard]] constexpr std::string_view to_string(Call::Kind kind) {
    switch (kind) {
    case Call::Kind::invoke:
        return "invoke";
    case Call::Kind::publish:
        return "publish";
    case Call::Kind::email:
        return "email";
    case Call::Kind::command:
        return "command";
    }
    return "invoke";
}

[[nodiscard]] constexpr Call::Kind call_kind_from(std::string_view word) {
    for (const auto kind : {Call::Kind::publish, Call::Kind::email, Call::Kind::command})
        if (to_string(kind) == word) return kind;
    return Call::Kind::invoke;
}

inline constexpr std::size_t call_body_bytes_max = std::size_t{1} << 20U;

}  // namespace taskd::core
