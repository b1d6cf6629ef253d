// SPDX-License-Identifier: Apache-2.0
#include "daemon/handlers/user_handlers.h"

#include "daemon/handlers/channel_handlers.h"
#include "daemon/handlers/delivery_steps.h"

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
    if (request.agenda) wanted.agenda = *request.agenda;
    if (request.agenda_channel) wanted.agenda_channel = *request.agenda_channel;
    if (!wanted.agenda_channel.empty())
        if (const auto known = known_channel("agenda_channel", wanted.agenda_channel, h);
            request.agenda_channel && !known)
            return tl::unexpected(known.error());
    if (request.holidays) wanted.holidays = *request.holidays;
    const bool has_clock = !wanted.quiet_hours.empty() || !wanted.agenda.empty();
    if (has_clock && wanted.zone.empty()) {
        // Times of day need a clock to go by.
        const std::string field = wanted.quiet_hours.empty() ? "agenda" : "quiet_hours";
        if (request.tz_default.empty())
            return core::invalid_argument(field, "needs a zone to go by",
                                          "taskctl config zone Europe/Berlin");
        wanted.zone = request.tz_default;
        reply.warnings.push_back("zone is set to " + wanted.zone + ", which " +
                                 (field == "agenda" ? "the agenda goes by" : "quiet hours go by"));
    }
    auto settings = core::checked(std::move(wanted));
    if (!settings) return tl::unexpected(settings.error());
    if (*settings != reply.settings) h.unit.put_user_settings(h.user, *settings);
    if (settings->quiet_hours != reply.settings.quiet_hours ||
        settings->zone != reply.settings.zone)
        hurry_deliveries(h.user, "", h);
    reply.settings = std::move(*settings);
    return reply;
}

}  // namespace taskd::daemon
