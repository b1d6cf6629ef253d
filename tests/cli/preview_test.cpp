// SPDX-License-Identifier: Apache-2.0
#include "cli/preview.h"

#include "core/rfc3339.h"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

namespace taskd::cli {
namespace {

using core::TimeZone;

// Tuesday, ten in the morning in Berlin.
const core::Timestamp tuesday = core::parse_utc("2026-11-24T09:00:00Z").value();

core::Result<Preview> preview(const PreviewRequest& request) {
    return preview_of(request, tuesday, TimeZone::load("Europe/Berlin").value());
}

PreviewRequest request_for(const std::string& rule, std::size_t count = 3) {
    PreviewRequest request;
    request.rule = rule;
    request.count = count;
    return request;
}

std::vector<std::string> slots_of(const PreviewRequest& request) {
    const auto shown = preview(request);
    if (!shown) FAIL(shown.error().message);
    std::vector<std::string> slots;
    for (const auto& slot : shown->slots)
        slots.push_back(core::format(slot.time) + (slot.mark.empty() ? "" : " " + slot.mark));
    return slots;
}

using Slots = std::vector<std::string>;

TEST_CASE("preview: the next slots from now on") {
    CHECK(slots_of(request_for("weekdays at 9:30")) == Slots{"2026-11-25T09:30:00+01:00",
                                                             "2026-11-26T09:30:00+01:00",
                                                             "2026-11-27T09:30:00+01:00"});
    CHECK(slots_of(request_for("every day")) == Slots{"2026-11-24", "2026-11-25", "2026-11-26"});
    CHECK(slots_of(request_for("0 9 * * 1 America/New_York", 1)) ==
          Slots{"2026-11-30T09:00:00-05:00"});
    const auto ending = preview(request_for("every day, 2 times")).value();
    CHECK(ending.slots.size() == 2);
    CHECK(ending.ends);
}

TEST_CASE("preview: a change of the clock marks the slots that it moves") {
    auto request = request_for("every day at 2:30", 2);
    request.from = "2027-03-27";
    CHECK(slots_of(request) == Slots{"2027-03-27T02:30:00+01:00",
                                     "2027-03-28T03:30:00+02:00 shifted: 02:30 does not exist"});
    request.from = "2026-10-24";
    CHECK(slots_of(request) ==
          Slots{"2026-10-24T02:30:00+02:00", "2026-10-25T02:30:00+02:00 the first of two 02:30"});
}

TEST_CASE("preview: a span of time has both its ends") {
    PreviewRequest request;
    request.rule = "every day at 9:00";
    request.between = "2027-01-01..2027-01-03";
    CHECK(slots_of(request) == Slots{"2027-01-01T09:00:00+01:00", "2027-01-02T09:00:00+01:00",
                                     "2027-01-03T09:00:00+01:00"});
    request.between = "2027-01-01 10:00..2027-01-02 9:00";
    CHECK(slots_of(request) == Slots{"2027-01-02T09:00:00+01:00"});
    // A begin of its own stays, and the span only shows a part.
    request.rule = "every 2 days at 9:00 starting 2027-01-02";
    request.between = "2027-01-01..2027-01-05";
    CHECK(slots_of(request) == Slots{"2027-01-02T09:00:00+01:00", "2027-01-04T09:00:00+01:00"});
    request.between = "2026-12-01..2026-12-05";
    CHECK(preview(request)->slots.empty());
    for (const auto* const bad :
         {"2027-01-01", "..", "today..", "soon..today", "tomorrow..today"}) {
        request.between = bad;
        CAPTURE(bad);
        REQUIRE_FALSE(preview(request));
        CHECK(preview(request).error().field == "between");
    }
}

TEST_CASE("preview: after completion counts from now, then from each slot") {
    CHECK(slots_of(request_for("3 days after completion at 18:00", 2)) ==
          Slots{"2026-11-27T18:00:00+01:00", "2026-11-30T18:00:00+01:00"});
    auto request = request_for("every week on mon", 2);
    request.after_completion = true;
    CHECK(slots_of(request) == Slots{"2026-11-30", "2026-12-07"});
}

TEST_CASE("preview: warnings") {
    const auto warnings = [](PreviewRequest request) { return preview(request)->warnings; };
    CHECK(warnings(request_for("weekdays")).empty());
    CHECK(warnings(request_for("tue starting fri")) ==
          Slots{"Fri 2026-11-27 is not a slot of the rule; it starts on Tue 2026-12-01"});
    auto request = request_for("tue");
    request.at = "2026-12-03 9:00";
    CHECK(warnings(request).at(0) ==
          "Thu 2026-12-03 09:00 is not a slot of the rule; it starts on Tue 2026-12-08 09:00");
    CHECK_THAT(warnings(request_for("month on the 31st")).at(0),
               Catch::Contains("or the last day"));
    CHECK(warnings(request_for("month on the 31st or the last day")).empty());
}

TEST_CASE("preview: what can't be shown is refused on its option") {
    auto request = request_for("every day at 9:00");
    request.at = "10:00";
    CHECK(preview(request).error().field == "at");
    request.at = "";
    request.from = "soon";
    CHECK(preview(request).error().field == "from");
    request.from = "today";
    request.between = "today..tomorrow";
    CHECK(preview(request).error().field == "between");
    CHECK(preview(request_for("FREQ=DAILY;UNTIL=20200101")).error().field == "rrule");
}

}  // namespace
}  // namespace taskd::cli
