// SPDX-License-Identifier: Apache-2.0
#include "daemon/secret.h"

#include "daemon/unique_fd.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <sys/stat.h>

namespace taskd::daemon {
namespace {

using core::Error;
using core::Reason;

constexpr int secret_words = 4;  // of 64 random bits

std::string base64url(const std::string& bytes) {
    constexpr std::string_view alphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    std::string text;
    std::uint32_t bits = 0;
    int count = 0;
    for (const char c : bytes) {
        bits = (bits << 8U) | static_cast<unsigned char>(c);
        for (count += 8; count >= 6; count -= 6) text += alphabet[(bits >> (count - 6)) & 63U];
    }
    if (count > 0) text += alphabet[(bits << (6 - count)) & 63U];
    return text;
}

}  // namespace

std::string sha256_hex(std::string_view text) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::array<unsigned char, SHA256_DIGEST_LENGTH> hash{};
    SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), hash.data());
    std::string hex;
    for (const unsigned char byte : hash) {
        hex += digits[byte >> 4U];
        hex += digits[byte & 15U];
    }
    return hex;
}

bool equal_secrets(std::string_view one, std::string_view other) {
    return one.size() == other.size() && CRYPTO_memcmp(one.data(), other.data(), one.size()) == 0;
}

std::string make_token_secret(core::Random& random) {
    std::string bytes;
    for (int word = 0; word < secret_words; ++word) {
        const std::uint64_t value = random.next();
        for (unsigned shift = 0; shift < 64; shift += 8)
            bytes += static_cast<char>((value >> shift) & 0xffU);
    }
    return "taskd_" + base64url(bytes);
}

core::Result<std::string> read_secret_file(const std::string& key, const std::string& path,
                                           std::size_t bytes_min) {
    const auto fail = [&](Reason reason, const std::string& what, const std::string& hint) {
        return tl::unexpected(Error{reason, key + ": " + path + ": " + what, key, hint});
    };
    const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    struct stat status {};
    if (fd.get() < 0 || fstat(fd.get(), &status) != 0)
        return fail(Reason::unavailable, std::strerror(errno), {});
    if (!S_ISREG(status.st_mode)) return fail(Reason::failed_precondition, "is not a file", {});
    if ((status.st_mode & 077U) != 0)
        return fail(Reason::failed_precondition, "can be read by others than its owner",
                    "chmod 600 " + path);
    std::array<char, secret_file_bytes_max + 2> bytes{};
    const ssize_t count = read(fd.get(), bytes.data(), bytes.size());
    if (count < 0) return fail(Reason::unavailable, std::strerror(errno), {});
    std::string_view text(bytes.data(), static_cast<std::size_t>(count));
    for (const char end : {'\n', '\r'})
        if (!text.empty() && text.back() == end) text.remove_suffix(1);
    if (text.size() < bytes_min || text.size() > secret_file_bytes_max)
        return fail(Reason::invalid_argument,
                    "must hold " + std::to_string(bytes_min) + " to 4096 bytes",
                    "openssl rand -hex 32 makes one");
    const bool printable =
        std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7f'; });
    if (!printable)
        return fail(Reason::invalid_argument, "must be one line of printable ASCII without spaces",
                    "openssl rand -hex 32 makes one");
    return std::string(text);
}

}  // namespace taskd::daemon
