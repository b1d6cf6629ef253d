// SPDX-License-Identifier: Apache-2.0
// The engine's own cost, without sockets: a turn of n task.add on a real file, and the recurrence.
#include "core/recurrence.h"
#include "core/rfc3339.h"
#include "daemon/engine.h"
#include "daemon/store/migrate.h"
#include "tests/support/manual_clock.h"
#include "tests/support/seeded_random.h"
#include "tests/support/temp_dir.h"

#include <benchmark/benchmark.h>

using namespace taskd;

namespace {

void turn_of_adds(benchmark::State& state) {
    test::TempDir directory;
    test::SeededRandom random{1};
    test::ManualClock clock{*core::parse_utc("2026-11-24T08:00:00Z")};
    daemon::Database database(directory.path() + "/taskd.db");
    if (!daemon::migrate(database, random)) return state.SkipWithError("no store");
    daemon::Engine engine(database, random, {}, {});
    engine.start(clock.now());
    std::int64_t key = 0;
    for (auto _ : state) {
        std::vector<daemon::Request> requests;
        for (std::int64_t i = 0; i < state.range(0); ++i)
            requests.push_back({{0, "p", false},
                                {core::UserId{"ada"}, false},
                                R"({"jsonrpc":"2.0","id":1,"method":"task.add","params":{)"
                                R"("summary":"x","idempotency_key":")" +
                                    std::to_string(++key) + "\"}}",
                                clock.monotonic()});
        benchmark::DoNotOptimize(engine.turn(requests, {}, clock.now(), clock.monotonic()));
    }
    state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(turn_of_adds)->Arg(1)->Arg(8)->Arg(64)->UseRealTime();

void next_after(benchmark::State& state, const char* text, const char* from) {
    const auto rule = core::parse_rrule(text);
    const auto dtstart = core::parse_local("1997-09-02T09:00:00");
    const auto slots = core::Recurrence::make(*rule, *dtstart, core::TimeZone::utc());
    const auto time = core::parse_local(from);
    for (auto _ : state) benchmark::DoNotOptimize(slots->next_after(*time));
}
BENCHMARK_CAPTURE(next_after, daily_near, "FREQ=DAILY", "1997-10-01T00:00:00");
BENCHMARK_CAPTURE(next_after, daily_30_years, "FREQ=DAILY", "2027-10-01T00:00:00");
BENCHMARK_CAPTURE(next_after, weekdays_30_years, "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR",
                  "2027-10-01T00:00:00");
BENCHMARK_CAPTURE(next_after, last_friday_30_years, "FREQ=MONTHLY;BYDAY=-1FR",
                  "2027-10-01T00:00:00");
BENCHMARK_CAPTURE(next_after, leap_day_30_years, "FREQ=YEARLY;BYMONTHDAY=29;BYDAY=TU",
                  "2027-10-01T00:00:00");

}  // namespace

BENCHMARK_MAIN();
