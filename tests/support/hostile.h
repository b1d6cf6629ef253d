// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace taskd::test {

using namespace std::string_literals;

/// Inputs that a parser may refuse or accept, but must survive: nothing, very much, NUL, bytes that
/// are not UTF-8, every truncation of `valid`, and `valid` with one byte spoilt at each place.
inline std::vector<std::string> hostile_inputs(std::string_view valid) {
    std::vector<std::string> inputs{
        "",
        " ",
        "\0"s,
        "\0\0\0\0"s,
        "\n",
        "-",
        "+",
        ",",
        ";",
        ":",
        "=",
        "/",
        "*",
        "99999999999999999999999999",
        "-99999999999999999999999999",
        "\xff",
        "\xc3",
        "\xc0\x80",
        "\xed\xa0\x80",
        "\xf4\x90\x80\x80",
        "\x1b[31m",
        "\xe2\x80\xae",
        std::string(1'000'000, 'a'),
        std::string(1'000'000, '9'),
        std::string(1'000'000, ' '),
        std::string(100'000, ','),
        std::string(100'000, '\0'),
        std::string(100'000, '\xff'),
    };
    const std::string text(valid);
    for (std::size_t length = 0; length < text.size(); ++length)
        inputs.push_back(text.substr(0, length));
    for (std::size_t start = 1; start < text.size(); ++start) inputs.push_back(text.substr(start));
    for (std::size_t place = 0; place <= text.size(); ++place) {
        for (const char spoilt : {'\0', '\xff', '-', '0', '9', ' ', ',', 'Z', 'm'}) {
            inputs.push_back(text.substr(0, place) + spoilt + text.substr(place));
            if (place == text.size()) continue;
            std::string changed = text;
            changed[place] = spoilt;
            inputs.push_back(changed);
        }
    }
    std::string repeated;
    while (repeated.size() < 10'000) repeated += text + " ";
    inputs.push_back(repeated);
    inputs.push_back(text + "\0"s);
    inputs.push_back(text + "\0"s + text);
    return inputs;
}

}  // namespace taskd::test
