// SPDX-License-Identifier: Apache-2.0
#include "daemon/handlers/user_handlers.h"

namespace taskd::daemon {

core::Result<ipc::UserSettingsReply> get_user(const ipc::UserGet&, Handling& h) {
    return ipc::UserSettingsReply{
        h.user.str(), h.unit.user_settings(h.user), {}, h.unit.has_user(h.user)};
}

core::Result<ipc::UserSettingsReply> set_user(const ipc::UserSet& request, Handling& h) {
    ipc::UserSettingsReply reply{h.user.str(), h.unit.user_settings(h.user), {}};
    core::UserSettings wanted = reply.settings;
    if (request.zone) wanted.zone = *request.zone;
    if (request.email) wanted.email = *request.email;
    if (request.quiet_hours) wanted.quiet_hours = *request.quiet_hours;
    if (request.holidays) wanted.holidays = *request.holidays;
    if (!wanted.quiet_hours.empty() && wanted.zone.empty()) {
        // Quiet hours need a clock to go by.
        if (request.tz_default.empty())
            return core::invalid_argument("quiet_hours", "needs a zone to go by",
                                          "taskctl config zone Europe/Berlin");
        wanted.zone = request.tz_default;
        reply.warnings.push_back("zone is set to " + wanted.zone + ", which quiet hours go by");
    }
    auto settings = core::checked(std::move(wanted));
    if (!settings) return tl::unexpected(settings.error());
    if (*settings != reply.settings) h.unit.put_user_settings(h.user, *settings);
    reply.settings = std::move(*settings);
    return reply;
}

}  // namespace taskd::daemon
