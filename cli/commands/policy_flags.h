// SPDX-License-Identifier: Apache-2.0
// The flags of a series' policies: what add and series edit have in common.
#pragma once

#include "cli/command_line.h"
#include "core/policies.h"

#include <string>

namespace taskd::cli {

struct PolicyFlags {
    std::string anchor, overlap, catch_up, window, max, spread, min_gap, shift;

    /// What was typed; a flag that was not is none.
    [[nodiscard]] core::PolicyWords words() const {
        const auto given = [](const std::string& word) {
            return word.empty() ? std::nullopt : std::optional(word);
        };
        return {given(anchor), given(overlap), given(catch_up), given(window),
                given(max),    given(spread),  given(min_gap),  given(shift)};
    }
};

inline void add_policies(CLI::App& app, PolicyFlags& flags) {
    add_text(app, "--anchor", flags.anchor, "WORD",
             "what the next one counts from: schedule (default) or completion");
    add_text(app, "--overlap", flags.overlap, "WORD",
             "one open at a time (default), or stack: each slot its own task");
    add_text(app, "--catch-up", flags.catch_up, "WORD",
             "missed slots: skip them (default), the latest, or all");
    add_text(app, "--window", flags.window, "SPAN", "catch up with those younger than this");
    add_text(app, "--max", flags.max, "N", "catch up with the newest so many, up to 1000");
    add_text(app, "--spread", flags.spread, "SPAN", "make caught-up tasks so far apart");
    add_text(app, "--min-gap", flags.min_gap, "SPAN", "the next not before so long after done");
    add_text(app, "--shift", flags.shift, "WORD",
             "a slot on a day off: none (default), next, previous, or skip");
}

}  // namespace taskd::cli
