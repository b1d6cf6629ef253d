// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/context.h"
#include "cli/render.h"
#include "core/delivery.h"

#include <string>
#include <vector>

namespace taskd::cli {

/// The colour of a state.
[[nodiscard]] Paint paint_of(core::DeliveryState state);

/// Deliveries as `taskctl deliveries` lists them.
[[nodiscard]] Table delivery_table(Context& context, const std::vector<core::Delivery>& deliveries);

/// One delivery with all that is known of its attempts.
[[nodiscard]] std::string delivery_report(Context& context, const core::Delivery& delivery);

/// Waits until a delivery has ended, prints it and gives the exit status.
[[nodiscard]] int wait_for_delivery(Context& context, const std::string& reference);

/// The same for one task, indented, as `taskctl show` ends with.
[[nodiscard]] std::string delivery_lines(Context& context,
                                         const std::vector<core::Delivery>& deliveries);

}  // namespace taskd::cli
