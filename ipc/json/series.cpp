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
}
void fields(auto& f, Of<SeriesChanged> auto& v) {
    f("series", v.series);
    f("next", v.next);
    f.sparse("skipped", v.skipped);
}

}  // namespace taskd::ipc::codec

namespace taskd::ipc {

TASKD_JSON(std::vector<core::LocalTime>);
TASKD_METHOD(SeriesList);
TASKD_METHOD(SeriesGet);
TASKD_METHOD(SeriesPause);
TASKD_JSON(SeriesResume);
TASKD_JSON(SeriesEnd);

}  // namespace taskd::ipc
