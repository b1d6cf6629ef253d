// SPDX-License-Identifier: Apache-2.0
#include "core/uuid.h"

#include <uuid/uuid.h>

#include <array>
#include <cstdint>

namespace taskd::core {
namespace {

using Bytes = std::array<std::uint8_t, 16>;

std::string format(const Bytes& bytes) {
    static constexpr char digits[] = "0123456789abcdef";
    std::string text;
    text.reserve(36);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
        text += digits[bytes[i] >> 4U];
        text += digits[bytes[i] & 15U];
    }
    return text;
}

Bytes random_bytes(Random& random) {
    Bytes bytes{};
    for (std::size_t half = 0; half < 2; ++half) {
        std::uint64_t bits = random.next();
        for (std::size_t i = 0; i < 8; ++i, bits >>= 8U)
            bytes[half * 8 + i] = static_cast<std::uint8_t>(bits);
    }
    return bytes;
}

void stamp(Bytes& bytes, std::uint8_t version) {
    bytes[6] = static_cast<std::uint8_t>((bytes[6] & 0x0fU) | (unsigned{version} << 4U));
    bytes[8] = static_cast<std::uint8_t>((bytes[8] & 0x3fU) | 0x80U);
}

Bytes named(std::string_view content) {
    // taskd's namespace, drawn once; on disk inside ids and digests: do not change.
    static constexpr Bytes name_space{0x6f, 0x0b, 0x5d, 0x3e, 0x52, 0x1c, 0x4e, 0x6b,
                                      0x9d, 0x8a, 0x1f, 0x33, 0xc7, 0x5a, 0x90, 0x42};
    Bytes bytes{};
    uuid_generate_sha1(bytes.data(), name_space.data(), content.data(), content.size());
    return bytes;
}

}  // namespace

std::string uuid_v4(Random& random) {
    Bytes bytes = random_bytes(random);
    stamp(bytes, 4);
    return format(bytes);
}

std::string uuid_v7(Timestamp now, Random& random) {
    Bytes bytes = random_bytes(random);
    auto milliseconds = static_cast<std::uint64_t>(now.time_since_epoch().count());
    for (std::size_t i = 6; i-- > 0; milliseconds >>= 8U)
        bytes[i] = static_cast<std::uint8_t>(milliseconds);
    stamp(bytes, 7);
    return format(bytes);
}

std::string uuid_v5(std::string_view content) {
    return format(named(content));
}

std::uint64_t name_digest(std::string_view content) {
    const Bytes bytes = named(content);
    // Bytes 6 and 8 hold the version and the variant.
    std::uint64_t digest = 0;
    for (const std::size_t i : std::array<std::size_t, 8>{0, 1, 2, 3, 4, 5, 9, 10})
        digest = digest << 8U | bytes[i];
    return digest;
}

bool is_uuid(std::string_view text) {
    if (text.size() != 36) return false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? c != '-' : !((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) return false;
    }
    return true;
}

}  // namespace taskd::core
