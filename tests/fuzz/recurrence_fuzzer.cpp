// SPDX-License-Identifier: Apache-2.0
// Any text as a recurrence: DTSTART, the zone and the properties, a line each. Beyond not crashing:
// no step takes long or much memory (run with -rss_limit_mb=512), and what goes up comes down.
#include "core/recurrence_text.h"
#include "core/text.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace taskd::core;

/// 50 times of what a rule may take, since the sanitizers cost as much.
constexpr std::chrono::milliseconds step_max{500};

void require(bool condition, const char* what) {
    if (condition) return;
    std::fprintf(stderr, "broken: %s\n", what);
    std::abort();
}

template <class Step>
auto timed(const char* name, const Step& step) {
    const auto begin = std::chrono::steady_clock::now();
    auto result = step();
    require(std::chrono::steady_clock::now() - begin < step_max, name);
    return result;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    auto lines = split(std::string_view(reinterpret_cast<const char*>(data), size), '\n');
    lines.resize(std::max<std::size_t>(lines.size(), 2));
    const std::vector<std::string> properties(lines.begin() + 2, lines.end());
    const auto spec =
        timed("parse", [&] { return parse_recurrence(lines[0], lines[1], properties); });
    if (!spec) return 0;
    const auto slots = timed("compile", [&] { return Recurrence::compile(*spec); });
    if (!slots || !slots->first_slot()) return 0;
    const Slot first = *slots->first_slot();
    require(slots->contains(first.id), "the first slot is one");
    require(!timed("prev_before first", [&] { return slots->prev_before(first); }),
            "nothing is before the first slot");
    const auto next = timed("next_after", [&] { return slots->next_after(first); });
    if (next) {
        require(first < *next, "the next slot is a later one");
        require(timed("prev_before", [&] { return slots->prev_before(*next); }) == first,
                "the slot before the next one");
    }
    const Timestamp far{std::chrono::seconds{4'000'000'000}};
    const auto later = timed("next_after far", [&] { return slots->next_after(far); });
    require(!later || later->at > far, "the next slot happens later");
    return 0;
}
