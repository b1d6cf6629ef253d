// SPDX-License-Identifier: Apache-2.0
#include "core/clean_text.h"

#include "core/text.h"

#include <algorithm>

namespace taskd::core {

std::string_view first_character(std::string_view text) {
    constexpr std::size_t bytes_max = 4;
    for (std::size_t length = 1; length <= std::min(bytes_max, text.size()); ++length)
        if (is_utf8(text.substr(0, length))) return text.substr(0, length);
    return {};
}

std::string cleaned(std::string_view text, std::string_view kept) {
    std::string out;
    while (!text.empty()) {
        const auto character = first_character(text);
        if (character.empty())
            out += replacement_character;
        else if (has_control(character) && kept.find(character[0]) == std::string_view::npos)
            out += ' ';
        else
            out += character;
        text.remove_prefix(std::max<std::size_t>(1, character.size()));
    }
    return out;
}

}  // namespace taskd::core
