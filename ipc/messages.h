// SPDX-License-Identifier: Apache-2.0
// One request and one reply per method of taskd-protocol(7). A request names its method, its reply
// and whether it writes (writing methods take an idempotency key). Field names are in json/.
#pragma once

#include "core/delivery.h"
#include "core/query.h"
#include "core/reminder.h"
#include "core/series.h"
#include "core/task.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace taskd::ipc {

inline constexpr std::int64_t protocol_version = 1;
inline constexpr std::size_t request_bytes_max = 4 * 1024 * 1024;
inline constexpr std::size_t json_depth_max = 64;
inline constexpr std::size_t batch_max = 100;        ///< requests in one JSON-RPC batch
inline constexpr std::size_t reminders_max = 16;     ///< of one task or series
inline constexpr std::int64_t wait_ms_max = 60'000;  ///< of one long poll
inline constexpr std::size_t argv_bytes_max = 64 * 1024;
inline constexpr std::size_t live_data_bytes_max = 16 * 1024;  ///< larger ones go as `dataref`

/// A series with what people want to see beside it.
struct SeriesView {
    core::Series series;
    std::string words;                       ///< "every weekday at 09:30"
    std::optional<core::CalendarTime> next;  ///< the open occurrence's slot
    std::int64_t open_task = 0;              ///< its number, 0 without one
};

/// An event as CloudEvents 1.0 has it; `data` is JSON text.
struct CloudEvent {
    std::string id;
    std::string source;
    std::string type;
    std::string subject;
    std::string time;
    std::string userid;
    std::int64_t userseq = 0;
    std::string traceparent;
    std::string dataref;  ///< instead of data, in a live copy of a large event
    std::string data;
};

struct TaskAdded {
    core::Task task;
    std::optional<SeriesView> series;
    std::vector<core::Reminder> reminders;
    std::string understood;                 ///< what was made of the words
    std::vector<core::CalendarTime> slots;  ///< the first three of a series
    std::vector<std::string> warnings;
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
};

struct TaskDetails {
    core::Task task;
    std::optional<SeriesView> series;
    std::vector<core::Reminder> reminders;
    std::vector<core::Delivery> deliveries;  ///< the newest 20
};
struct TaskGet {
    using Reply = TaskDetails;
    static constexpr std::string_view method = "task.get";
    static constexpr bool writes = false;
    std::string task;
};

struct TaskPage {
    std::vector<core::Task> tasks;
    std::int64_t total = 0;
};
struct TaskList {
    using Reply = TaskPage;
    static constexpr std::string_view method = "task.list";
    static constexpr bool writes = false;
    core::TaskQuery query;
};

/// A closed task (completed or deleted) and, of a series, what came of it in the same transaction.
struct TaskClosed {
    core::Task task;
    std::optional<core::Task> next;
    std::optional<core::SkippedSlots> skipped;
    bool series_ended = false;
};
struct TaskComplete {
    using Reply = TaskClosed;
    static constexpr std::string_view method = "task.complete";
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

struct Channel {
    std::string name;
    std::string kind = "exec";
    std::vector<std::string> argv;  ///< program and arguments; no shell reads them
    std::int64_t timeout_ms = 30'000;
    bool is_default = false;
};
struct ChannelSet {
    using Reply = Channel;
    static constexpr std::string_view method = "channel.set";
    static constexpr bool writes = true;
    Channel channel;
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

struct DeliveryPage {
    std::vector<core::Delivery> deliveries;
};
struct DeliveryList {
    using Reply = DeliveryPage;
    static constexpr std::string_view method = "delivery.list";
    static constexpr bool writes = false;
    std::int64_t limit = 20;  ///< newest first
};

/// `head` is the user's newest event; `next` is what to pass as `after` to go on.
struct EventPage {
    std::vector<CloudEvent> events;
    std::int64_t head = 0;
    std::int64_t next = 0;
};
struct EventRead {
    using Reply = EventPage;
    static constexpr std::string_view method = "event.read";
    static constexpr bool writes = false;
    std::int64_t after = 0;
    std::vector<std::string> types;
    std::int64_t limit = 100;
    std::int64_t wait_ms = 0;
};
struct EventList {
    using Reply = EventPage;
    static constexpr std::string_view method = "event.list";
    static constexpr bool writes = false;
    std::vector<std::string> types;
    std::int64_t limit = 20;  ///< the newest ones, oldest of them first
    std::int64_t before = 0;  ///< only events before this number; 0: up to the head
};

struct BusEndpointReply {
    std::string endpoint;
    std::int64_t heartbeat_ms = 0;
};
struct BusEndpoint {
    using Reply = BusEndpointReply;
    static constexpr std::string_view method = "bus.endpoint";
    static constexpr bool writes = false;
};

struct Health {
    std::string status = "ok";
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
};
struct AdminHealth {
    using Reply = Health;
    static constexpr std::string_view method = "admin.health";
    static constexpr bool writes = false;
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
