// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/context.h"
#include "cli/render.h"
#include "core/delivery.h"

#include <string>
#include <vector>

namespace taskd::cli {

/// Deliveries as `taskctl deliveries` lists them.
[[nodiscard]] Table delivery_table(Context& context, const std::vector<core::Delivery>& deliveries);

/// The same for one task, indented, as `taskctl show` ends with.
[[nodiscard]] std::string delivery_lines(Context& context,
                                         const std::vector<core::Delivery>& deliveries);

}  // namespace taskd::cli
