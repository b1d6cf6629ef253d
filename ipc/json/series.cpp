// SPDX-License-Identifier: Apache-2.0
#include "ipc/json/core_fields.h"

namespace taskd::ipc::codec {

void fields(auto& f, Of<SeriesList> auto& v) {
    f.sparse("ended", v.ended);
    f("limit", v.limit);
    f.sparse("offset", v.offset);
}
void fields(auto& f, Of<SeriesPage> auto& v) {
    f("series", v.series);
    f("total", v.total);
}

void fields(auto& f, Of<SeriesGet> auto& v) {
    f("series", v.series);
}
void fields(auto& f, Of<Occurrence> auto& v) {
    f("recurrence_id", v.recurrence_id);
    f("last_slot", v.last_slot);
    f("count", v.count);
    f("state", v.state);
    f.sparse("reason", v.reason);
    f.sparse("task", v.task);
}
void fields(auto& f, Of<SeriesDetails> auto& v) {
    f("series", v.series);
    f("reminders", v.reminders);
    f("policies", v.policies);
    f("slots", v.slots);
    f("occurrences", v.occurrences);
}
void fields(auto& f, Of<SeriesPause> auto& v) {
    f("series", v.series);
    f.sparse("note", v.note);
}
void fields(auto& f, Of<SeriesResume> auto& v) {
    f("series", v.series);
}
void fields(auto& f, Of<SeriesEnd> auto& v) {
    f("series", v.series);
    f.sparse("count", v.count);
    f.sparse("until", v.until);
    f.sparse("tz_default", v.tz_default);
}
void fields(auto& f, Of<SeriesChange> auto& v) {
    fields(f, v.edit);
    f.sparse("every", v.every);
    f.sparse("at", v.at);
    f.sparse("tz", v.tz);
    f.sparse("tz_default", v.tz_default);
    fields(f, v.policies);
}
void fields(auto& f, Of<SeriesUpdate> auto& v) {
    f("series", v.series);
    fields(f, v.change);
}
void fields(auto& f, Of<SeriesSplit> auto& v) {
    f("series", v.series);
    f("recurrence_id", v.recurrence_id);
    fields(f, v.change);
}
void fields(auto& f, Of<SeriesSkip> auto& v) {
    f("series", v.series);
    f("recurrence_id", v.recurrence_id);
}
void fields(auto& f, Of<SeriesMove> auto& v) {
    f("series", v.series);
    f("recurrence_id", v.recurrence_id);
    f("to", v.to);
    f.sparse("tz", v.tz);
    f.sparse("tz_default", v.tz_default);
}
void fields(auto& f, Of<SeriesChanged> auto& v) {
    f("series", v.series);
    f("next", v.next);
    f.sparse("skipped", v.skipped);
    f.sparse("tasks", v.tasks);
    f.sparse("understood", v.understood);
    f.sparse("slots", v.slots);
    f.sparse("warnings", v.warnings);
}
void fields(auto& f, Of<SeriesSlot> auto& v) {
    f("recurrence_id", v.recurrence_id);
    fields(f, v.time);
    f.sparse("change", v.change);
}
void fields(auto& f, Of<SeriesPreviewed> auto& v) {
    f("series", v.series);
    f("slots", v.slots);
    f.sparse("ends", v.ends);
}
void fields(auto& f, Of<SeriesPreview> auto& v) {
    f("series", v.series);
    f("count", v.count);
}

}  // namespace taskd::ipc::codec

namespace taskd::ipc {

TASKD_JSON(std::vector<core::LocalTime>);
TASKD_JSON(std::vector<std::chrono::local_days>);
TASKD_JSON(std::vector<core::SlotOverride>);
TASKD_JSON(std::vector<core::MovedSlot>);
TASKD_JSON(core::Policies);
TASKD_METHOD(SeriesList);
TASKD_METHOD(SeriesGet);
TASKD_METHOD(SeriesPreview);
TASKD_METHOD(SeriesPause);
TASKD_JSON(SeriesResume);
TASKD_JSON(SeriesEnd);
TASKD_JSON(SeriesUpdate);
TASKD_JSON(SeriesSplit);
TASKD_JSON(SeriesSkip);
TASKD_JSON(SeriesMove);

}  // namespace taskd::ipc
