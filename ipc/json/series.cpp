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

}  // namespace taskd::ipc::codec

namespace taskd::ipc {

TASKD_METHOD(SeriesList);

}  // namespace taskd::ipc
