// SPDX-License-Identifier: Apache-2.0
// What the imports from other schedulers have in common: each schedule of theirs becomes series of
// ours, and is shown with the next times of both.
#pragma once

#include "cli/context.h"
#include "cli/our_rule.h"
#include "core/result.h"
#include "ipc/messages.h"

#include <nlohmann/json.hpp>

#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace taskd::cli {

inline constexpr std::size_t import_times_shown = 3;

/// A rule of ours in words and its next times from `now` on, at most `count`.
///
/// Errors: as core::parse_every and core::plan_of.
struct OurTimes {
    std::string words;
    std::vector<core::Timestamp> times;
};
[[nodiscard]] core::Result<OurTimes> our_times(const OurRule& rule, core::Timestamp now,
                                               const core::TimeZone& zone, std::size_t count);

/// Another scheduler, as it is spoken of.
struct Scheduler {
    std::string name;       ///< "cron": whose times they are
    std::string one, many;  ///< what is imported of it: "line", "lines"
    std::string list;       ///< the field of all of them: "lines"
    std::string hint_none;  ///< where there are none
    std::string goes_on;    ///< what runs beside taskd until somebody ends it, and how
};

/// What is made of one schedule.
struct Imported {
    std::string file;  ///< "" where there is one file only
    int line = 0;
    std::string text;                               ///< as it stands there
    std::vector<std::string> notes;                 ///< what is kept in another way, or not
    std::string problem;                            ///< why it can't be kept; "" where it can
    std::vector<ipc::TaskAdd> requests{};           ///< none where it can't
    std::vector<core::Timestamp> theirs{}, ours{};  ///< the next times
    std::string words{};                            ///< the rule as taskd says it
    bool is_there = false;                          ///< imported before
    std::vector<std::int64_t> added{};
};

/// Makes a request of each rule. They are `request` but for the rule and the notes, by which an
/// imported series is known again: `mark`, and a number for the second rule and those behind it.
void set_rules(Imported& imported, const std::vector<OurRule>& rules, const ipc::TaskAdd& request,
               const std::string& mark, core::Timestamp now, const core::TimeZone& zone);

/// A variable of the environment, or `otherwise` where it is not set.
[[nodiscard]] std::string variable(const char* name, const std::string& otherwise);

/// Adds what is not there yet and shows all.
class Importer {
public:
    Importer(Context& context, Scheduler scheduler, bool preview)
        : context_(context), scheduler_(std::move(scheduler)), preview_(preview) {}

    /// Asks the daemon what was imported before.
    ///
    /// Errors: those of the call.
    [[nodiscard]] core::Result<void> open();
    void take(Imported imported);
    /// The summary; the exit status.
    [[nodiscard]] int finish();

private:
    void add(Imported& imported);
    void show(const Imported& imported);
    [[nodiscard]] nlohmann::json json_of(const Imported& imported) const;
    /// Who hears of failures.
    void tell_of_channel();

    Context& context_;
    Scheduler scheduler_;
    bool preview_;
    std::optional<ipc::Client> client_{};
    std::set<std::string> marks_{};
    nlohmann::json all_ = nlohmann::json::array();
    std::size_t taken_ = 0, added_ = 0, there_ = 0, refused_ = 0;
};

}  // namespace taskd::cli
