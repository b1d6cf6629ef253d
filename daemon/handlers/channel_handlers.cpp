// SPDX-License-Identifier: Apache-2.0
#include "daemon/handlers/channel_handlers.h"

#include "core/text.h"
#include "daemon/handlers/delivery_steps.h"
#include "daemon/handlers/notices.h"
#include "daemon/handlers/task_words.h"
#include "daemon/outbound/mail.h"
#include "daemon/outbound/web_channel.h"
#include "daemon/outbound/webhook_settings.h"
#include "ipc/dapr/paths.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace taskd::daemon {
namespace {

using core::Channel;
using core::ChannelKind;
using core::Error;
using core::Reason;
using core::Result;

constexpr std::size_t defaults_max = 1000;  // of one user
constexpr std::chrono::hours zone_lost_retry{1};

tl::unexpected<Error> denied(std::string field, const std::string& message, std::string hint) {
    std::string full = field + ": " + message;
    return tl::unexpected(
        Error{Reason::permission_denied, std::move(full), std::move(field), std::move(hint)});
}

Result<void> check_exec(const Channel& channel, Handling& h) {
    if (h.settings.may_run(channel.argv.front())) return {};
    return denied("argv",
                  core::clipped(channel.argv.front(), 64) +
                      (h.settings.exec_allow->empty()
                           ? " can't be run: this daemon runs no programs for its users"
                           : " is not among the programs that this daemon runs: " +
                                 core::join(*h.settings.exec_allow, ", ")),
                  "the administrator lists them by absolute path as exec.allow");
}

Result<void> check_email(const Channel& channel, Handling& h) {
    if (!channel.to.empty())
        if (auto good = check_address("to", channel.to); !good) return good;
    if (!h.settings.has_mail_server)
        return core::failed_precondition(
            "kind", "this daemon knows no mail server to send by",
            "set smtp.url and smtp.from, see taskd.conf(5): smtp.url = \"smtp://localhost\"");
    if (!channel.to.empty() || !h.unit.user_settings(h.user).email.empty()) return {};
    return core::invalid_argument("to", "is empty, and your own address is not known",
                                  "give an address, or set yours: taskctl config email "
                                  "ada@example.org");
}

/// Not "{summary} is due" or "[{project}] {summary}", which are text.
bool is_meant_as_json(std::string_view body) {
    constexpr std::string_view space = " \t\r\n";
    const auto first = body.find_first_not_of(space);
    if (first == std::string_view::npos || (body[first] != '{' && body[first] != '[')) return false;
    const auto next = body.find_first_not_of(space, first + 1);
    if (next == std::string_view::npos) return true;
    const std::string_view after = body[first] == '{' ? "\"}" : "\"[]";
    if (after.find(body[next]) != std::string_view::npos) return true;
    return body[first] == '[' && body[next] == '{' && body.substr(next + 1, 1) == "\"";
}

Result<void> check_web(const Channel& channel, const std::string& secret) {
    if (auto good = check_webhook_url("url", channel.url); !good) return good;
    if (channel.kind == ChannelKind::ntfy)
        if (const auto place = ntfy_place(channel.url); !place)
            return tl::unexpected(place.error());
    if (channel.kind == ChannelKind::webhook && is_meant_as_json(channel.body) &&
        !nlohmann::json::accept(channel.body.begin(), channel.body.end()))
        return core::invalid_argument("body", "begins like JSON, but is none");
    if (secret.empty()) {
        if (channel.kind == ChannelKind::gotify)
            return core::invalid_argument("secret", "is empty; gotify wants an application's token",
                                          "--secret-file FILE");
        return {};
    }
    if (channel.kind == ChannelKind::webhook) {
        const auto key = read_webhook_secret("secret", secret);
        return key ? Result<void>{} : tl::unexpected(key.error());
    }
    return check_webhook_header("secret", "Authorization", "Bearer " + secret);
}

Result<void> check_dapr(const Channel& channel, Handling& h) {
    const bool invokes = !channel.app.empty();
    const auto path = invokes ? ipc::dapr::invoke_path(channel.app, channel.method, {})
                              : ipc::dapr::publish_path(channel.pubsub, channel.topic,
                                                        ipc::dapr::PublishRoute::single, {});
    if (!path) return tl::unexpected(path.error());
    const std::string& target = invokes ? channel.app : channel.pubsub;
    if (h.settings.may_call(target)) return {};
    return denied(
        invokes ? "app" : "pubsub",
        "\"" + core::clipped(target, 64) + "\" is not among what this daemon calls for its users",
        "the administrator lists it in call.allow");
}

Result<void> check_kind(const Channel& channel, const std::string& secret, Handling& h) {
    switch (channel.kind) {
    case ChannelKind::exec:
        return check_exec(channel, h);
    case ChannelKind::email:
        return check_email(channel, h);
    case ChannelKind::desktop:
        if (h.settings.has_desktop) return {};
        return denied("kind", "a system daemon has nobody's desktop",
                      "a personal taskd has: systemctl --user start taskd");
    case ChannelKind::webhook:
    case ChannelKind::ntfy:
    case ChannelKind::gotify:
        return check_web(channel, secret);
    case ChannelKind::dapr:
        return check_dapr(channel, h);
    }
    return {};
}

bool is_scope(const ipc::ReminderDefault& value) {
    return value.scope == "user" || value.scope == "project" || value.scope == "tag";
}

}  // namespace

Result<Channel> set_channel(const ipc::ChannelSet& request, Handling& h) {
    Channel wanted = request.channel;
    wanted.has_secret = !request.secret.empty();
    // The default goes to another channel only when that one is made it.
    if (const auto before = h.unit.find_channel(h.user, wanted.name))
        wanted.is_default = wanted.is_default || before->is_default;
    auto channel = core::checked(std::move(wanted));
    if (!channel) return channel;
    if (auto good = check_kind(*channel, request.secret, h); !good)
        return tl::unexpected(good.error());
    const auto existing = h.unit.list_channels(h.user);
    const bool is_new = std::none_of(existing.begin(), existing.end(), [&](const auto& other) {
        return other.name == channel->name;
    });
    if (is_new && existing.size() >= core::channels_max)
        return tl::unexpected(Error{Reason::resource_exhausted,
                                    "there are 32 channels already, the most there can be", "name",
                                    "taskctl channels remove NAME"});
    h.unit.put_channel(h.user, *channel, request.secret);
    hurry_deliveries(h.user, channel->name, h);
    return channel;
}

Result<ipc::ChannelPage> list_channels(const ipc::ChannelList&, Handling& h) {
    return ipc::ChannelPage{h.unit.list_channels(h.user)};
}

Result<Channel> known_channel(const std::string& field, const std::string& name, Handling& h) {
    if (auto channel = h.unit.find_channel(h.user, name)) return std::move(*channel);
    std::vector<std::string> names;
    for (const auto& other : h.unit.list_channels(h.user)) names.push_back(other.name);
    const auto near = core::nearest(name, names);
    return core::not_found(field, "there is no channel \"" + core::clipped(name, 64) + "\"",
                           near.empty() ? "taskctl channels list shows those there are"
                                        : "did you mean \"" + near + "\"?");
}

Result<Channel> remove_channel(const ipc::ChannelRemove& request, Handling& h) {
    auto channel = known_channel("name", request.name, h);
    if (!channel) return channel;
    h.unit.erase_channel(h.user, *channel);
    hurry_deliveries(h.user, channel->name, h);
    return channel;
}

Result<core::Delivery> test_channel(const ipc::ChannelTest& request, Handling& h) {
    const auto channel = known_channel("name", request.name, h);
    if (!channel) return tl::unexpected(channel.error());
    core::Delivery delivery = new_delivery(h);
    delivery.channel = channel->name;
    delivery.expires = h.unit.now();  // one attempt
    delivery.event_user_seq = h.unit.append_event(
        h.user, {"channel.test", channel->name,
                 core::Bulletin{channel->name, "Test of channel " + channel->name, 1, {}}});
    h.unit.insert_delivery(delivery);
    return delivery;
}

Result<ipc::ReminderDefaultPage> list_reminder_defaults(const ipc::ReminderDefaultList&,
                                                        Handling& h) {
    return ipc::ReminderDefaultPage{h.unit.reminder_defaults(h.user)};
}

Result<ipc::ReminderDefault> set_reminder_default(const ipc::ReminderDefaultSet& request,
                                                  Handling& h) {
    const auto& value = request.value;
    if (!is_scope(value))
        return core::invalid_argument("scope", "\"" + core::clipped(value.scope, 32) +
                                                   "\" is not accepted; use user, project or tag");
    if (value.scope == "user" ? !value.name.empty() : value.name.empty())
        return core::invalid_argument(
            "name", value.scope == "user" ? "is not for scope user" : "names no " + value.scope);
    if (value.name.size() > core::word_bytes_max || core::has_control(value.name))
        return core::invalid_argument("name", "is longer than 64 bytes, or has control characters");
    std::vector<std::string> warnings;
    const auto zone = zone_for({"", request.tz_default, false}, h, warnings);
    if (!zone) return tl::unexpected(zone.error());
    const auto reminders = read_reminders(value.remind, value.channels, value.reminding, *zone, h);
    if (!reminders) return tl::unexpected(reminders.error());
    for (const auto& reminder : *reminders)
        if (reminder.anchor != core::ReminderAnchor::due &&
            reminder.anchor != core::ReminderAnchor::start)
            return core::invalid_argument("remind",
                                          "here it can only count from the due time or the start "
                                          "of a task: 10m, 1h before start");
    const bool is_new = !h.unit.find_reminder_default(h.user, value.scope, value.name);
    if (is_new && value.remind.empty())
        return core::not_found("name", "there are no reminders to remove",
                               "taskctl reminders list shows those there are");
    if (is_new && h.unit.reminder_defaults(h.user).size() >= defaults_max)
        return tl::unexpected(Error{Reason::resource_exhausted,
                                    "there are 1000 of them already, the most there can be", "name",
                                    "taskctl reminders clear"});
    h.unit.put_reminder_default(h.user, value);
    return value;
}

void tell_agenda(const Timer& timer, Handling& h) {
    UnitOfWork& unit = h.unit;
    if (unit.agenda_time(timer.user) != timer.due) {
        unit.erase_timer(timer);
        return;
    }
    const auto settings = unit.user_settings(timer.user);
    // One agenda, however many mornings the machine was off.
    auto next = core::next_agenda(settings, unit.now());
    if (!next && !settings.agenda.empty()) next = unit.now() + zone_lost_retry;
    unit.set_agenda(timer.user, next);
    const auto zone =
        settings.zone.empty() ? core::TimeZone::utc() : core::TimeZone::load(settings.zone);
    if (!zone) return;
    core::Bulletin agenda = agenda_of(*zone, h);
    auto channel = settings.agenda_channel.empty()
                       ? unit.default_channel(timer.user)
                       : unit.find_channel(timer.user, settings.agenda_channel);
    if (!channel) channel = unit.default_channel(timer.user);
    if (channel) agenda.channel = channel->name;
    const auto seq = unit.append_event(timer.user, {"agenda.due", "agenda", agenda});
    if (!channel || agenda.count == 0) return;
    core::Delivery delivery = new_delivery(h);
    delivery.user = timer.user;
    delivery.channel = channel->name;
    delivery.event_user_seq = seq;
    wait_for_quiet_hours(delivery, settings, unit.now());
    unit.insert_delivery(delivery);
}

}  // namespace taskd::daemon
