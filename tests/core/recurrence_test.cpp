// SPDX-License-Identifier: Apache-2.0
#include "core/recurrence.h"

#include "core/calendar_time.h"
#include "core/rfc3339.h"
#include "core/text.h"
#include "tests/support/seeded_random.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <string>
#include <vector>

namespace taskd::core {
namespace {

using namespace std::chrono_literals;
using std::chrono::days;
using std::chrono::floor;
using std::chrono::local_days;
using std::chrono::months;
using std::chrono::seconds;
using std::chrono::year;
using std::chrono::year_month_day;
using test::SeededRandom;

LocalTime local(const std::string& text) {
    return parse_local(text).value();
}

Recurrence recurrence(const std::string& rule, const std::string& dtstart,
                      const std::string& zone = "UTC") {
    auto made =
        Recurrence::make(parse_rrule(rule).value(), local(dtstart), TimeZone::load(zone).value());
    INFO(rule << " from " << dtstart);
    REQUIRE(made);
    return *made;
}

std::vector<LocalTime> first_slots(const Recurrence& slots, std::size_t count) {
    std::vector<LocalTime> found;
    for (auto slot = std::optional(slots.first()); slot && found.size() < count;
         slot = slots.next_after(*slot))
        found.push_back(*slot);
    return found;
}

std::string dates(const std::vector<LocalTime>& slots) {
    std::vector<std::string> texts;
    for (const auto slot : slots) texts.push_back(format_date(slot));
    return join(texts, " ");
}

// ---------------------------------------------------------------------------------------------
// The reference: every day from DTSTART on is asked whether the rule's parts want it, in the words
// of RFC 5545's table of "expand" and "limit". Slow and obvious.

unsigned weekday_of(local_days day) {
    return std::chrono::weekday{day}.iso_encoding() - 1;
}

local_days week_begin(local_days day, unsigned week_start) {
    while (weekday_of(day) != week_start) day -= days{1};
    return day;
}

/// Whether INTERVAL reaches the day, week, month or year that `day` lies in.
bool interval_reaches(const Rrule& rule, local_days start, local_days day) {
    const year_month_day from{start};
    const year_month_day date{day};
    const int years_apart = static_cast<int>(date.year()) - static_cast<int>(from.year());
    const int months_apart = years_apart * 12 +
                             static_cast<int>(static_cast<unsigned>(date.month())) -
                             static_cast<int>(static_cast<unsigned>(from.month()));
    const auto interval = static_cast<std::int64_t>(rule.interval);
    switch (rule.frequency) {
    default:
        break;
    case Frequency::daily:
        return (day - start).count() % interval == 0;
    case Frequency::weekly:
        return (week_begin(day, rule.week_start) - week_begin(start, rule.week_start)).count() / 7 %
                   interval ==
               0;
    case Frequency::monthly:
        return months_apart % interval == 0;
    case Frequency::yearly:
        return years_apart % interval == 0;
    }
    return false;
}

/// "The second Monday" is the one with exactly one more Monday before it in the same month or year.
bool is_nth_weekday(local_days day, int ordinal, bool in_month) {
    const auto same_span = [&](local_days other) {
        const year_month_day a{day};
        const year_month_day b{other};
        return a.year() == b.year() && (!in_month || a.month() == b.month());
    };
    int before = 0;
    int after = 0;
    for (auto other = day - days{7}; same_span(other); other -= days{7}) ++before;
    for (auto other = day + days{7}; same_span(other); other += days{7}) ++after;
    return ordinal > 0 ? before == ordinal - 1 : after == -ordinal - 1;
}

bool wanted_by_day(const Rrule& rule, local_days day) {
    return std::any_of(rule.by_day.begin(), rule.by_day.end(), [&](const WeekdayNum& wanted) {
        if (wanted.weekday != weekday_of(day)) return false;
        return wanted.ordinal == 0 ||
               is_nth_weekday(day, wanted.ordinal, rule.frequency == Frequency::monthly);
    });
}

bool wanted_by_month_day(const Rrule& rule, local_days day) {
    const year_month_day date{day};
    const year_month_day last{date.year() / date.month() / std::chrono::last};
    const int from_begin = static_cast<int>(static_cast<unsigned>(date.day()));
    const int from_end = from_begin - static_cast<int>(static_cast<unsigned>(last.day())) - 1;
    return std::any_of(rule.by_month_day.begin(), rule.by_month_day.end(),
                       [&](int wanted) { return wanted == from_begin || wanted == from_end; });
}

/// Without a BY part, what DTSTART has in common with each slot.
bool like_dtstart(const Rrule& rule, local_days start, local_days day) {
    const year_month_day from{start};
    const year_month_day date{day};
    switch (rule.frequency) {
    default:
        break;
    case Frequency::daily:
        return true;
    case Frequency::weekly:
        return weekday_of(start) == weekday_of(day);
    case Frequency::monthly:
        return date.day() == from.day();
    case Frequency::yearly:
        return date.day() == from.day() && date.month() == from.month();
    }
    return false;
}

bool wanted(const Rrule& rule, local_days start, local_days day) {
    if (!interval_reaches(rule, start, day)) return false;
    if (rule.by_day.empty() && rule.by_month_day.empty()) return like_dtstart(rule, start, day);
    return (rule.by_day.empty() || wanted_by_day(rule, day)) &&
           (rule.by_month_day.empty() || wanted_by_month_day(rule, day));
}

/// Every slot up to the end of the day `horizon`. UNTIL in UTC is read as in the zone UTC.
std::vector<LocalTime> reference(const Rrule& rule, LocalTime dtstart, local_days horizon) {
    std::vector<LocalTime> slots;
    const auto start = floor<days>(dtstart);
    for (local_days day = start; day <= horizon; day += days{1}) {
        const LocalTime slot = day + (dtstart - start);
        if (rule.until && !rule.until->is_date && slot > rule.until->local) break;
        if (rule.until && rule.until->is_date && day > floor<days>(rule.until->local)) break;
        if (rule.count && slots.size() == *rule.count) break;
        if (wanted(rule, start, day)) slots.push_back(slot);
    }
    return slots;
}

template <class T>
T pick(SeededRandom& random, const std::vector<T>& choices) {
    return choices[static_cast<std::size_t>(
        random.between(0, static_cast<std::int64_t>(choices.size()) - 1))];
}

LocalTime random_dtstart(SeededRandom& random) {
    // Month ends and leap days are where rules go wrong: half of the starts lie there.
    static const std::vector<std::string> edges{
        "2024-02-29", "2000-02-29", "2026-01-31", "2026-01-01", "2026-12-31", "2027-02-28",
        "2026-03-30", "2023-12-29", "1999-12-31", "2096-02-29", "2100-02-28"};
    const LocalTime day = random.one_in(2) ? local(pick(random, edges))
                                           : LocalTime{days{random.between(10'000, 25'000)}};
    static const std::vector<seconds> times{0s, 9h, 9h + 30min, 23h + 59min + 59s};
    return day + pick(random, times);
}

Rrule random_rule(SeededRandom& random, LocalTime dtstart) {
    Rrule rule;
    rule.frequency = static_cast<Frequency>(random.between(3, 6));
    const bool yearly = rule.frequency == Frequency::yearly;
    const bool ordinals = yearly || rule.frequency == Frequency::monthly;
    rule.interval = static_cast<std::uint32_t>(
        random.one_in(2) ? 1
                         : random.between(2, yearly                                 ? 4
                                             : rule.frequency == Frequency::monthly ? 14
                                                                                    : 40));
    rule.week_start = static_cast<unsigned>(random.one_in(2) ? 0 : random.between(0, 6));
    if (random.one_in(2)) {
        for (auto left = random.between(1, 3); left > 0; --left)
            rule.by_day.push_back(
                {ordinals && random.one_in(2)
                     ? static_cast<int>(random.between(yearly ? -53 : -5, yearly ? 53 : 5))
                     : 0,
                 static_cast<unsigned>(random.between(0, 6))});
    }
    if (rule.frequency != Frequency::weekly && random.one_in(2)) {
        for (auto left = random.between(1, 3); left > 0; --left)
            if (const auto day = static_cast<int>(random.between(-31, 31)); day != 0)
                rule.by_month_day.push_back(day);
    }
    if (random.one_in(4)) {
        rule.count = static_cast<std::uint32_t>(random.between(1, 60));
    } else if (random.one_in(3)) {
        const auto end =
            dtstart + days{random.between(-10, 1000)} + std::chrono::hours{random.between(-2, 2)};
        rule.until = random.one_in(2) ? Until{LocalTime{floor<days>(end)}, true, false}
                                      : Until{end, false, random.one_in(2)};
    }
    // As the parser leaves them: sorted, without repeats.
    return parse_rrule(format_rrule(rule)).value();
}

TEST_CASE("random rules give the slots that a walk over every day gives") {
    constexpr int rules = 2100;
    SeededRandom random(20261124);
    const auto zone = TimeZone::utc();
    int with_slots = 0;
    for (int round = 0; round < rules; ++round) {
        const auto dtstart = random_dtstart(random);
        const auto rule = random_rule(random, dtstart);
        const auto horizon =
            floor<days>(dtstart) + days{rule.frequency == Frequency::yearly ? 3000 : 1000};
        const LocalTime end = horizon + days{1} - seconds{1};
        const auto expected = reference(rule, dtstart, horizon);
        CAPTURE(round, format_rrule(rule), format_local(dtstart));

        const auto made = Recurrence::make(rule, dtstart, zone);
        if (!made) {
            REQUIRE(expected.empty());
            continue;
        }
        if (expected.empty()) {
            REQUIRE(made->first() > end);
            REQUIRE_FALSE(made->prev_before(end));
            REQUIRE(made->count_in(dtstart, end) == 0);
            continue;
        }
        ++with_slots;
        REQUIRE(made->first() == expected.front());

        std::vector<LocalTime> forward;
        for (auto slot = made->next_after(dtstart - seconds{1}); slot && *slot <= end;
             slot = made->next_after(*slot))
            forward.push_back(*slot);
        REQUIRE(dates(forward) == dates(expected));
        REQUIRE(forward == expected);

        std::vector<LocalTime> backward;
        for (auto slot = made->prev_before(end + seconds{1}); slot; slot = made->prev_before(*slot))
            backward.insert(backward.begin(), *slot);
        REQUIRE(dates(backward) == dates(expected));

        for (int probe = 0; probe < 12; ++probe) {
            // A slot, a second beside one, or anywhere, also before DTSTART.
            const auto time =
                random.one_in(2)
                    ? pick(random, expected) + seconds{random.between(-1, 1)}
                    : dtstart + seconds{random.between(-86400 * 40, (end - dtstart).count())};
            const auto after = std::upper_bound(expected.begin(), expected.end(), time);
            const auto from = std::lower_bound(expected.begin(), expected.end(), time);
            CAPTURE(format_local(time));
            if (after != expected.end()) REQUIRE(made->next_after(time) == *after);
            REQUIRE(made->prev_before(time) ==
                    (from == expected.begin() ? std::nullopt : std::optional(*std::prev(from))));
            REQUIRE(made->contains(time) == (from != after));
            const auto to = std::min(end, time + seconds{random.between(-86400, 86400 * 500)});
            const auto last = std::upper_bound(expected.begin(), expected.end(), to);
            REQUIRE(made->count_in(time, to) ==
                    static_cast<std::uint64_t>(std::max<std::ptrdiff_t>(0, last - from)));
        }
    }
    CHECK(with_slots > rules / 2);
}

// ---------------------------------------------------------------------------------------------

/// "1997 9/2-4 9/8 1998 1/1" -> the dates, as format_date writes them.
std::string printed(const std::string& text) {
    std::vector<std::string> result;
    int in_year = 0;
    for (const auto& word : words_of(text)) {
        const auto slash = word.find('/');
        if (slash == std::string::npos) {
            in_year = std::stoi(word);
            continue;
        }
        const auto dash = word.find('-');
        const int month = std::stoi(word.substr(0, slash));
        const int from = std::stoi(word.substr(slash + 1));
        const int to = dash == std::string::npos ? from : std::stoi(word.substr(dash + 1));
        for (int day = from; day <= to; ++day)
            result.push_back(format_date(LocalTime{local_days{year{in_year} / month / day}}));
    }
    return join(result, " ");
}

TEST_CASE("the examples of RFC 5545 section 3.8.5.3 give their printed results") {
    struct Row {
        std::string dtstart;
        std::string rule;
        std::string slots;
        bool ends = true;
    };
    const auto row = GENERATE(values<Row>({
        {"1997-09-02", "FREQ=DAILY;COUNT=10", "1997 9/2-11"},
        {"1997-09-02", "FREQ=DAILY;UNTIL=19971224T000000Z", "1997 9/2-30 10/1-31 11/1-30 12/1-23"},
        {"1997-09-02", "FREQ=DAILY;INTERVAL=2",
         "1997 9/2 9/4 9/6 9/8 9/10 9/12 9/14 9/16 9/18 9/20 9/22 9/24 9/26 9/28 9/30 10/2 10/4",
         false},
        {"1997-09-02", "FREQ=DAILY;INTERVAL=10;COUNT=5", "1997 9/2 9/12 9/22 10/2 10/12"},
        {"1997-09-02", "FREQ=WEEKLY;COUNT=10",
         "1997 9/2 9/9 9/16 9/23 9/30 10/7 10/14 10/21 10/28 11/4"},
        {"1997-09-02", "FREQ=WEEKLY;UNTIL=19971224T000000Z",
         "1997 9/2 9/9 9/16 9/23 9/30 10/7 10/14 10/21 10/28 11/4 11/11 11/18 11/25 12/2 12/9 "
         "12/16 12/23"},
        {"1997-09-02", "FREQ=WEEKLY;INTERVAL=2;WKST=SU",
         "1997 9/2 9/16 9/30 10/14 10/28 11/11 11/25 12/9 12/23 1998 1/6 1/20 2/3 2/17", false},
        {"1997-09-02", "FREQ=WEEKLY;UNTIL=19971007T000000Z;WKST=SU;BYDAY=TU,TH",
         "1997 9/2 9/4 9/9 9/11 9/16 9/18 9/23 9/25 9/30 10/2"},
        {"1997-09-02", "FREQ=WEEKLY;COUNT=10;WKST=SU;BYDAY=TU,TH",
         "1997 9/2 9/4 9/9 9/11 9/16 9/18 9/23 9/25 9/30 10/2"},
        {"1997-09-01", "FREQ=WEEKLY;INTERVAL=2;UNTIL=19971224T000000Z;WKST=SU;BYDAY=MO,WE,FR",
         "1997 9/1 9/3 9/5 9/15 9/17 9/19 9/29 10/1 10/3 10/13 10/15 10/17 10/27 10/29 10/31 "
         "11/10 11/12 11/14 11/24 11/26 11/28 12/8 12/10 12/12 12/22"},
        {"1997-09-02", "FREQ=WEEKLY;INTERVAL=2;COUNT=8;WKST=SU;BYDAY=TU,TH",
         "1997 9/2 9/4 9/16 9/18 9/30 10/2 10/14 10/16"},
        {"1997-09-05", "FREQ=MONTHLY;COUNT=10;BYDAY=1FR",
         "1997 9/5 10/3 11/7 12/5 1998 1/2 2/6 3/6 4/3 5/1 6/5"},
        {"1997-09-05", "FREQ=MONTHLY;UNTIL=19971224T000000Z;BYDAY=1FR", "1997 9/5 10/3 11/7 12/5"},
        {"1997-09-07", "FREQ=MONTHLY;INTERVAL=2;COUNT=10;BYDAY=1SU,-1SU",
         "1997 9/7 9/28 11/2 11/30 1998 1/4 1/25 3/1 3/29 5/3 5/31"},
        {"1997-09-22", "FREQ=MONTHLY;COUNT=6;BYDAY=-2MO",
         "1997 9/22 10/20 11/17 12/22 1998 1/19 2/16"},
        {"1997-09-28", "FREQ=MONTHLY;BYMONTHDAY=-3", "1997 9/28 10/29 11/28 12/29 1998 1/29 2/26",
         false},
        {"1997-09-02", "FREQ=MONTHLY;COUNT=10;BYMONTHDAY=2,15",
         "1997 9/2 9/15 10/2 10/15 11/2 11/15 12/2 12/15 1998 1/2 1/15"},
        {"1997-09-30", "FREQ=MONTHLY;COUNT=10;BYMONTHDAY=1,-1",
         "1997 9/30 10/1 10/31 11/1 11/30 12/1 12/31 1998 1/1 1/31 2/1"},
        {"1997-09-10", "FREQ=MONTHLY;INTERVAL=18;COUNT=10;BYMONTHDAY=10,11,12,13,14,15",
         "1997 9/10-15 1999 3/10-13"},
        {"1997-09-02", "FREQ=MONTHLY;INTERVAL=2;BYDAY=TU",
         "1997 9/2 9/9 9/16 9/23 9/30 11/4 11/11 11/18 11/25 1998 1/6 1/13 1/20 1/27 3/3 3/10 3/17 "
         "3/24 3/31",
         false},
        {"1997-05-19", "FREQ=YEARLY;BYDAY=20MO", "1997 5/19 1998 5/18 1999 5/17", false},
        // EXDATE removes DTSTART there; here DTSTART is no slot to begin with.
        {"1997-09-02", "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13",
         "1998 2/13 3/13 11/13 1999 8/13 2000 10/13", false},
        {"1997-09-13", "FREQ=MONTHLY;BYDAY=SA;BYMONTHDAY=7,8,9,10,11,12,13",
         "1997 9/13 10/11 11/8 12/13 1998 1/10 2/7 3/7 4/11 5/9 6/13", false},
        {"1997-08-05", "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO",
         "1997 8/5 8/10 8/19 8/24"},
        {"1997-08-05", "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU",
         "1997 8/5 8/17 8/19 8/31"},
        {"2007-01-15", "FREQ=MONTHLY;BYMONTHDAY=15,30;COUNT=5", "2007 1/15 1/30 2/15 3/15 3/30"},
    }));
    CAPTURE(row.rule, row.dtstart);
    const auto slots = recurrence(row.rule, row.dtstart + "T09:00:00", "America/New_York");
    const auto expected = printed(row.slots);
    const auto shown =
        static_cast<std::size_t>(std::count(expected.begin(), expected.end(), ' ')) + 1;
    const auto found = first_slots(slots, shown);
    CHECK(dates(found) == expected);
    CHECK(std::all_of(found.begin(), found.end(),
                      [](LocalTime slot) { return slot - floor<days>(slot) == 9h; }));
    CHECK(slots.next_after(found.back()).has_value() == !row.ends);
}

TEST_CASE("the 31st doesn't drift") {
    CHECK(dates(first_slots(recurrence("FREQ=MONTHLY", "2026-01-31"), 7)) ==
          printed("2026 1/31 3/31 5/31 7/31 8/31 10/31 12/31"));
    CHECK(dates(first_slots(recurrence("FREQ=MONTHLY;BYMONTHDAY=-1", "2027-11-30"), 5)) ==
          printed("2027 11/30 12/31 2028 1/31 2/29 3/31"));
    CHECK(dates(first_slots(recurrence("FREQ=MONTHLY", "2026-01-29"), 3)) ==
          printed("2026 1/29 3/29 4/29"));
    CHECK(dates(first_slots(recurrence("FREQ=MONTHLY;INTERVAL=12", "2024-02-29"), 3)) ==
          printed("2024 2/29 2028 2/29 2032 2/29"));
    CHECK(dates(first_slots(recurrence("FREQ=YEARLY", "2096-02-29"), 3)) ==
          printed("2096 2/29 2104 2/29 2108 2/29"));
    CHECK(dates(first_slots(recurrence("FREQ=YEARLY;BYMONTHDAY=31", "2026-01-01"), 7)) ==
          printed("2026 1/31 3/31 5/31 7/31 8/31 10/31 12/31"));
    const auto monthly = recurrence("FREQ=MONTHLY", "2026-01-31");
    CHECK(monthly.next_after(local("9998-02-01")) == local("9998-03-31"));
}

TEST_CASE("a rule that never matches is refused") {
    struct Row {
        std::string rule;
        std::string dtstart;
    };
    const auto row = GENERATE(values<Row>({
        {"FREQ=MONTHLY;INTERVAL=12;BYMONTHDAY=30", "2026-02-01"},
        {"FREQ=MONTHLY;BYMONTHDAY=1;BYDAY=5MO", "2026-01-01"},
        {"FREQ=MONTHLY;BYMONTHDAY=31;BYDAY=1MO,2TU", "2026-01-01"},
        {"FREQ=YEARLY;BYDAY=1MO;BYMONTHDAY=31;INTERVAL=2", "2026-01-01"},
        {"FREQ=DAILY;INTERVAL=7;BYDAY=MO", "2026-01-06"},
        {"FREQ=DAILY;INTERVAL=100000;BYMONTHDAY=31;UNTIL=20270101", "2026-01-30"},
        {"FREQ=DAILY;UNTIL=20251231", "2026-01-01"},
        {"FREQ=DAILY;UNTIL=20260101T085959", "2026-01-01T09:00:00"},
        {"FREQ=MONTHLY;BYMONTHDAY=15;UNTIL=20260114", "2026-01-01"},
        {"FREQ=YEARLY;INTERVAL=100;BYDAY=53TU", "1900-06-01"},
    }));
    CAPTURE(row.rule, row.dtstart);
    const auto made =
        Recurrence::make(parse_rrule(row.rule).value(), local(row.dtstart), TimeZone::utc());
    REQUIRE_FALSE(made);
    CHECK(made.error().reason == Reason::invalid_argument);
    CHECK(made.error().field == "rrule");
    CHECK_THAT(made.error().message, Catch::Contains("impossible") || Catch::Contains("UNTIL"));
}

TEST_CASE("a rare rule is found however far away") {
    // The ninth Thursday of a year is the 29th of a month only as 29 February.
    CHECK(recurrence("FREQ=YEARLY;INTERVAL=4;BYMONTHDAY=29;BYDAY=9TH", "2024-03-01").first() ==
          local("2052-02-29"));
    CHECK(recurrence("FREQ=MONTHLY;INTERVAL=12;BYMONTHDAY=29;BYDAY=TU", "2001-02-01").first() ==
          local("2028-02-29"));
    CHECK(recurrence("FREQ=YEARLY;INTERVAL=1000", "2026-06-01").next_after(local("2026-06-01")) ==
          local("3026-06-01"));
    CHECK(recurrence("FREQ=DAILY;INTERVAL=100000", "2026-06-01").next_after(local("2026-06-01")) ==
          local("2026-06-01") + days{100000});
}

TEST_CASE("DTSTART that the rule doesn't match is not a slot") {
    const auto slots = recurrence("FREQ=WEEKLY;BYDAY=FR;COUNT=2", "2026-11-24T09:00:00");
    CHECK(dates(first_slots(slots, 5)) == printed("2026 11/27 12/4"));
    CHECK_FALSE(slots.contains(local("2026-11-24T09:00:00")));
}

TEST_CASE("COUNT and UNTIL end the rule, and both ends belong to it") {
    const auto five = recurrence("FREQ=DAILY;COUNT=5", "2026-11-24T09:00:00");
    CHECK_FALSE(five.next_after(local("2026-11-28T09:00:00")));
    CHECK(five.prev_before(local("9999-12-31")) == local("2026-11-28T09:00:00"));
    CHECK(five.count_in(local("0001-01-01"), local("9999-12-31")) == 5);
    CHECK_FALSE(five.contains(local("2026-11-29T09:00:00")));

    const auto until = recurrence("FREQ=DAILY;UNTIL=20261128T090000", "2026-11-24T09:00:00");
    CHECK(until.contains(local("2026-11-28T09:00:00")));
    CHECK_FALSE(until.contains(local("2026-11-29T09:00:00")));
    const auto before = recurrence("FREQ=DAILY;UNTIL=20261128T085959", "2026-11-24T09:00:00");
    CHECK_FALSE(before.contains(local("2026-11-28T09:00:00")));
    const auto through = recurrence("FREQ=DAILY;UNTIL=20261128", "2026-11-24T23:59:59");
    CHECK(through.contains(local("2026-11-28T23:59:59")));
    CHECK(first_slots(through, 10).size() == 5);

    const auto one = recurrence("FREQ=YEARLY;COUNT=1", "2026-11-24");
    CHECK_FALSE(one.next_after(one.first()));
    CHECK_FALSE(one.prev_before(one.first()));
    CHECK(one.contains(one.first()));
}

TEST_CASE("UNTIL in UTC is the last instant, also in a gap and a repeated hour") {
    struct Row {
        std::string rule;
        std::string dtstart;
        std::string last;
    };
    const auto row = GENERATE(values<Row>({
        {"FREQ=DAILY;UNTIL=20261127T080000Z", "2026-11-24T09:00:00", "2026-11-27"},
        {"FREQ=DAILY;UNTIL=20261127T075959Z", "2026-11-24T09:00:00", "2026-11-26"},
        // 2026-10-25 02:30 is 00:30Z, the first pass; 01:10Z is 02:10 of the second.
        {"FREQ=DAILY;UNTIL=20261025T011000Z", "2026-10-20T02:30:00", "2026-10-25"},
        {"FREQ=DAILY;UNTIL=20261025T003000Z", "2026-10-20T02:30:00", "2026-10-25"},
        {"FREQ=DAILY;UNTIL=20261025T002959Z", "2026-10-20T02:30:00", "2026-10-24"},
        // 2027-03-28 02:30 doesn't exist and happens at 03:30, 01:30Z.
        {"FREQ=DAILY;UNTIL=20270328T013000Z", "2027-03-20T02:30:00", "2027-03-28"},
        {"FREQ=DAILY;UNTIL=20270328T012959Z", "2027-03-20T02:30:00", "2027-03-27"},
        {"FREQ=DAILY;UNTIL=20270328T010000Z", "2027-03-20T02:30:00", "2027-03-27"},
    }));
    CAPTURE(row.rule, row.dtstart);
    const auto slots = recurrence(row.rule, row.dtstart, "Europe/Berlin");
    CHECK(format_date(slots.prev_before(local("9999-01-01")).value()) == row.last);
    CHECK_FALSE(slots.next_after(local(row.last + "T23:59:59")));
}

TEST_CASE("a rule whose only slot in reach lies after UNTIL in UTC is refused") {
    const auto made =
        Recurrence::make(parse_rrule("FREQ=DAILY;UNTIL=20270328T012959Z").value(),
                         local("2027-03-28T02:30:00"), TimeZone::load("Europe/Berlin").value());
    CHECK_FALSE(made);
}

TEST_CASE("a slot in a DST gap fires later by the gap, in a repeated hour on the first pass") {
    const auto zone = TimeZone::load("Europe/Berlin").value();
    const auto slots = recurrence("FREQ=DAILY", "2026-10-24T02:30:00", "Europe/Berlin");
    const auto fires = [&](const std::string& nominal) {
        CHECK(slots.contains(local(nominal)));
        return format(calendar_time(local(nominal), false, zone));
    };
    CHECK(fires("2027-03-27T02:30:00") == "2027-03-27T02:30:00+01:00");
    CHECK(fires("2027-03-28T02:30:00") == "2027-03-28T03:30:00+02:00");
    CHECK(fires("2027-03-29T02:30:00") == "2027-03-29T02:30:00+02:00");
    CHECK(fires("2026-10-24T02:30:00") == "2026-10-24T02:30:00+02:00");
    CHECK(fires("2026-10-25T02:30:00") == "2026-10-25T02:30:00+02:00");
    CHECK(fires("2026-10-26T02:30:00") == "2026-10-26T02:30:00+01:00");
}

TEST_CASE("a slot that BYSETPOS keeps is counted once, also behind a day that was begun") {
    const auto slots =
        recurrence("FREQ=HOURLY;BYMINUTE=2,7;BYSETPOS=1", "2031-04-28T08:00:00", "UTC");
    // 13:02 to 23:02, and the two days behind it to 13:02.
    CHECK(slots.count_in(local("2031-04-28T13:02:00"), local("2031-04-30T13:02:00")) ==
          11 + 24 + 14);
}

TEST_CASE("BYSETPOS counts a whole hour, also behind UNTIL") {
    const auto slots = recurrence("FREQ=HOURLY;BYMINUTE=0,30;BYSETPOS=-1;UNTIL=20260101T101500",
                                  "2026-01-01T09:00:00");
    CHECK(slots.contains(local("2026-01-01T09:30:00")));
    CHECK_FALSE(slots.next_after(local("2026-01-01T09:30:00")));
}

TEST_CASE("SKIP moves no day where BYMONTHDAY limits the days") {
    for (const std::string skip : {"BACKWARD", "FORWARD"})
        for (const std::string rule : {"FREQ=DAILY", "FREQ=HOURLY;INTERVAL=24"}) {
            CAPTURE(rule, skip);
            const auto slots = recurrence(rule + ";BYMONTHDAY=31;RSCALE=GREGORIAN;SKIP=" + skip,
                                          "2025-01-31T09:00:00");
            CHECK(dates(first_slots(slots, 3)) == printed("2025 1/31 3/31 5/31"));
        }
}

TEST_CASE("a rule without slots neither adds nor excludes, and is not searched for them") {
    RecurrenceSpec spec;
    spec.dtstart = local("2006-10-28T19:43:01");
    spec.tzid = "Australia/Lord_Howe";
    spec.rrules = {parse_rrule("FREQ=MINUTELY;INTERVAL=90").value(),
                   parse_rrule("FREQ=HOURLY;BYSETPOS=3,2;BYMONTH=8,5").value()};
    spec.exrules = {parse_rrule("FREQ=SECONDLY;BYSETPOS=-8;BYMONTH=3").value()};
    const auto slots = Recurrence::make(spec).value();
    CHECK(slots.count_in(*slots.first_slot(), *slots.nth(1000)) == 1001);
}

TEST_CASE("the years 1 to 9999 are the whole world") {
    CHECK_FALSE(
        recurrence("FREQ=DAILY", "9999-12-31T09:00:00").next_after(local("9999-12-31T09:00:00")));
    CHECK(recurrence("FREQ=DAILY;COUNT=10000000", "9999-12-30")
              .count_in(local("9999-01-01"), local("9999-12-31T23:59:59")) == 2);
    CHECK(recurrence("FREQ=DAILY", "0001-01-01").first() == local("0001-01-01"));
    CHECK(recurrence("FREQ=WEEKLY;BYDAY=SU;WKST=WE", "0001-01-01").first() == local("0001-01-07"));
    CHECK(recurrence("FREQ=WEEKLY", "0001-01-01")
              .count_in(local("0001-01-01"), local("9999-12-31")) == 521723);
    CHECK(
        recurrence("FREQ=DAILY", "0001-01-01").count_in(local("9600-01-01"), local("9999-12-31")) ==
        146097);
    const auto daily = recurrence("FREQ=DAILY", "2026-01-01");
    CHECK(daily.next_after(LocalTime{local_days{year{-5000} / 1 / 1}}) == local("2026-01-01"));
    CHECK_FALSE(daily.next_after(LocalTime{local_days{year{20000} / 1 / 1}}));
    CHECK_FALSE(daily.prev_before(LocalTime{local_days{year{-5000} / 1 / 1}}));
    CHECK(daily.prev_before(LocalTime{local_days{year{20000} / 1 / 1}}) == local("9999-12-31"));

    const auto made = [](const std::string& rule, LocalTime dtstart) {
        return Recurrence::make(parse_rrule(rule).value(), dtstart, TimeZone::utc());
    };
    CHECK_FALSE(made("FREQ=DAILY", LocalTime{local_days{year{10000} / 1 / 1}}));
    CHECK_FALSE(made("FREQ=DAILY", LocalTime{local_days{year{0} / 12 / 31}}));
    CHECK_FALSE(made("FREQ=DAILY", LocalTime::max()));
    CHECK_FALSE(made("FREQ=DAILY", LocalTime::min()));

    // UNTIL in UTC may be a local time of the year 10000.
    const auto east =
        recurrence("FREQ=DAILY;UNTIL=99991231T235959Z", "9999-12-30T01:00:00", "Pacific/Auckland");
    CHECK(first_slots(east, 9).size() == 2);
}

TEST_CASE("the end of time is not later than the last time that can be written") {
    const auto slots = recurrence("FREQ=DAILY;UNTIL=99991231", "9999-12-30T23:59:59");
    CHECK(first_slots(slots, 9).size() == 2);
}

TEST_CASE("an empty range has no slot") {
    const auto daily = recurrence("FREQ=DAILY", "2026-01-01T09:00:00");
    CHECK(daily.count_in(local("2026-02-02"), local("2026-02-01")) == 0);
    CHECK(daily.count_in(local("2026-02-02T09:00:00"), local("2026-02-02T09:00:00")) == 1);
    CHECK(daily.count_in(local("2026-02-02T09:00:01"), local("2026-02-03T08:59:59")) == 0);
    CHECK(daily.count_in(local("2020-01-01"), local("2026-01-01")) == 0);
}

}  // namespace
}  // namespace taskd::core
