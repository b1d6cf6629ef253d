// SPDX-License-Identifier: Apache-2.0
// series.end with a number or a day: the series ends later, by itself.
#include "core/rfc3339.h"
#include "core/when.h"
#include "daemon/handlers/occurrences.h"
#include "daemon/handlers/series_edit.h"
#include "daemon/handlers/series_handlers.h"

namespace taskd::daemon {
namespace {

using core::Schedule;
using core::Series;
using core::Slot;
using std::chrono::days;
using std::chrono::floor;

constexpr std::int64_t end_after_max = 10'000;

core::Result<void> check(const ipc::SeriesEnd& request) {
    if (request.count != 0 && !request.until.empty())
        return core::invalid_argument("until", "a number and a day are given; keep one");
    if (request.count < 0 || request.count > end_after_max)
        return core::invalid_argument(
            "count", std::to_string(request.count) + " is not accepted; use 1 to 10000");
    return {};
}

/// The rule's last day.
core::Result<void> end_on(const ipc::SeriesEnd& request, const Schedule& schedule, Series& series,
                          Handling& h) {
    const auto when = core::parse_when("until", request.until, h.unit.now(), schedule.zone);
    if (!when) return tl::unexpected(when.error());
    const auto day = floor<days>(when->time.local);
    if (day < floor<days>(schedule.zone.to_local(h.unit.now())))
        return core::invalid_argument("until", core::format_date(day) + " is in the past",
                                      "series end without a day ends it now");
    series.rule.until = core::Until{day, true, false};
    return {};
}

/// The rule's last slot is the one so many on, the open one being the first.
core::Result<void> end_after(const ipc::SeriesEnd& request, const Schedule& schedule,
                             Series& series, Handling& h) {
    const auto open = h.unit.find_open_occurrence(h.user, series.id);
    if (series.policies.anchor == core::Anchor::completion) {
        const auto made = h.unit.count_made(h.user, series.id) - (open ? 1 : 0);
        series.rule.count = static_cast<std::uint32_t>(made + request.count);
        return {};
    }
    std::optional<Slot> last =
        open ? schedule.slot(*open->recurrence_id) : first_open(h, series, schedule);
    for (std::int64_t left = request.count; left > 1 && last; --left)
        last = schedule.kept_from(schedule.slots.next_after(*last));
    if (!last) return core::invalid_argument("count", "the series has fewer slots to come");
    series.rule.until = until_slot(schedule, *last);
    return {};
}

core::Result<Series> read(const ipc::SeriesEnd& request, Handling& h) {
    auto series = find_running(h, request.series);
    if (!series) return series;
    if (auto good = check(request); !good) return tl::unexpected(good.error());
    Series after = *series;
    after.revision += 1;
    after.rule.count.reset();
    after.rule.until.reset();
    // Of the rule without its end: a series can be made longer, too.
    const auto schedule = schedule_for(h.unit, after);
    if (!schedule) return tl::unexpected(schedule.error());
    const auto set = request.until.empty() ? end_after(request, *schedule, after, h)
                                           : end_on(request, *schedule, after, h);
    if (!set) return tl::unexpected(set.error());
    const bool is_split = !series->successor.empty() && series->rule.until && after.rule.until;
    if (is_split && floor<days>(after.rule.until->local) > floor<days>(series->rule.until->local))
        return core::failed_precondition(
            "series", "the series goes on as another since it was split, and can't last longer",
            "series show " + series->successor.str().substr(0, 8));
    return after;
}

}  // namespace

core::Result<ipc::SeriesChanged> end_series_later(const ipc::SeriesEnd& request, Handling& h) {
    const auto after = read(request, h);
    if (!after) return tl::unexpected(after.error());
    const auto schedule = schedule_for(h.unit, *after);
    if (!schedule)
        return core::invalid_argument(
            request.until.empty() ? "count" : "until",
            "the series would have no slot at all; series end without it ends it now");
    const auto series = h.unit.find_series(h.user, request.series);
    h.unit.update_series(*series, *after);
    h.unit.append_event(h.user, {"series.updated", after->id.str(), *after});
    if (auto armed = arm_changed(h, *after, *schedule); !armed)
        return tl::unexpected(armed.error());
    ipc::SeriesChanged reply;
    reply.series = view_of(h.unit, *after);
    reply.understood = words_of(h, *after);
    reply.slots = slots_to_come(h, *after, *schedule, slots_echoed);
    return reply;
}

}  // namespace taskd::daemon
