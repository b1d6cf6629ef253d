// SPDX-License-Identifier: Apache-2.0
#include "core/base64.h"

#include <cstdint>

namespace taskd::core {
namespace {

constexpr std::string_view letters =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

}  // namespace

std::string base64(std::string_view bytes) {
    std::string text;
    text.reserve((bytes.size() + 2) / 3 * 4);
    for (std::size_t at = 0; at < bytes.size(); at += 3) {
        const auto part = bytes.substr(at, 3);
        std::uint32_t bits = 0;
        for (std::size_t i = 0; i < 3; ++i)
            bits = (bits << 8U) | (i < part.size() ? static_cast<unsigned char>(part[i]) : 0U);
        for (std::size_t i = 0; i < 4; ++i)
            text += i <= part.size() ? letters[(bits >> (18U - 6U * i)) & 63U] : '=';
    }
    return text;
}

std::optional<std::string> from_base64(std::string_view text) {
    std::string bytes;
    bytes.reserve(text.size() / 4 * 3 + 2);
    std::uint32_t bits = 0;
    std::size_t digits = 0;
    for (const char c : text.substr(0, text.find('='))) {
        const auto value = letters.find(c);
        if (value == std::string_view::npos) return {};
        bits = (bits << 6U) | static_cast<std::uint32_t>(value);
        if (++digits % 4 == 1) continue;
        bytes += static_cast<char>((bits >> ((4U - digits % 4) % 4 * 2U)) & 255U);
    }
    // What is left over, the padding and its place are right if the bytes are written so.
    if (base64(bytes) != text) return {};
    return bytes;
}

}  // namespace taskd::core
