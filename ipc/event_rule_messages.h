// SPDX-License-Identifier: Apache-2.0
// What taskd does by itself when an event comes.
#pragma once

#include "core/event_rule.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace taskd::ipc {

struct RuleSaved {
    core::EventRule rule;
    std::vector<std::string> warnings;
    bool unchanged = false;  ///< it was there already, just so
};
struct RuleSet {
    using Reply = RuleSaved;
    static constexpr std::string_view method = "rule.set";
    static constexpr bool writes = true;
    std::string name;  ///< "" for one of the daemon's
    core::EventFilter::Words when;
    core::EventRule::Action action = core::EventRule::Action::notify;
    std::string task;     ///< of add: the fields of task.add, JSON
    std::string text;     ///< of done, cancel: which task; of notify: what to say
    std::string channel;  ///< of notify
    std::optional<core::CommandEdit> command;  ///< of run
};
struct RulePage {
    std::vector<core::EventRule> rules;  ///< by name
};
struct RuleList {
    using Reply = RulePage;
    static constexpr std::string_view method = "rule.list";
    static constexpr bool writes = false;
};
struct RulePause {
    using Reply = RuleSaved;
    static constexpr std::string_view method = "rule.pause";
    static constexpr bool writes = true;
    std::string name;
};
struct RuleResume {
    using Reply = RuleSaved;
    static constexpr std::string_view method = "rule.resume";
    static constexpr bool writes = true;
    std::string name;
};
struct RuleRemove {
    using Reply = RuleSaved;
    static constexpr std::string_view method = "rule.remove";
    static constexpr bool writes = true;
    std::string name;
};

}  // namespace taskd::ipc
