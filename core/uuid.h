// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/clock.h"
#include "core/random.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace taskd::core {

/// Random UUID (RFC 9562 section 5.4): ids of tasks and series, whose first digits differ.
[[nodiscard]] std::string uuid_v4(Random& random);

/// Time-ordered UUID (RFC 9562 section 5.7): 48 bits of Unix milliseconds, the rest random.
[[nodiscard]] std::string uuid_v7(Timestamp now, Random& random);

/// Name-based UUID (RFC 9562 section 5.5, SHA-1 by libuuid) in taskd's own namespace: the same
/// content always gives the same id. Used as digest of a request and as id of content without one.
[[nodiscard]] std::string uuid_v5(std::string_view content);

/// 64 bits of the SHA-1 that uuid_v5 makes of the same content. On disk: do not change.
[[nodiscard]] std::uint64_t name_digest(std::string_view content);

/// Whether `text` is a UUID in its 36-character lower-case form.
[[nodiscard]] bool is_uuid(std::string_view text);

}  // namespace taskd::core
