// SPDX-License-Identifier: Apache-2.0
#include "daemon/http/http_query.h"

#include "core/text.h"

#include <algorithm>
#include <charconv>

namespace taskd::daemon {
namespace {

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

std::vector<std::string> names_of(const std::vector<HttpQuery::Name>& known) {
    std::vector<std::string> names;
    names.reserve(known.size());
    for (const auto& each : known) names.emplace_back(each.name);
    return names;
}

/// What is wrong with a name. One that is near to none may be a secret in the wrong place.
tl::unexpected<core::Error> unknown_name(const std::string& name,
                                         const std::vector<std::string>& names) {
    if (const auto near = core::nearest(name, names); !near.empty())
        return core::invalid_argument(
            "query", "\"" + name + "\" is not a name; did you mean \"" + near + "\"?");
    return core::invalid_argument("query",
                                  "has a name that is not one of " + core::join(names, ", "));
}

}  // namespace

std::optional<std::string> percent_decoded(std::string_view text, bool plus_is_space) {
    std::string decoded;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '+' && plus_is_space) {
            decoded += ' ';
            continue;
        }
        if (text[i] != '%') {
            decoded += text[i];
            continue;
        }
        if (text.size() - i < 3) return {};
        const int high = hex_digit(text[i + 1]);
        const int low = hex_digit(text[i + 2]);
        if (high < 0 || low < 0) return {};
        decoded += static_cast<char>(high * 16 + low);
        i += 2;
    }
    return decoded;
}

core::Result<HttpQuery> HttpQuery::parse(std::string_view target, const std::vector<Name>& known) {
    HttpQuery query;
    const auto mark = target.find('?');
    if (mark == std::string_view::npos) return query;
    const auto names = names_of(known);
    for (const auto& word : core::split(target.substr(mark + 1), '&')) {
        if (word.empty()) continue;
        const auto equals = word.find('=');
        auto name = percent_decoded(std::string_view(word).substr(0, equals), true);
        auto value =
            percent_decoded(equals == std::string::npos ? std::string_view()
                                                        : std::string_view(word).substr(equals + 1),
                            true);
        if (!name || !value)
            return core::invalid_argument("query",
                                          "has a % that two hexadecimal digits don't follow");
        if (!core::is_utf8(*name) || !core::is_utf8(*value))
            return core::invalid_argument("query", "is not UTF-8 when it is decoded");
        const auto found = std::find_if(known.begin(), known.end(),
                                        [&](const Name& each) { return each.name == *name; });
        if (found == known.end()) return unknown_name(*name, names);
        if (!found->is_repeatable && query.find(*name) != nullptr)
            return core::invalid_argument(*name, "is given more than once; use it once");
        if (query.words_.size() == query_words_max)
            return core::invalid_argument(
                "query", "has more than " + std::to_string(query_words_max) + " words");
        query.words_.emplace_back(std::move(*name), std::move(*value));
    }
    return query;
}

const std::string* HttpQuery::find(std::string_view name) const {
    for (const auto& [key, value] : words_)
        if (key == name) return &value;
    return nullptr;
}

std::vector<std::string> HttpQuery::all(std::string_view name) const {
    std::vector<std::string> values;
    for (const auto& [key, value] : words_)
        if (key == name) values.push_back(value);
    return values;
}

core::Result<std::optional<std::int64_t>> HttpQuery::number(std::string_view name) const {
    const std::string* text = find(name);
    if (text == nullptr) return std::optional<std::int64_t>();
    const auto value = whole_number(*text);
    if (!value) return core::invalid_argument(std::string(name), "is not a whole number");
    return value;
}

std::optional<std::int64_t> whole_number(std::string_view text) {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return {};
    return value;
}

}  // namespace taskd::daemon
