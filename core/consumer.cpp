// SPDX-License-Identifier: Apache-2.0
#include "core/consumer.h"

#include "core/check.h"
#include "core/text.h"

#include <algorithm>

namespace taskd::core {
namespace {

constexpr std::size_t name_bytes_max = 64;

Result<void> check_range(const char* field, std::int64_t value, std::int64_t max) {
    if (value >= 1 && value <= max) return {};
    return invalid_argument(
        field, std::to_string(value) + " is not accepted; use 1 to " + std::to_string(max));
}

}  // namespace

bool same_definition(const Consumer& a, const Consumer& b) {
    return a.filter == b.filter && a.lease == b.lease && a.max_in_flight == b.max_in_flight &&
           a.retry == b.retry;
}

Result<void> check_consumer(const Consumer& consumer) {
    const std::string& name = consumer.name;
    if (name.empty() || name.size() > name_bytes_max || has_control(name) ||
        name.find_first_of(" \t,\"/") != std::string::npos)
        return invalid_argument("name", "\"" + clipped(name, 64) +
                                            "\" is not a name; use one word of up to 64 bytes, "
                                            "such as billing");
    for (const auto& [field, value, max] :
         {std::tuple<const char*, std::int64_t, std::int64_t>{
              "lease_ms", std::int64_t{consumer.lease.count()}, lease_ms_max},
          {"max_in_flight", consumer.max_in_flight, unsettled_max},
          {"attempts_max", consumer.retry.attempts_max, attempts_most},
          {"backoff_ms", std::int64_t{consumer.retry.initial.count()}, lease_ms_max},
          {"backoff_max_ms", std::int64_t{consumer.retry.max.count()}, lease_ms_max}})
        if (auto good = check_range(field, value, max); !good) return good;
    const auto filter = EventFilter::make(consumer.filter);
    if (!filter) return tl::unexpected(filter.error());
    return {};
}

std::string_view to_string(UnsettledState state) {
    switch (state) {
    case UnsettledState::leased:
        return "leased";
    case UnsettledState::waiting:
        return "waiting";
    case UnsettledState::held:
        return "held";
    }
    check(false, "an unsettled event has a state");
    return "";
}

UnsettledState unsettled_state_from(std::string_view word) {
    for (const auto state : {UnsettledState::leased, UnsettledState::waiting, UnsettledState::held})
        if (to_string(state) == word) return state;
    check(false, "a state that is stored is one of ours");
    return UnsettledState::held;
}

Unsettled leased(Unsettled row, const Consumer& consumer, const std::string& member,
                 Timestamp now) {
    row.state = UnsettledState::leased;
    row.due = now + consumer.lease;
    row.member = member;
    row.fence = consumer.fence;
    row.attempts += 1;
    return row;
}

std::optional<Unsettled> failed(Unsettled row, const Consumer& consumer, const std::string& reason,
                                const std::optional<std::chrono::milliseconds>& delay,
                                Timestamp now, std::uint64_t random_bits) {
    const auto wait = next_attempt(consumer.retry, static_cast<int>(row.attempts), random_bits);
    if (!wait) return {};
    row.state = UnsettledState::waiting;
    row.due = now + delay.value_or(*wait);
    row.reason = reason;
    return row;
}

std::optional<Unsettled> lapsed(Unsettled row, const Consumer& consumer, Timestamp now) {
    if (row.attempts >= consumer.retry.attempts_max) return {};
    row.state = UnsettledState::waiting;
    row.due = now;
    row.reason = "the lease of " + row.member + " ran out";
    return row;
}

Unsettled released(Unsettled row, Timestamp now) {
    row.state = UnsettledState::waiting;
    row.due = now;
    row.attempts = std::max<std::int64_t>(0, row.attempts - 1);
    return row;
}

}  // namespace taskd::core
