// SPDX-License-Identifier: Apache-2.0
#include "core/event_rule.h"

#include "core/notice.h"
#include "core/text.h"

#include <algorithm>
#include <array>
#include <utility>

namespace taskd::core {
namespace {

using Action = EventRule::Action;

constexpr std::array<std::pair<Action, std::string_view>, 5> action_names{
    {{Action::add, "add"},
     {Action::done, "done"},
     {Action::cancel, "cancel"},
     {Action::notify, "notify"},
     {Action::run, "run"}}};
constexpr std::array<std::string_view, 5> envelope_fields{"type", "source", "subject", "id",
                                                          "time"};
constexpr std::string_view data_prefix = "data.";
constexpr std::size_t chain_id_size = 8;

/// The characters of a field's name; what else stands behind a brace makes it a plain one.
bool is_name_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
}

bool is_known(std::string_view name) {
    if (name.rfind(data_prefix, 0) == 0) return name.size() > data_prefix.size();
    return std::find(envelope_fields.begin(), envelope_fields.end(), name) != envelope_fields.end();
}

/// Calls `text` for each run of plain text and `field` for each name, until that refuses.
Result<void> read(std::string_view from, const std::function<void(std::string_view)>& text,
                  const std::function<Result<void>(std::string_view)>& field) {
    std::size_t at = 0;
    while (at < from.size()) {
        const auto brace = from.find_first_of("{}", at);
        text(from.substr(at, std::min(brace, from.size()) - at));
        if (brace == std::string_view::npos) break;
        at = brace + 1;
        if (at < from.size() && from[at] == from[brace]) {
            text(from.substr(at, 1));
            ++at;
            continue;
        }
        auto end = at;
        while (end < from.size() && is_name_character(from[end])) ++end;
        if (from[brace] == '}' || end == at || end == from.size() || from[end] != '}') {
            text(from.substr(brace, 1));
            continue;
        }
        if (auto good = field(from.substr(at, end - at)); !good) return good;
        at = end + 1;
    }
    return {};
}

}  // namespace

std::string_view to_string(Action action) {
    for (const auto& [value, name] : action_names)
        if (value == action) return name;
    return "notify";
}

Result<Action> event_action_from(std::string_view word) {
    for (const auto& [value, name] : action_names)
        if (name == word) return value;
    return invalid_argument("action", "\"" + clipped(word, 64) +
                                          "\" is not accepted; use add, done, cancel, notify or "
                                          "run");
}

std::vector<std::string> rules_in_chain(std::string_view chain) {
    if (chain.empty()) return {};
    return split(chain, '.');
}

std::string longer_chain(std::string_view chain, const EventRule& rule) {
    std::string longer(chain);
    if (!longer.empty()) longer += '.';
    return longer + rule.id.substr(0, chain_id_size);
}

bool is_in_chain(std::string_view chain, const EventRule& rule) {
    const auto rules = rules_in_chain(chain);
    return std::find(rules.begin(), rules.end(), rule.id.substr(0, chain_id_size)) != rules.end();
}

Result<std::string> checked_rule_name(const std::string& name) {
    if (name.empty() || name.size() > event_rule_name_bytes_max || !is_utf8(name) ||
        has_control(name) || name.find(' ') != std::string::npos)
        return invalid_argument("name", "\"" + clipped(name, 64) +
                                            "\" is not accepted; use 1 to 64 printable characters "
                                            "without spaces");
    return name;
}

Result<void> check_event_text(const std::string& field, std::string_view text) {
    if (text.size() > template_bytes_max)
        return invalid_argument(
            field, "is " + std::to_string(text.size()) + " bytes long; at most 4096 are accepted");
    if (!is_utf8(text)) return invalid_argument(field, "is not UTF-8 text");
    return read(
        text, [](std::string_view) {},
        [&](std::string_view name) -> Result<void> {
            if (is_known(name)) return {};
            return invalid_argument(field,
                                    "\"{" + clipped(name, 64) + "}\" is not a field of an event",
                                    "there are {type}, {source}, {subject}, {id}, {time} and "
                                    "{data.NAME}; a brace itself is written {{ or }}");
        });
}

Result<std::string> fill_event_text(std::string_view text, const EventField& field) {
    std::string filled;
    const auto room = [&](std::string_view more) {
        auto size = std::min(filled_bytes_max - filled.size(), more.size());
        // What is cut off is whole characters.
        if (size < more.size())
            while (size > 0 && (static_cast<unsigned char>(more[size]) & 0xc0U) == 0x80U) --size;
        return more.substr(0, size);
    };
    auto done = read(
        text, [&](std::string_view plain) { filled += room(plain); },
        [&](std::string_view name) -> Result<void> {
            const auto value = field(name);
            if (!value) return invalid_argument(std::string(name), "the event has no such field");
            filled += room(*value);
            return {};
        });
    if (!done) return tl::unexpected(done.error());
    return filled;
}

}  // namespace taskd::core
