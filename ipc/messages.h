// SPDX-License-Identifier: Apache-2.0
// One request and one reply per method of taskd-protocol(7). A request names its method, its reply
// and whether it writes (writing methods take an idempotency key). Field names are in json/.
#pragma once

#include "core/channel.h"
#include "core/delivery.h"
#include "core/explain.h"
#include "core/query.h"
#include "core/reminder.h"
#include "core/series.h"
#include "core/task.h"
#include "core/user_settings.h"
#include "ipc/command_messages.h"
#include "ipc/dapr_messages.h"
#include "ipc/event_messages.h"
#include "ipc/event_rule_messages.h"
#include "ipc/expectation_messages.h"
#include "ipc/run_messages.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace taskd::ipc {

inline constexpr std::int64_t protocol_version = 1;
inline constexpr std::size_t request_bytes_max = 4 * 1024 * 1024;
inline constexpr std::size_t json_depth_max = 72;  ///< 64 of an event's data, and the message
inline constexpr std::size_t batch_max = 100;      ///< requests in one JSON-RPC batch
inline constexpr std::size_t reminders_max = 16;   ///< of one task or series

/// How reminders that are given in words go on, in words too.
struct ReminderHow {
    std::string grace;  ///< later than this they are missed
    std::string nag;    ///< again so often until acknowledged
    std::int64_t nag_max = 0;
    std::string escalate;  ///< after so long ..
    std::vector<std::string> escalate_to;

    bool operator==(const ReminderHow&) const = default;
};
inline constexpr std::int64_t wait_ms_max = 60'000;  ///< of one long poll

/// A series with what people want to see beside it.
struct SeriesView {
    core::Series series;
    std::string words;                       ///< "every weekday at 09:30"
    std::optional<core::CalendarTime> next;  ///< the open occurrence's slot
    std::int64_t open_task = 0;              ///< its number, 0 without one
};

struct TaskAdded {
    core::Task task;
    std::optional<SeriesView> series;
    std::vector<core::Reminder> reminders;
    std::string understood;                 ///< what was made of the words
    std::vector<core::CalendarTime> slots;  ///< the first three of a series
    std::vector<std::string> warnings;
    std::optional<core::Command> command;  ///< what is run at its time
};
/// All times and rules are words as typed; the daemon reads them, so that a repeated request is
/// the same request. `tz_default` is the caller's own zone and no part of the request's digest.
struct TaskAdd {
    using Reply = TaskAdded;
    static constexpr std::string_view method = "task.add";
    static constexpr bool writes = true;
    std::string summary;
    std::string notes;
    std::string project;
    std::vector<std::string> tags;
    std::int64_t priority = 0;
    std::string start;
    std::string due;
    std::string at;
    std::string every;
    std::string tz;
    std::string tz_default;
    std::vector<std::string> remind;
    std::vector<std::string> channels;
    ReminderHow reminding;                ///< of the reminders given here
    std::vector<std::string> depends_on;  ///< tasks, as TASK of taskctl(1)
    core::PolicyWords policies;           ///< of a series
    std::string recurring_pattern;        ///< of a task of another service: DAILY, ... or an RRULE
    core::ForeignId parent;               ///< the occurrence before it, of such a task
    std::optional<core::CommandEdit> command;  ///< what is run at its time
};

struct TaskDetails {
    core::Task task;
    std::vector<core::Task> dependencies;  ///< the tasks that it depends on
    std::vector<core::Task> dependents;    ///< those that wait for it
    std::optional<SeriesView> series;
    std::vector<core::Reminder> reminders;
    std::vector<core::Delivery> deliveries;  ///< the newest 20
    std::optional<core::Command> command;    ///< what is run at its time
    std::vector<core::Delivery> runs;        ///< of it, the newest 5
};
struct TaskGet {
    using Reply = TaskDetails;
    static constexpr std::string_view method = "task.get";
    static constexpr bool writes = false;
    std::string task;
};

struct TaskPage {
    std::vector<core::Task> tasks;
    std::vector<std::int64_t> blocked;  ///< which of these have to wait, by number
    std::int64_t total = 0;
};
struct TaskList {
    using Reply = TaskPage;
    static constexpr std::string_view method = "task.list";
    static constexpr bool writes = false;
    core::TaskQuery query;
};

/// A task that was changed; `understood` says what was made of the words.
struct TaskChanged {
    core::Task task;
    std::vector<core::Reminder> reminders;
    std::string understood;
    std::vector<std::string> warnings;
};
/// What is not there stays as it is. `start` and `due` are words, "" or "none" for no time.
struct TaskUpdate {
    using Reply = TaskChanged;
    static constexpr std::string_view method = "task.update";
    static constexpr bool writes = true;
    std::string task;
    core::TaskEdit edit;
    std::optional<std::string> start;
    std::optional<std::string> due;
    std::string tz;
    std::string tz_default;
    std::optional<std::vector<std::string>>
        remind;  ///< all of them, in the place of those there are
    std::optional<std::vector<std::string>> channels;    ///< of the reminders given here
    ReminderHow reminding;                               ///< likewise
    std::optional<std::vector<std::string>> depends_on;  ///< all of them, before the two below
    std::vector<std::string> add_depends_on;
    std::vector<std::string> remove_depends_on;
    std::optional<std::int64_t> if_revision;  ///< refuse if the task has changed since
    std::optional<bool> reminder_sent;        ///< as a notification service says
    std::optional<core::CommandEdit> command;
};
struct TaskStart {
    using Reply = TaskChanged;
    static constexpr std::string_view method = "task.start";
    static constexpr bool writes = true;
    std::string task;
};

struct Facet {
    std::string name;
    std::int64_t count = 0;
};
struct TaskFacetsReply {
    std::vector<Facet> tags;
    std::vector<Facet> projects;
};
struct TaskFacets {
    using Reply = TaskFacetsReply;
    static constexpr std::string_view method = "task.facets";
    static constexpr bool writes = false;
};

struct Agenda {
    std::vector<core::Task> tasks;  ///< due from now on, not blocked, the next first
    std::int64_t overdue = 0;
};
struct AgendaGet {
    using Reply = Agenda;
    static constexpr std::string_view method = "agenda.get";
    static constexpr bool writes = false;
    std::int64_t limit = 1;
};

/// A closed task (completed, cancelled or deleted) and, of a series, what came of it in the same
/// transaction.
struct TaskClosed {
    core::Task task;
    std::optional<core::Task> next;
    std::vector<core::SkippedSlots> skipped;  ///< in order
    bool series_ended = false;
    bool series_paused = false;           ///< so there is no next one
    std::vector<std::int64_t> unblocked;  ///< tasks that need not wait any more, by number
    std::vector<std::string> warnings;
};
struct TaskComplete {
    using Reply = TaskClosed;
    static constexpr std::string_view method = "task.complete";
    static constexpr bool writes = true;
    std::string task;
};
struct TaskCancel {
    using Reply = TaskClosed;
    static constexpr std::string_view method = "task.cancel";
    static constexpr bool writes = true;
    std::string task;
};
struct TaskDelete {
    using Reply = TaskClosed;
    static constexpr std::string_view method = "task.delete";
    static constexpr bool writes = true;
    std::string task;
};

/// A task that is open again; `removed` is the number of the untouched successor that went away.
struct TaskReopened {
    core::Task task;
    std::int64_t removed = 0;
};
struct TaskReopen {
    using Reply = TaskReopened;
    static constexpr std::string_view method = "task.reopen";
    static constexpr bool writes = true;
    std::string task;
};
struct TaskRestore {
    using Reply = TaskReopened;
    static constexpr std::string_view method = "task.restore";
    static constexpr bool writes = true;
    std::string task;
};

struct SeriesPage {
    std::vector<SeriesView> series;
    std::int64_t total = 0;
};
struct SeriesList {
    using Reply = SeriesPage;
    static constexpr std::string_view method = "series.list";
    static constexpr bool writes = false;
    bool ended = false;  ///< the ended ones too
    std::int64_t limit = 100;
    std::int64_t offset = 0;
};

/// What became of a slot, or of a run of skipped ones.
struct Occurrence {
    std::string recurrence_id;
    std::string last_slot;
    std::int64_t count = 0;
    std::string state;
    std::string reason;     ///< of a skip
    std::int64_t task = 0;  ///< its number, 0 without one
};
struct SeriesDetails {
    SeriesView series;
    std::vector<core::Reminder> reminders;
    std::vector<core::PolicyView> policies;  ///< all, with where each comes from
    std::vector<core::CalendarTime> slots;   ///< the next five, also while it is paused
    std::vector<Occurrence> occurrences;     ///< the newest 20, newest first
};
/// `series` is the number of one of its tasks, or the first 4 or more characters of its id.
struct SeriesGet {
    using Reply = SeriesDetails;
    static constexpr std::string_view method = "series.get";
    static constexpr bool writes = false;
    std::string series;
};
struct SeriesChanged {
    SeriesView series;
    std::optional<core::Task> next;           ///< the task that a resumed series goes on with
    std::vector<core::SkippedSlots> skipped;  ///< what was passed over by that
    std::vector<core::Task> tasks;            ///< open tasks that were changed with it
    std::string understood;                   ///< what was made of the words
    std::vector<core::CalendarTime> slots;    ///< the next three, unless it was paused or ended
    std::vector<std::string> warnings;
};
/// A slot to come, and what makes its time another than the rule's own.
struct SeriesSlot {
    std::string recurrence_id;
    core::CalendarTime time;
    std::string change;  ///< "moved" by the user, "shift" by that policy, else ""
};
struct SeriesPreviewed {
    SeriesView series;
    std::vector<SeriesSlot> slots;
    bool ends = false;  ///< no slot follows those
};
struct SeriesPreview {
    using Reply = SeriesPreviewed;
    static constexpr std::string_view method = "series.preview";
    static constexpr bool writes = false;
    std::string series;
    std::int64_t count = 5;
};
struct SeriesPause {
    using Reply = SeriesChanged;
    static constexpr std::string_view method = "series.pause";
    static constexpr bool writes = true;
    std::string series;
    std::string note;
};
struct SeriesResume {
    using Reply = SeriesChanged;
    static constexpr std::string_view method = "series.resume";
    static constexpr bool writes = true;
    std::string series;
};
struct SeriesEnd {
    using Reply = SeriesChanged;
    static constexpr std::string_view method = "series.end";
    static constexpr bool writes = true;
    std::string series;
    std::int64_t count = 0;  ///< after so many more, the open one is the first; 0: now
    std::string until;       ///< or with the last slot on this day, in words
    std::string tz_default;
};
/// What is to be different; what is not there stays. Rules and times are words as typed.
struct SeriesChange {
    core::TaskEdit edit;
    std::string every;
    std::string at;
    std::string tz;
    std::string tz_default;
    core::PolicyWords policies;
};
/// The whole series from now on, and its open tasks.
struct SeriesUpdate {
    using Reply = SeriesChanged;
    static constexpr std::string_view method = "series.update";
    static constexpr bool writes = true;
    std::string series;
    SeriesChange change;
};
/// The slot `recurrence_id` and all later ones become a series of their own, with the changes.
struct SeriesSplit {
    using Reply = SeriesChanged;
    static constexpr std::string_view method = "series.split";
    static constexpr bool writes = true;
    std::string series;
    std::optional<core::RecurrenceId> recurrence_id;  ///< none: the open or next one
    SeriesChange change;
};
struct SeriesSkip {
    using Reply = SeriesChanged;
    static constexpr std::string_view method = "series.skip";
    static constexpr bool writes = true;
    std::string series;
    std::optional<core::RecurrenceId> recurrence_id;
};
struct SeriesMove {
    using Reply = SeriesChanged;
    static constexpr std::string_view method = "series.move";
    static constexpr bool writes = true;
    std::string series;
    std::optional<core::RecurrenceId> recurrence_id;
    std::string to;  ///< words, or a time of day on the slot's own day
    std::string tz;
    std::string tz_default;
};

/// Why a task is due when it is, or what became of one slot of its series, or will. `task` is its
/// number or the first characters of its id; `when` words in the series' zone.
struct TaskExplanation {
    core::Task task;
    std::vector<core::Because> because;
    std::optional<core::CalendarTime> next;   ///< if it is done now
    std::vector<core::SkippedSlots> skipped;  ///< .. and what would be passed over
    std::optional<core::RecurrenceId> slot;   ///< of `when`; its task is `task` if it has a number
};
struct TaskExplain {
    using Reply = TaskExplanation;
    static constexpr std::string_view method = "task.explain";
    static constexpr bool writes = false;
    std::string task;
    std::string when;  ///< "" for the task's own
};

struct ReminderChanged {
    core::Task task;
    core::Reminder reminder;
};
/// `until` is words: "20m", "until monday 9am", "tomorrow".
struct ReminderSnooze {
    using Reply = ReminderChanged;
    static constexpr std::string_view method = "reminder.snooze";
    static constexpr bool writes = true;
    std::string task;
    std::string until;
    std::string tz;
    std::string tz_default;
};
struct ReminderAcknowledge {
    using Reply = ReminderChanged;
    static constexpr std::string_view method = "reminder.acknowledge";
    static constexpr bool writes = true;
    std::string task;
};

struct UserSettingsReply {
    std::string user_id;
    core::UserSettings settings;
    std::vector<std::string> warnings;
    bool is_known = false;  ///< there is anything of that user here
};
struct UserGet {
    using Reply = UserSettingsReply;
    static constexpr std::string_view method = "user.get";
    static constexpr bool writes = false;
};
/// What is not there stays as it is; "" takes a setting back.
struct UserSet {
    using Reply = UserSettingsReply;
    static constexpr std::string_view method = "user.set";
    static constexpr bool writes = true;
    std::optional<std::string> zone;
    std::optional<std::string> email;
    std::optional<std::string> quiet_hours;
    std::optional<std::string> agenda;
    std::optional<std::string> agenda_channel;
    std::optional<std::vector<std::chrono::local_days>> holidays;  ///< all of them
    std::string tz_default;
};

using core::Channel;
struct ChannelSet {
    using Reply = Channel;
    static constexpr std::string_view method = "channel.set";
    static constexpr bool writes = true;
    Channel channel;
    std::string secret;  ///< of webhook: signs; of ntfy and gotify: an access token
};
struct ChannelPage {
    std::vector<Channel> channels;
};
struct ChannelList {
    using Reply = ChannelPage;
    static constexpr std::string_view method = "channel.list";
    static constexpr bool writes = false;
};
struct ChannelRemove {
    using Reply = Channel;
    static constexpr std::string_view method = "channel.remove";
    static constexpr bool writes = true;
    std::string name;
};

/// Sends a test to a channel, one attempt; the delivery tells how it ended.
struct ChannelTest {
    using Reply = core::Delivery;
    static constexpr std::string_view method = "channel.test";
    static constexpr bool writes = true;
    std::string name;
};

/// Reminders of tasks that are added without any, until the project or a tag has some of its own.
struct ReminderDefault {
    std::string scope;  ///< user, project or tag
    std::string name;   ///< of the project or tag; "" for user
    std::vector<std::string> remind;
    std::vector<std::string> channels;
    ReminderHow reminding;
};
struct ReminderDefaultPage {
    std::vector<ReminderDefault> defaults;
};
struct ReminderDefaultList {
    using Reply = ReminderDefaultPage;
    static constexpr std::string_view method = "reminder.defaults";
    static constexpr bool writes = false;
};
/// No `remind` removes it.
struct ReminderDefaultSet {
    using Reply = ReminderDefault;
    static constexpr std::string_view method = "reminder.default_set";
    static constexpr bool writes = true;
    ReminderDefault value;
    std::string tz_default;
};

struct DeliveryPage {
    std::vector<core::Delivery> deliveries;
};
struct DeliveryList {
    using Reply = DeliveryPage;
    static constexpr std::string_view method = "delivery.list";
    static constexpr bool writes = false;
    std::int64_t limit = 20;  ///< newest first
    bool failed = false;      ///< the dead ones only
    std::string task;         ///< of this task or its series only
};
struct DeliveryGet {
    using Reply = core::Delivery;
    static constexpr std::string_view method = "delivery.get";
    static constexpr bool writes = false;
    std::string delivery;  ///< the first 4 or more characters of its id
};
/// Tries a dead one again from the beginning, under the same id.
struct DeliveryRetry {
    using Reply = core::Delivery;
    static constexpr std::string_view method = "delivery.retry";
    static constexpr bool writes = true;
    std::string delivery;
};

struct Health {
    std::string status = "ok";  ///< or "degraded", and then `error` says why
    std::string error;
    std::string version;
    std::int64_t protocol = protocol_version;
    std::int64_t pid = 0;
    std::string store;
    std::string started;
    std::string user_id;
    std::int64_t tasks_open = 0;
    std::int64_t series_active = 0;
    std::int64_t reminders_pending = 0;
    std::int64_t deliveries_pending = 0;
    std::int64_t deliveries_dead = 0;
    std::int64_t event_head = 0;
    std::string next_timer;  ///< "" when nothing is planned
    // For an operator only, and where there is any:
    std::vector<BreakerView> breakers;
    std::vector<TopicView> topics;
    std::string sidecar;  ///< "" without a role that needs one, "ok", or what is wrong
};
struct AdminHealth {
    using Reply = Health;
    static constexpr std::string_view method = "admin.health";
    static constexpr bool writes = false;
};

/// When taskd was not awake, the newest first.
struct GapPage {
    std::vector<core::Gap> gaps;
};
struct GapList {
    using Reply = GapPage;
    static constexpr std::string_view method = "gap.list";
    static constexpr bool writes = false;
    std::optional<core::Timestamp> since;  ///< those that ended then or later
    std::int64_t limit = 100;
};

/// One key of the configuration in force; `reloads` says that SIGHUP reads it again.
struct ConfigValue {
    std::string key;
    std::string value;
    std::string origin;
    bool reloads = false;
};
struct ConfigReply {
    std::vector<ConfigValue> values;
};
struct AdminConfig {
    using Reply = ConfigReply;
    static constexpr std::string_view method = "admin.config";
    static constexpr bool writes = false;
};

/// A copy of the store, checked; `path` is absolute and must not exist.
struct BackupReply {
    std::string path;
    std::int64_t bytes = 0;
};
struct AdminBackup {
    using Reply = BackupReply;
    static constexpr std::string_view method = "admin.backup";
    static constexpr bool writes = false;
    std::string path;
};

struct ShutdownReply {
    std::int64_t pid = 0;
};
struct AdminShutdown {
    using Reply = ShutdownReply;
    static constexpr std::string_view method = "admin.shutdown";
    static constexpr bool writes = false;
};

}  // namespace taskd::ipc
