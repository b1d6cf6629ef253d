// SPDX-License-Identifier: Apache-2.0
// Any bytes as an RRULE. Beyond not crashing: an error is bounded and on its field, and the normal
// form of a rule is read back as the same rule.
#include "core/rrule.h"

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace {

using namespace taskd::core;

constexpr std::size_t message_bytes_max = 1000;

void require(bool condition, const char* what) {
    if (condition) return;
    std::fprintf(stderr, "broken: %s\n", what);
    std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto rule = parse_rrule({reinterpret_cast<const char*>(data), size});
    if (!rule) {
        require(rule.error().field == "rrule", "an error names its field");
        require(rule.error().message.size() < message_bytes_max, "a message is bounded");
        return 0;
    }
    const auto again = parse_rrule(format_rrule(*rule));
    require(again.has_value(), "the normal form can be read");
    require(*again == *rule, "the normal form is of the same rule");
    return 0;
}
