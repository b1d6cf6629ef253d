// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace taskd::core {

enum class Seen { fresh, replay, conflict };

/// What a request with a key is, given the digest that was stored under the same user and key (P3):
/// none stored = fresh, the same = replay the stored reply, another = conflict.
[[nodiscard]] inline Seen seen_before(const std::optional<std::string>& stored_digest,
                                      std::string_view digest) {
    if (!stored_digest) return Seen::fresh;
    return *stored_digest == digest ? Seen::replay : Seen::conflict;
}

}  // namespace taskd::core
