// SPDX-License-Identifier: Apache-2.0
#include "core/policies.h"

#include "core/span.h"
#include "core/text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace taskd::core {
namespace {

using std::chrono::seconds;

template <class T, std::size_t n>
using Names = std::array<std::pair<T, std::string_view>, n>;

// Stored and sent: do not change.
constexpr Names<Anchor, 2> anchors{
    {{Anchor::schedule, "schedule"}, {Anchor::completion, "completion"}}};
constexpr Names<Overlap, 2> overlaps{{{Overlap::one, "one"}, {Overlap::stack, "stack"}}};
constexpr Names<CatchUp, 3> catch_ups{
    {{CatchUp::skip, "skip"}, {CatchUp::latest, "latest"}, {CatchUp::all, "all"}}};
constexpr Names<Shift, 4> shifts{{{Shift::none, "none"},
                                  {Shift::next, "next"},
                                  {Shift::previous, "previous"},
                                  {Shift::skip, "skip"}}};

template <class T, std::size_t n>
std::string name_of(const Names<T, n>& names, T value) {
    for (const auto& [candidate, name] : names)
        if (candidate == value) return std::string(name);
    return {};
}

Result<void> read(const char* field, const std::string& word, const auto& names, auto& into) {
    std::vector<std::string> known;
    for (const auto& [value, name] : names) {
        if (name == word) {
            into = value;
            return {};
        }
        known.emplace_back(name);
    }
    return invalid_argument(field, "\"" + clipped(word, 64) + "\" is not one of " +
                                       join(known, ", ") + " (or default)");
}

Result<void> read_span(const char* field, const std::string& word, seconds& into) {
    const auto span = parse_span(field, word);
    if (!span) return tl::unexpected(span.error());
    into = *span;
    return {};
}

Result<void> read_max(const std::string& word, std::int64_t& into) {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    if (error != std::errc{} || end != word.data() + word.size() || value < 1 ||
        value > catch_up_max)
        return invalid_argument(
            "max", "\"" + clipped(word, 64) + "\" is not accepted; use 1 to 1000, or default");
    into = value;
    return {};
}

void forget(std::vector<std::string>& names, const std::string& name) {
    names.erase(std::remove(names.begin(), names.end(), name), names.end());
}

std::string span_words(seconds span) {
    return span.count() == 0 ? "none" : format_span(span);
}

}  // namespace

std::int64_t effective_max(const Policies& policies) {
    const bool stacks_all = policies.overlap == Overlap::stack && policies.catch_up == CatchUp::all;
    return policies.max == 0 && stacks_all ? catch_up_max_default : policies.max;
}

Result<Policies> applied(Policies policies, const PolicyWords& words, bool later) {
    const Policies defaults;
    Result<void> good;
    const auto take = [&](const char* name, const std::optional<std::string>& word, auto& into,
                          const auto& without, const auto& reader) {
        if (!word || !good) return;
        forget(policies.given, name);
        forget(policies.changed, name);
        if (*word == "default") {
            into = without;
            if (later) policies.changed.emplace_back(name);
            return;
        }
        good = reader(name, *word, into);
        (later ? policies.changed : policies.given).emplace_back(name);
    };
    const auto one_of = [](const auto& names) {
        return [&names](const char* name, const std::string& word, auto& into) {
            return read(name, word, names, into);
        };
    };
    const auto maximum = [](const char*, const std::string& word, auto& into) {
        return read_max(word, into);
    };
    take("anchor", words.anchor, policies.anchor, defaults.anchor, one_of(anchors));
    take("overlap", words.overlap, policies.overlap, defaults.overlap, one_of(overlaps));
    take("catch_up", words.catch_up, policies.catch_up, defaults.catch_up, one_of(catch_ups));
    take("window", words.window, policies.window, defaults.window, read_span);
    take("max", words.max, policies.max, defaults.max, maximum);
    take("spread", words.spread, policies.spread, defaults.spread, read_span);
    take("min_gap", words.min_gap, policies.min_gap, defaults.min_gap, read_span);
    take("shift", words.shift, policies.shift, defaults.shift, one_of(shifts));
    if (!good) return tl::unexpected(good.error());
    return policies;
}

Result<void> check_policies(const Policies& p, const Rrule& rule) {
    const bool completion = p.anchor == Anchor::completion;
    const bool stack = p.overlap == Overlap::stack;
    const bool skips = p.catch_up == CatchUp::skip;
    struct Contradiction {
        bool holds;
        const char* field;
        const char* why;
    };
    const std::array contradictions{
        Contradiction{completion && stack, "overlap",
                      "stack makes each slot at its time, and with anchor completion there is no "
                      "next slot until the last was done; use one of the two"},
        Contradiction{completion && !skips, "catch_up",
                      "with anchor completion nothing passes that could be caught up with; use "
                      "skip"},
        Contradiction{skips && p.window.count() != 0, "window",
                      "says which missed slots to catch up with, and catch_up skip catches up with "
                      "none; use catch_up latest or all"},
        Contradiction{p.catch_up != CatchUp::all && p.max != 0, "max",
                      "says how many missed slots to catch up with; use it with catch_up all"},
        Contradiction{p.spread.count() != 0 && (p.catch_up != CatchUp::all || !stack), "spread",
                      "says how far apart missed slots come when several would come at once; use "
                      "it with overlap stack and catch_up all"},
        Contradiction{p.min_gap.count() != 0 && stack, "min_gap",
                      "counts from when the last was done, which overlap stack does not wait for; "
                      "use overlap one"},
        Contradiction{p.min_gap.count() != 0 && !skips, "min_gap",
                      "keeps the next one off, and catching up asks for it at once; use catch_up "
                      "skip"},
        Contradiction{p.shift != Shift::none && rule.frequency < Frequency::daily, "shift",
                      "moves slots by whole days; use it with a rule of days or longer"},
    };
    for (const auto& [holds, field, why] : contradictions)
        if (holds) return invalid_argument(field, why);
    return {};
}

std::vector<PolicyView> describe(const Policies& p) {
    const std::int64_t max = effective_max(p);
    std::vector<PolicyView> views{
        {"anchor", name_of(anchors, p.anchor), {}},
        {"overlap", name_of(overlaps, p.overlap), {}},
        {"catch_up", name_of(catch_ups, p.catch_up), {}},
        {"window", span_words(p.window), {}},
        {"max", max == 0 ? "none" : std::to_string(max), {}},
        {"spread", span_words(p.spread), {}},
        {"min_gap", span_words(p.min_gap), {}},
        {"shift", name_of(shifts, p.shift), {}},
    };
    for (auto& view : views) {
        const auto in = [&](const auto& names) {
            return std::find(names.begin(), names.end(), view.name) != names.end();
        };
        view.origin = in(p.changed) ? "changed" : in(p.given) ? "add" : "default";
    }
    return views;
}

}  // namespace taskd::core
