// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/context.h"
#include "cli/render.h"
#include "ipc/messages.h"

#include <vector>

namespace taskd::cli {

/// A series' rule, zone, policies and state, as show and series show print them.
[[nodiscard]] std::vector<Field> series_fields(Context& context, const ipc::SeriesView& view);

}  // namespace taskd::cli
