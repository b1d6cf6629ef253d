// SPDX-License-Identifier: Apache-2.0
#include "daemon/handlers/task_words.h"

#include "core/span.h"
#include "core/uuid.h"
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

core::Result<std::vector<core::Reminder>> read_reminders(const std::vector<std::string>& remind,
                                                         const std::vector<std::string>& channels,
                                                         Handling& h) {
    if (remind.size() > ipc::reminders_max)
        return core::invalid_argument(
            "remind",
            std::to_string(remind.size()) + " reminders were given; at most 16 are accepted");
    if (!channels.empty() && remind.empty())
        return core::invalid_argument("channels", "needs a reminder to send; add --remind 10m");
    for (const auto& name : channels)
        if (!h.unit.find_channel(h.user, name))
            return core::not_found("channels", "there is no channel \"" + name + "\"",
                                   "taskctl channels list shows those there are");
    std::vector<core::Reminder> reminders;
    for (const auto& words : remind) {
        const auto before = core::parse_span("remind", words);
        if (!before) return tl::unexpected(before.error());
        const bool twice = std::any_of(reminders.begin(), reminders.end(),
                                       [&](const auto& other) { return other.before == *before; });
        if (twice)
            return core::invalid_argument("remind", words + " was given twice; once is enough");
        core::Reminder reminder;
        reminder.id = core::ReminderId{core::uuid_v4(h.unit.random())};
        reminder.user = h.user;
        reminder.before = *before;
        reminder.channels = channels;
        reminders.push_back(std::move(reminder));
    }
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

void warn_if_past(const core::Reminder& reminder, core::Timestamp now,
                  std::vector<std::string>& warnings) {
    if (!reminder.next || *reminder.next > now) return;
    const std::string which =
        reminder.before.count() == 0
            ? "the reminder at the due time"
            : "the reminder " + core::format_span(reminder.before) + " before";
    warnings.push_back(which + (now - *reminder.next <= reminder.grace
                                    ? " is late already; it goes off now"
                                    : " is too late to go off; it is recorded as missed"));
}

}  // namespace taskd::daemon
