// SPDX-License-Identifier: Apache-2.0
// Any bytes as a rule and as a time in words. Beyond not crashing: errors are bounded and on their
// field, a time can be written, and the description of a rule is read back as the same rule.
#include "core/cron.h"
#include "core/describe.h"
#include "core/phrase.h"
#include "core/rfc3339.h"
#include "core/when.h"

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace {

using namespace taskd::core;

constexpr std::size_t message_bytes_max = 5000;

void require(bool condition, const char* what) {
    if (condition) return;
    std::fprintf(stderr, "broken: %s\n", what);
    std::abort();
}

void check_error(const Error& error, std::string_view field) {
    require(error.field == field, "an error names its field");
    require(error.message.size() < message_bytes_max, "a message is bounded");
}

/// A phrase or a cron line; RRULEs have a target of their own.
void check_rule(std::string_view text) {
    const auto every = parse_every(text);
    if (!every) return check_error(every.error(), "every");
    const CalendarTime day{parse_local("2026-11-24T09:30:00").value(), false, "UTC", {}};
    const auto words = describe_zoned(every->rule, day);
    const auto again = parse_every(words);
    require(again.has_value(), "a description can be read");
    require(spelt_out(again->rule, day) == spelt_out(every->rule, day),
            "a description is of the same rule");
}

void check_time(const Result<When>& when) {
    if (!when) return check_error(when.error(), "due");
    require(parse_utc(format_utc(when->time.at)) == when->time.at, "a time can be written");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const Timestamp now = parse_utc("2026-11-24T09:00:00Z").value();
    check_rule(text);
    if (!parse_cron(text)) static_cast<void>(looks_like_cron(text));
    check_time(parse_when("due", text, now, TimeZone::utc()));
    check_time(parse_until("due", text, now, TimeZone::utc()));
    return 0;
}
