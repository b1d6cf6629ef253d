// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/random.h"
#include "core/result.h"

#include <string>
#include <string_view>

namespace taskd::daemon {

inline constexpr std::size_t secret_file_bytes_min = 32;    ///< too long to be guessed
inline constexpr std::size_t secret_file_bytes_max = 4096;  ///< more is not a secret but a mistake

/// SHA-256 (FIPS 180-4) as 64 hexadecimal digits. Enough for a random secret of 256 bits: a slow
/// hash protects words that people choose.
[[nodiscard]] std::string sha256_hex(std::string_view text);

/// Compares in a time that depends on the length only.
[[nodiscard]] bool equal_secrets(std::string_view one, std::string_view other);

/// "taskd_" and 32 random bytes in base64url (RFC 4648 section 5): the prefix lets scanners of
/// repositories recognise one that was committed by mistake.
[[nodiscard]] std::string make_token_secret(core::Random& random);

/// Reads a secret that an administrator keeps in a file, without the line break at its end.
///
/// Errors: failed_precondition on `key` - others than its owner may read it, or it is no file;
///         invalid_argument on `key` - shorter than `bytes_min`, too long, or not of printable
///         characters;
///         unavailable on `key` - it can't be read.
[[nodiscard]] core::Result<std::string> read_secret_file(
    const std::string& key, const std::string& path, std::size_t bytes_min = secret_file_bytes_min);

}  // namespace taskd::daemon
