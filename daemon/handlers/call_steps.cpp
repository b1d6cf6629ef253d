// SPDX-License-Identifier: Apache-2.0
#include "daemon/handlers/call_steps.h"

#include "daemon/handlers/notification_role.h"
#include "daemon/handlers/recurring_role.h"

namespace taskd::daemon {

core::Result<void> follow_call(const core::Delivery& delivery, const core::Outcome& outcome,
                               Handling& h) {
    const auto& step = delivery.call->step;
    if (step == step_created) return note_created(delivery, outcome, h);
    if (step == step_address) return mail_to_address(delivery, outcome, h);
    if (step == step_mailed) return tell_backend(delivery, h);
    return {};
}

}  // namespace taskd::daemon
