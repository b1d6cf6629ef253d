// SPDX-License-Identifier: Apache-2.0
// What taskd does by itself when an event comes: a user's rule, with the event that it waits for
// and one action.
#pragma once

#include "core/command.h"
#include "core/event_filter.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace taskd::core {

struct EventRule {
    enum class Action {
        add,     ///< a task as `task` says
        done,    ///< the open task that `text` names is done
        cancel,  ///< .. or cancelled
        notify,  ///< `text` goes to `channel`, "" for the default one
        run,     ///< `command`, with the event as its standard input
    };
    std::string id;  ///< random; its name may be given again once it is removed
    std::string name;
    EventFilter::Words when;
    Action action = Action::notify;
    std::string task;  ///< the fields of task.add as JSON, their texts templates
    std::string text;  ///< template
    std::string channel;
    std::optional<Command> command;
    Timestamp created;
    std::int64_t after = 0;  ///< it is for events behind this one, that came before it was there
    std::optional<Timestamp> paused;
    std::int64_t applied = 0;  ///< to so many events
    std::int64_t failed = 0;   ///< attempts
    std::optional<Timestamp> last;
    std::string last_error;  ///< of the last attempt; "" where it did what it should

    bool operator==(const EventRule&) const = default;
};
[[nodiscard]] std::string_view to_string(EventRule::Action action);
[[nodiscard]] Result<EventRule::Action> event_action_from(std::string_view word);

inline constexpr std::int64_t event_rules_max = 100;  ///< of one user
inline constexpr std::size_t event_rule_name_bytes_max = 64;
/// What a rule did may set off another rule, so often in a row and no more.
inline constexpr std::size_t rule_chain_max = 4;
/// .. and so often in all because of one event.
inline constexpr int rule_effects_max = 200;
/// The CloudEvents attribute of an event that a rule is the cause of: the rules that led to it, the
/// beginnings of their ids with dots between.
inline constexpr const char* rule_chain_attribute = "rulechain";
[[nodiscard]] std::vector<std::string> rules_in_chain(std::string_view chain);
/// The same with one more at its end.
[[nodiscard]] std::string longer_chain(std::string_view chain, const EventRule& rule);
[[nodiscard]] bool is_in_chain(std::string_view chain, const EventRule& rule);

/// 1 to 64 printable characters, no spaces.
///
/// Errors: invalid_argument on `name`.
[[nodiscard]] Result<std::string> checked_rule_name(const std::string& name);

/// The value of a field of an event, by its name: "type", "source", "subject", "id", "time", or
/// "data." and a path; none where the event has none.
using EventField = std::function<std::optional<std::string>(std::string_view name)>;

/// Text with fields of an event in braces: "Review {data.title}". A brace that is not around a
/// field's name is itself; "{{" and "}}" are single ones.
///
/// Errors: invalid_argument on `field` - an unknown name, more than 4096 bytes, not UTF-8.
[[nodiscard]] Result<void> check_event_text(const std::string& field, std::string_view text);
/// Errors: invalid_argument on the field's name - the event has none; the text is longer than 65536
///         bytes then.
[[nodiscard]] Result<std::string> fill_event_text(std::string_view text, const EventField& field);

}  // namespace taskd::core
