// SPDX-License-Identifier: Apache-2.0
#include "core/chain.h"

#include "core/instant_text.h"

#include <catch2/catch.hpp>

namespace taskd::core {
namespace {

Timestamp at(const char* text) {
    return *parse_utc(text);
}

LocalTime local(const char* text) {
    return *parse_local(text);
}

ChainLink link_at(LocalTime slot, const char* tzid) {
    ChainLink link;
    link.user = UserId{"ada"};
    link.task = ForeignId{"1"};
    link.first = link.slot = slot;
    link.tzid = tzid;
    return link;
}

/// The instants that follow when each occurrence is completed at its time.
std::vector<std::string> chain(const char* pattern, const char* first, const char* tzid,
                               int count) {
    const auto rule = parse_pattern(pattern);
    REQUIRE(rule.has_value());
    const auto zone = *TimeZone::load(tzid);
    ChainLink link = link_at(local(first), tzid);
    std::vector<std::string> times;
    for (int i = 0; i < count; ++i) {
        const auto next = next_in_chain(link, *rule, zone.to_utc(link.slot).at);
        REQUIRE(next.has_value());
        if (!*next) break;
        times.push_back(instant_text((*next)->at));
        link.slot = (*next)->local;
    }
    return times;
}

TEST_CASE("the 31st does not drift, as the chain remembers its first date") {
    CHECK(chain("MONTHLY", "2027-01-31T09:00:00", "UTC", 4) ==
          std::vector<std::string>{"2027-02-28T09:00:00Z", "2027-03-31T09:00:00Z",
                                   "2027-04-30T09:00:00Z", "2027-05-31T09:00:00Z"});
    CHECK(chain("yearly", "2028-02-29T09:00:00", "UTC", 4) ==
          std::vector<std::string>{"2029-02-28T09:00:00Z", "2030-02-28T09:00:00Z",
                                   "2031-02-28T09:00:00Z", "2032-02-29T09:00:00Z"});
}

TEST_CASE("a chain keeps its local time when the clock changes") {
    CHECK(chain("DAILY", "2027-03-27T09:00:00", "Europe/Berlin", 2) ==
          std::vector<std::string>{"2027-03-28T07:00:00Z", "2027-03-29T07:00:00Z"});
}

TEST_CASE("rules end") {
    CHECK(chain("RRULE:FREQ=WEEKLY;COUNT=3", "2027-03-01T09:00:00", "UTC", 9).size() == 2);
    CHECK(chain("FREQ=WEEKLY;UNTIL=20270310T000000Z", "2027-03-01T09:00:00", "UTC", 9).size() == 1);
}

TEST_CASE("what comes next is after both the slot and its completion") {
    const auto rule = *parse_pattern("DAILY");
    const auto first = local("2027-03-01T09:00:00");
    const ChainLink link = link_at(first, "UTC");
    const auto next = [&](const char* completed) {
        return instant_text((**next_in_chain(link, rule, at(completed))).at);
    };
    CHECK(next("2027-03-01T09:00:00Z") == "2027-03-02T09:00:00Z");
    CHECK(next("2027-02-20T12:00:00Z") == "2027-03-02T09:00:00Z");  // done early
    CHECK(next("2027-03-04T12:00:00Z") == "2027-03-05T09:00:00Z");  // done late
    CHECK(next("2027-03-04T08:59:59Z") == "2027-03-04T09:00:00Z");
}

TEST_CASE("a pattern that is none names itself and what is accepted") {
    for (const char* text : {"", "SOMETIMES", "FREQ=NEVER", "DAILY;WEEKLY"}) {
        const auto rule = parse_pattern(text);
        REQUIRE_FALSE(rule.has_value());
        CHECK(rule.error().field == "recurring_pattern");
        CHECK(rule.error().message.find("DAILY, WEEKLY, MONTHLY, YEARLY") != std::string::npos);
    }
    const auto lost = next_in_chain(link_at({}, "Nowhere/Lost"), *parse_pattern("DAILY"),
                                    at("2027-03-01T09:00:00Z"));
    REQUIRE_FALSE(lost.has_value());
    CHECK(lost.error().field == "tz");
}

}  // namespace
}  // namespace taskd::core
