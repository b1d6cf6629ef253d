// SPDX-License-Identifier: Apache-2.0
#include "daemon/outbound/notification_text.h"

#include "core/clean_text.h"
#include "core/text.h"

#include <algorithm>
#include <cstdint>

namespace taskd::daemon {
namespace {

constexpr std::string_view ellipsis = "...";  // as core::clipped() writes it
constexpr std::size_t url_bytes_max = 2048;

/// Of one valid character: U+FDD0 to U+FDEF and the last two of every plane. Unicode lets them
/// travel, but sd-bus (systemd 252) neither sends nor reads a string which has one.
bool is_noncharacter(std::string_view character) {
    if (character.size() < 3) return false;
    std::uint32_t point = static_cast<unsigned char>(character[0]) & (0x7fU >> character.size());
    for (const char c : character.substr(1))
        point = (point << 6U) | (static_cast<unsigned char>(c) & 0x3fU);
    return (point >= 0xfdd0U && point <= 0xfdefU) || (point & 0xfffeU) == 0xfffeU;
}

/// Plain, valid and at most `bytes_max` long; `kept` are the control characters that stay.
std::string plain(std::string_view text, std::string_view kept, std::size_t bytes_max) {
    std::string out;
    // What lies beyond the limit is not even looked at.
    while (!text.empty() && out.size() <= bytes_max) {
        const auto character = core::first_character(text);
        if (character.empty() || is_noncharacter(character))
            out += core::replacement_character;
        else if (core::has_control(character) && kept.find(character[0]) == std::string_view::npos)
            out += ' ';
        else
            out += character;
        text.remove_prefix(std::max<std::size_t>(1, character.size()));
    }
    if (out.size() <= bytes_max) return out;
    return core::clipped(out, bytes_max - ellipsis.size());
}

/// Exactly the three that text between tags needs. Servers read subsets of XML: GNOME Shell knows
/// &apos; but would show &#39; as it stands, others the other way around.
std::string escaped(std::string_view text) {
    std::string out;
    for (const char c : text) switch (c) {
        case '&':
            out += "&amp;";
            break;
        case '<':
            out += "&lt;";
            break;
        case '>':
            out += "&gt;";
            break;
        default:
            out += c;
        }
    return out;
}

}  // namespace

std::string summary_text(std::string_view bytes) {
    return plain(bytes, "", notification_summary_bytes_max);
}

std::string body_text(std::string_view bytes, bool markup) {
    std::string text = plain(bytes, "\n", notification_body_bytes_max);
    // Escaped after it was cut, so that no entity is cut in two.
    return markup ? escaped(text) : text;
}

bool is_web_url(std::string_view text) {
    if (text.size() > url_bytes_max) return false;
    if (!std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7f'; }))
        return false;
    const auto colon = text.find("://");
    if (colon == std::string_view::npos || text.size() == colon + 3) return false;
    const auto scheme = core::to_lower(text.substr(0, colon));
    return scheme == "http" || scheme == "https";
}

}  // namespace taskd::daemon
