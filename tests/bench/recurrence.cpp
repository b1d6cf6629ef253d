// SPDX-License-Identifier: Apache-2.0
// Ours, libical and python3-dateutil over the same twelve rules in one run, printed as the table of
// README.md. python3-dateutil runs as a second process (recurrence_dateutil.py).
#include "core/recurrence.h"

#include "core/rfc3339.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <libical/ical.h>
#include <string>

using namespace taskd;

namespace {

struct Row {
    const char* rule;
    const char* tzid;
};
constexpr std::array<Row, 12> rows{{
    {"FREQ=DAILY", "UTC"},
    {"FREQ=WEEKLY;BYDAY=MO,WE,FR", "UTC"},
    {"FREQ=MONTHLY;BYMONTHDAY=-1", "UTC"},
    {"FREQ=MONTHLY;BYDAY=2TU", "UTC"},
    {"FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1", "UTC"},
    {"FREQ=YEARLY;BYMONTH=1;BYDAY=1MO", "UTC"},
    {"FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO", "UTC"},
    {"FREQ=YEARLY;BYYEARDAY=100,200", "UTC"},
    {"FREQ=HOURLY;INTERVAL=6", "UTC"},
    {"FREQ=MINUTELY;INTERVAL=15", "UTC"},
    {"FREQ=SECONDLY;INTERVAL=90", "UTC"},
    {"FREQ=DAILY", "America/New_York"},
}};
constexpr const char* dtstart = "1997-09-02T09:00:00";

volatile std::int64_t sink;

double now_ns() {
    return std::chrono::duration<double, std::nano>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

/// The best of `rounds` times that `work` takes, per item of the number that it returns.
template <class Work>
double best_ns(int rounds, const Work& work) {
    double best = 1e18;
    for (int round = 0; round < rounds; ++round) {
        const double begin = now_ns();
        const auto items = work();
        best = std::min(best, (now_ns() - begin) / static_cast<double>(std::max<long>(items, 1)));
    }
    return best;
}

core::Recurrence ours(const Row& row) {
    return *core::Recurrence::make(*core::parse_rrule(row.rule), *core::parse_local(dtstart),
                                   *core::TimeZone::load(row.tzid));
}

double walk_ours(const Row& row, long count) {
    const auto slots = ours(row);
    return best_ns(20, [&] {
        long items = 0;
        std::int64_t sum = 0;
        for (const auto& slot : slots.all()) {
            sum += slot.at.time_since_epoch().count();
            if (++items == count) break;
        }
        sink = sum;
        return items;
    });
}

double next_ours(const Row& row, int years) {
    const auto slots = ours(row);
    const auto start = *core::parse_utc("1997-09-02T09:00:00Z") + std::chrono::days{years * 365};
    return best_ns(20, [&] {
        const long items = 2000;
        std::int64_t sum = 0;
        for (long item = 0; item < items; ++item) {
            // Different times, so that no answer is at hand.
            const auto slot = slots.next_after(start + std::chrono::minutes{item * 997});
            sum += slot ? slot->at.time_since_epoch().count() : 0;
        }
        sink = sum;
        return items;
    });
}

icaltimetype ical_start(const Row& row) {
    icaltimetype start = icaltime_from_string("19970902T090000");
    start.zone = std::string(row.tzid) == "UTC" ? icaltimezone_get_utc_timezone()
                                                : icaltimezone_get_builtin_timezone(row.tzid);
    return start;
}

double walk_libical(const Row& row, long count) {
    return best_ns(3, [&] {
        auto* each =
            icalrecur_iterator_new(icalrecurrencetype_from_string(row.rule), ical_start(row));
        long items = 0;
        std::int64_t sum = 0;
        for (auto at = icalrecur_iterator_next(each); !icaltime_is_null_time(at) && items < count;
             at = icalrecur_iterator_next(each), ++items)
            sum += icaltime_as_timet_with_zone(at, at.zone);
        icalrecur_iterator_free(each);
        sink = sum;
        return items;
    });
}

double next_libical(const Row& row, int years) {
    icaltimetype from = ical_start(row);
    from.year += years;
    return best_ns(2, [&] {
        auto* each =
            icalrecur_iterator_new(icalrecurrencetype_from_string(row.rule), ical_start(row));
        if (icalrecur_iterator_set_start(each, from) == 0) return 0L;
        sink = icaltime_as_timet(icalrecur_iterator_next(each));
        icalrecur_iterator_free(each);
        return 1L;
    });
}

void dateutil(const char* script, const char* rule, double& walk, double& next) {
    walk = next = 0;
    const std::string command =
        std::string("/usr/bin/python3 ") + script + " '" + rule + "' 2>/dev/null";
    FILE* out = ::popen(command.c_str(), "r");
    if (out == nullptr) return;
    if (std::fscanf(out, "%lf %lf", &walk, &next) != 2) walk = next = 0;
    ::pclose(out);
}

}  // namespace

int main(int argc, char** argv) {
    const char* script = argc > 1 ? argv[1] : "tests/bench/recurrence_dateutil.py";
    std::puts("ns; \"next\" is the next slot 30 years (300 years) after DTSTART\n");
    std::puts(
        "| rule | ours | libical | dateutil | libical / ours | next: ours 30 y | 300 y | "
        "libical 30 y | dateutil 30 y |");
    std::puts("| --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    for (const auto& row : rows) {
        const bool rare = std::string(row.rule).find("YEARLY") != std::string::npos;
        const double mine = walk_ours(row, rare ? 5000 : 20000);
        const double ical = walk_libical(row, rare ? 100 : 2000);
        double python = 0;
        double python_next = 0;
        dateutil(script, row.rule, python, python_next);
        const bool zoned = std::string(row.tzid) != "UTC";
        std::printf("| %s%s%s | %.1f | %.0f | %.0f | %.0f | %.0f | %.0f | %.0f | %.0f |\n",
                    row.rule, zoned ? " in " : "", zoned ? row.tzid : "", mine, ical, python,
                    ical / mine, next_ours(row, 30), next_ours(row, 300), next_libical(row, 30),
                    python_next);
        std::fflush(stdout);
    }
}
