// SPDX-License-Identifier: Apache-2.0
#include "daemon/handlers/task_words.h"

#include "core/reminder_words.h"
#include "core/span.h"
#include "core/uuid.h"
#include "daemon/handlers/channel_handlers.h"
#include "ipc/messages.h"

#include <algorithm>

namespace taskd::daemon {

core::Result<core::TimeZone> zone_for(const Words& words, Handling& h,
                                      std::vector<std::string>& warnings) {
    if (!words.tz.empty()) return core::TimeZone::load(words.tz);
    const auto settings = h.unit.user_settings(h.user);
    if (!settings.zone.empty()) return core::TimeZone::load(settings.zone);
    if (words.tz_default.empty()) {
        if (words.has_times) warnings.emplace_back("no time zone is known, so times are in UTC");
        return core::TimeZone::utc();
    }
    auto zone = core::TimeZone::load(words.tz_default);
    if (!zone) return core::invalid_argument("tz_default", "is not a time zone", zone.error().hint);
    return zone;
}

namespace {

using core::Reminder;
using std::chrono::seconds;

constexpr seconds span_max = std::chrono::hours{24 * 366};

core::Result<seconds> read_span(const char* field, const std::string& words, seconds low) {
    const auto span = core::parse_span(field, words);
    if (!span) return span;
    if (*span < low || *span > span_max)
        return core::invalid_argument(
            field, words + " is not accepted; use " + core::format_span(low) + " up to a year");
    return span;
}

core::Result<void> check_channels(const char* field, const std::vector<std::string>& names,
                                  Handling& h) {
    if (names.size() > core::channels_max) return core::invalid_argument(field, "are more than 32");
    for (const auto& name : names)
        if (const auto known = known_channel(field, name, h); !known)
            return tl::unexpected(known.error());
    return {};
}

/// What all reminders of a request have in common.
core::Result<Reminder> read_how(const ipc::ReminderHow& how, Handling& h) {
    Reminder reminder;
    if (!how.grace.empty()) {
        const auto grace = read_span("grace", how.grace, seconds{0});
        if (!grace) return tl::unexpected(grace.error());
        reminder.grace = *grace;
    }
    if (how.nag_max != 0 && how.nag.empty())
        return core::invalid_argument("nag_max", "needs nag: how often it comes again");
    if (how.nag_max < 0 || how.nag_max > core::nags_max)
        return core::invalid_argument(
            "nag_max", std::to_string(how.nag_max) + " is not accepted; use 1 to 1000");
    if (!how.nag.empty()) {
        const auto nag = read_span("nag", how.nag, core::nag_min);
        if (!nag) return tl::unexpected(nag.error());
        reminder.nag = *nag;
        reminder.nag_max = how.nag_max == 0 ? core::nags_default : static_cast<int>(how.nag_max);
    }
    if (how.escalate.empty() != how.escalate_to.empty())
        return core::invalid_argument(how.escalate.empty() ? "escalate" : "escalate_to",
                                      "escalation needs both: after how long, and to which channel",
                                      "--escalate 30m --escalate-to phone");
    if (!how.escalate.empty()) {
        const auto after = read_span("escalate", how.escalate, core::nag_min);
        if (!after) return tl::unexpected(after.error());
        reminder.escalate = *after;
        if (auto good = check_channels("escalate_to", how.escalate_to, h); !good)
            return tl::unexpected(good.error());
        reminder.escalate_to = how.escalate_to;
    }
    return reminder;
}

core::CalendarTime instant(core::Timestamp at) {
    const auto utc = core::TimeZone::utc();
    return core::calendar_time(utc.to_local(at), false, utc);
}

bool same_time(const Reminder& a, const Reminder& b) {
    return a.anchor == b.anchor && a.before == b.before && a.at == b.at;
}

/// Why a reminder will be an event that nobody has asked for, or "".
std::string why_nobody_is_told(const Reminder& reminder, Handling& h) {
    const Roles& roles = h.settings.roles;
    if (!reminder.channels.empty() || roles.notification || !roles.notification_app.empty())
        return "";
    return why_default_is_silent("reminders", h);
}

}  // namespace

std::string why_default_is_silent(const std::string& what, Handling& h) {
    const auto channel = h.unit.default_channel(h.user);
    if (channel && channel->disabled.empty()) return "";
    if (!h.unit.list_consumers(h.user).empty()) return "";
    if (channel)
        return what + " reach nobody: the default channel " + channel->name +
               " is disabled: " + channel->disabled;
    return what + " reach nobody yet: there is no default channel; see taskctl channels";
}

core::Result<Reminder> read_reminder_how(const ipc::ReminderHow& how,
                                         const std::optional<std::vector<std::string>>& channels,
                                         Handling& h) {
    auto reminder = read_how(how, h);
    if (!reminder || !channels) return reminder;
    if (auto good = check_channels("channels", *channels, h); !good)
        return tl::unexpected(good.error());
    for (const auto& name : *channels)
        if (std::find(reminder->channels.begin(), reminder->channels.end(), name) ==
            reminder->channels.end())
            reminder->channels.push_back(name);
    return reminder;
}

core::Result<std::vector<Reminder>> read_reminders(const std::vector<std::string>& remind,
                                                   const std::vector<std::string>& channels,
                                                   const ipc::ReminderHow& how,
                                                   const core::TimeZone& zone, Handling& h) {
    if (remind == std::vector<std::string>{"none"})
        return read_reminders({}, channels, how, zone, h);
    if (remind.size() > ipc::reminders_max)
        return core::invalid_argument(
            "remind",
            std::to_string(remind.size()) + " reminders were given; at most 16 are accepted");
    if (!channels.empty() && remind.empty())
        return core::invalid_argument("channels", "needs a reminder to send; add --remind 10m");
    if (how != ipc::ReminderHow{} && remind.empty())
        return core::invalid_argument(!how.nag.empty()        ? "nag"
                                      : !how.escalate.empty() ? "escalate"
                                      : !how.grace.empty()    ? "grace"
                                                              : "escalate_to",
                                      "needs a reminder that it is for; add --remind 10m");
    const auto common = read_reminder_how(how, channels, h);
    if (!common) return tl::unexpected(common.error());
    std::vector<Reminder> reminders;
    for (const auto& words : remind) {
        const auto read = core::parse_reminder("remind", words, h.unit.now(), zone);
        if (!read) return tl::unexpected(read.error());
        if (std::any_of(reminders.begin(), reminders.end(),
                        [&](const auto& other) { return same_time(other, *read); }))
            return core::invalid_argument("remind", words + " was given twice; once is enough");
        Reminder reminder = *common;
        reminder.anchor = read->anchor;
        reminder.before = read->before;
        reminder.at = read->at;
        reminder.id = core::ReminderId{core::uuid_v4(h.unit.random())};
        reminder.user = h.user;
        reminders.push_back(std::move(reminder));
    }
    return reminders;
}

core::Result<Reminder> armed_for(const Reminder& reminder, const core::Task& task, Handling& h) {
    Reminder asked = reminder;
    const bool waits = asked.anchor == core::ReminderAnchor::unblocked;
    if (waits && task.depends_on.empty())
        return core::invalid_argument("remind", "the task depends on none, so nothing unblocks it",
                                      "name one with --depends-on TASK");
    const auto base = core::base_of(asked, task.content);
    if (!base && asked.anchor == core::ReminderAnchor::start)
        return core::invalid_argument("remind", "the task has no start; add --start");
    if (!base && !waits)
        return core::invalid_argument("remind",
                                      "there is no time to remind before; add --at or --due");
    if (waits && !base && !h.unit.is_blocked(task)) asked.at = instant(h.unit.now());
    return core::armed(asked, task.is_open() ? core::base_of(asked, task.content) : std::nullopt);
}

core::Result<void> arm_unblocked(const core::Task& task, Handling& h) {
    if (!task.is_open()) return {};
    const bool is_blocked = h.unit.is_blocked(task);
    if (!is_blocked) h.unit.wake_command(task);
    for (const auto& reminder : h.unit.reminders_of(task)) {
        if (reminder.anchor != core::ReminderAnchor::unblocked || reminder.fired) continue;
        if (is_blocked != reminder.at.has_value()) continue;
        Reminder changed = reminder;
        changed.at.reset();
        if (!is_blocked) changed.at = instant(h.unit.now());
        const auto after = core::armed(changed, changed.at);
        if (!after) return tl::unexpected(after.error());
        h.unit.update_reminder(reminder, *after);
    }
    return {};
}

core::Result<std::vector<Reminder>> default_reminders(const core::TaskContent& content, bool recurs,
                                                      const core::TimeZone& zone, Handling& h) {
    std::optional<ipc::ReminderDefault> found;
    if (!content.project.empty())
        found = h.unit.find_reminder_default(h.user, "project", content.project);
    for (const auto& tag : content.tags)
        if (!found) found = h.unit.find_reminder_default(h.user, "tag", tag);
    if (!found) found = h.unit.find_reminder_default(h.user, "user", "");
    if (!found) return std::vector<Reminder>{};
    // A channel that is gone by now is no reason not to take the task.
    std::erase_if(found->channels,
                  [&](const auto& name) { return !h.unit.find_channel(h.user, name); });
    std::erase_if(found->reminding.escalate_to,
                  [&](const auto& name) { return !h.unit.find_channel(h.user, name); });
    if (found->reminding.escalate_to.empty()) found->reminding.escalate.clear();
    auto reminders = read_reminders(found->remind, found->channels, found->reminding, zone, h);
    if (!reminders) return reminders;
    std::erase_if(*reminders, [&](const auto& reminder) {
        return recurs ? reminder.anchor != core::ReminderAnchor::due
                      : !core::base_of(reminder, content);
    });
    return reminders;
}

core::Result<std::vector<core::TaskId>> read_dependencies(const std::string& field,
                                                          const std::vector<std::string>& words,
                                                          const core::TaskId& task, Handling& h) {
    std::vector<core::TaskId> ids;
    for (const auto& word : words) {
        const auto other = h.unit.find_task(h.user, word);
        if (!other) {
            core::Error error = other.error();
            error.field = field;
            return tl::unexpected(error);
        }
        const std::string number = std::to_string(other->number);
        if (other->deleted)
            return core::failed_precondition(field, "task " + number + " is deleted");
        if (other->id == task)
            return core::invalid_argument(field, "task " + number + " can't depend on itself");
        if (!task.empty() && h.unit.depends_on(h.user, other->id, task))
            return core::invalid_argument(field,
                                          "task " + number +
                                              " depends on this one already; they would wait for "
                                              "each other for ever");
        ids.push_back(other->id);
    }
    std::sort(ids.begin(), ids.end());
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
    return ids;
}

core::Result<void> check_count(const std::vector<core::TaskId>& depends_on) {
    if (depends_on.size() <= core::dependencies_max) return {};
    return core::invalid_argument("depends_on", std::to_string(depends_on.size()) +
                                                    " tasks to wait for; at most 32 are accepted");
}

void warn_of(const core::Reminder& reminder, Handling& h, std::vector<std::string>& warnings) {
    const auto now = h.unit.now();
    const std::string which = "the reminder " + core::format_reminder(reminder);
    if (reminder.next && *reminder.next <= now)
        warnings.push_back(which + (now - *reminder.next <= reminder.grace
                                        ? " is late already; it goes off now"
                                        : " is too late to go off; it is recorded as missed"));
    auto silence = why_nobody_is_told(reminder, h);
    if (!silence.empty() && std::find(warnings.begin(), warnings.end(), silence) == warnings.end())
        warnings.push_back(std::move(silence));
}

}  // namespace taskd::daemon
