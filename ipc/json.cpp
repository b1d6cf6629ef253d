// SPDX-License-Identifier: Apache-2.0
// The only file that spells field names. Each type lists its fields once; the same list writes
// (Encoder) and reads (Decoder).
#include "ipc/json.h"

#include "core/rfc3339.h"
#include "core/text.h"

#include <nlohmann/json.hpp>

#include <limits>
#include <type_traits>

namespace taskd::ipc {
namespace {

using core::invalid_argument;
using nlohmann::json;

class Encoder;
class Decoder;

template <class T>
json encode(const T& value);
template <class T>
core::Result<T> decode(const std::string& field, const json& found);

// ---- scalars ----------------------------------------------------------------------------------

std::string shown(const json& found) {
    const std::string text = found.dump(-1, ' ', true, json::error_handler_t::replace);
    return text.size() <= 40 ? text : text.substr(0, 37) + "...";
}

tl::unexpected<core::Error> wrong(const std::string& field, const json& found,
                                  const std::string& accepted) {
    return invalid_argument(field, shown(found) + " is not accepted; use " + accepted);
}

template <class T>
struct Codec;  // specialised below; types with fields() use the primary route in encode and decode

template <class T>
concept HasCodec = requires(const T& value) {
    Codec<T>::encode(value);
};

template <>
struct Codec<std::string> {
    static json encode(const std::string& value) { return value; }
    static core::Result<std::string> decode(const std::string& field, const json& found) {
        if (!found.is_string()) return wrong(field, found, "a text");
        return found.get<std::string>();
    }
};

template <>
struct Codec<bool> {
    static json encode(bool value) { return value; }
    static core::Result<bool> decode(const std::string& field, const json& found) {
        if (!found.is_boolean()) return wrong(field, found, "true or false");
        return found.get<bool>();
    }
};

template <class T>
requires(std::is_integral_v<T> && !std::is_same_v<T, bool>) struct Codec<T> {
    static json encode(T value) { return value; }
    static core::Result<T> decode(const std::string& field, const json& found) {
        const bool fits = found.is_number_integer() &&
                          (!found.is_number_unsigned() ||
                           found.get<std::uint64_t>() <=
                               static_cast<std::uint64_t>(std::numeric_limits<T>::max()));
        if (!fits) return wrong(field, found, "a whole number");
        const auto value = found.get<std::int64_t>();
        if (value < static_cast<std::int64_t>(std::numeric_limits<T>::min()))
            return wrong(field, found, "a whole number in range");
        return static_cast<T>(found.get<std::uint64_t>());
    }
};

template <class Kind>
struct Codec<core::Id<Kind>> {
    static json encode(const core::Id<Kind>& value) { return value.str(); }
    static core::Result<core::Id<Kind>> decode(const std::string& field, const json& found) {
        if (!found.is_string()) return wrong(field, found, "an id");
        return core::Id<Kind>{found.get<std::string>()};
    }
};

template <>
struct Codec<core::Timestamp> {
    static json encode(core::Timestamp value) { return core::format_utc(value); }
    static core::Result<core::Timestamp> decode(const std::string& field, const json& found) {
        const auto parsed =
            found.is_string() ? core::parse_utc(found.get<std::string>()) : std::nullopt;
        if (!parsed) return wrong(field, found, "an RFC 3339 time such as 2026-11-24T08:30:00Z");
        return *parsed;
    }
};

template <>
struct Codec<core::LocalTime> {
    static json encode(core::LocalTime value) { return core::format_local(value); }
    static core::Result<core::LocalTime> decode(const std::string& field, const json& found) {
        const auto parsed =
            found.is_string() ? core::parse_local(found.get<std::string>()) : std::nullopt;
        if (!parsed) return wrong(field, found, "a local time such as 2026-11-24T09:30:00");
        return *parsed;
    }
};

template <class Rep, class Period>
struct Codec<std::chrono::duration<Rep, Period>> {
    using Duration = std::chrono::duration<Rep, Period>;
    static json encode(Duration value) { return std::chrono::milliseconds{value}.count(); }
    static core::Result<Duration> decode(const std::string& field, const json& found) {
        const auto value = Codec<std::int64_t>::decode(field, found);
        if (!value) return tl::unexpected(value.error());
        return std::chrono::duration_cast<Duration>(std::chrono::milliseconds{*value});
    }
};

// An enumeration travels as its word.
template <class T, std::string_view (*write)(T), class Read>
struct WordCodec {
    static json encode(T value) { return std::string(write(value)); }
    static core::Result<T> decode(const std::string& field, const json& found) {
        if (!found.is_string()) return wrong(field, found, "a word");
        auto read = Read{}(found.get<std::string>());
        if (read || read.error().field == field) return read;
        // core names what it reads; the caller is told the field that it wrote.
        auto& message = read.error().message;
        message.replace(0, read.error().field.size(), field);
        read.error().field = field;
        return read;
    }
};
struct ReadStatus {
    auto operator()(const std::string& word) const { return core::status_from(word); }
};
struct ReadSort {
    auto operator()(const std::string& word) const { return core::sort_from(word); }
};
struct ReadDeliveryState {
    core::Result<core::DeliveryState> operator()(const std::string& word) const {
        return core::delivery_state_from(word);
    }
};
struct ReadSkipReason {
    core::Result<core::SkipReason> operator()(const std::string& word) const {
        return core::skip_reason_from(word);
    }
};
template <>
struct Codec<core::Status> : WordCodec<core::Status, core::to_string, ReadStatus> {};
template <>
struct Codec<core::Sort> : WordCodec<core::Sort, core::to_string, ReadSort> {};
template <>
struct Codec<core::DeliveryState>
    : WordCodec<core::DeliveryState, core::to_string, ReadDeliveryState> {};
template <>
struct Codec<core::SkipReason> : WordCodec<core::SkipReason, core::to_string, ReadSkipReason> {};

template <>
struct Codec<core::Rrule> {
    static json encode(const core::Rrule& value) { return core::format_rrule(value); }
    static core::Result<core::Rrule> decode(const std::string& field, const json& found) {
        if (!found.is_string()) return wrong(field, found, "a rule such as FREQ=DAILY");
        return core::parse_rrule(found.get<std::string>());
    }
};

template <class T>
struct Codec<std::vector<T>> {
    static json encode(const std::vector<T>& values) {
        json array = json::array();
        for (const auto& value : values) array.push_back(ipc::encode(value));
        return array;
    }
    static core::Result<std::vector<T>> decode(const std::string& field, const json& found) {
        if (!found.is_array()) return wrong(field, found, "a list");
        std::vector<T> values;
        for (const auto& item : found) {
            auto value = ipc::decode<T>(field, item);
            if (!value) return tl::unexpected(value.error());
            values.push_back(std::move(*value));
        }
        return values;
    }
};

// ---- objects ----------------------------------------------------------------------------------

/// Writes fields into an object; what is empty by its nature (no value) is left out.
class Encoder {
public:
    explicit Encoder(json& object) : object_(object) {}

    template <class T>
    void operator()(const char* name, const T& value) {
        object_[name] = encode(value);
    }
    template <class T>
    void operator()(const char* name, const std::optional<T>& value) {
        if (value) object_[name] = encode(*value);
    }
    /// A field that is left out while it has its default, to keep messages short.
    template <class T>
    void sparse(const char* name, const T& value) {
        if (value != T{}) object_[name] = encode(value);
    }

private:
    json& object_;
};

/// Reads fields from an object; the first wrong one is kept as error.
class Decoder {
public:
    explicit Decoder(const json& object) : object_(object) {}

    template <class T>
    void operator()(const char* name, T& value) {
        const auto found = object_.find(name);
        if (found == object_.end() || found->is_null() || error_) return;
        auto read = decode<T>(name, *found);
        if (read)
            value = std::move(*read);
        else
            error_ = read.error();
    }
    template <class T>
    void operator()(const char* name, std::optional<T>& value) {
        const auto found = object_.find(name);
        if (found == object_.end() || found->is_null() || error_) return;
        (*this)(name, value.emplace());
    }
    template <class T>
    void sparse(const char* name, T& value) {
        (*this)(name, value);
    }

    [[nodiscard]] const std::optional<core::Error>& error() const { return error_; }

private:
    const json& object_;
    std::optional<core::Error> error_;
};

// Each list below is read with T = const Type by the Encoder and T = Type by the Decoder.
template <class T, class Type>
concept Of = std::is_same_v<std::remove_const_t<T>, Type>;

void fields(auto& f, Of<core::CalendarTime> auto& v) {
    f("at", v.at);
    f("local", v.local);
    f("tzid", v.tzid);
    f.sparse("is_date", v.is_date);
}
void fields(auto& f, Of<core::TaskContent> auto& v) {
    f("summary", v.summary);
    f.sparse("notes", v.notes);
    f.sparse("project", v.project);
    f.sparse("tags", v.tags);
    f.sparse("priority", v.priority);
    f("start", v.start);
    f("due", v.due);
}
void fields(auto& f, Of<core::Task> auto& v) {
    f("id", v.id);
    f("number", v.number);
    f("user_id", v.user);
    fields(f, v.content);
    f("status", v.status);
    f.sparse("series_id", v.series);
    f("recurrence_id", v.recurrence_id);
    f("created", v.created);
    f("modified", v.modified);
    f("completed", v.completed);
    f("deleted", v.deleted);
    f("revision", v.revision);
}
void fields(auto& f, Of<core::Series> auto& v) {
    f("id", v.id);
    f("user_id", v.user);
    fields(f, v.content);
    f("dtstart", v.dtstart);
    f.sparse("is_date", v.is_date);
    f("tzid", v.tzid);
    f("rrule", v.rule);
    f("created", v.created);
    f("ended", v.ended);
    f("revision", v.revision);
}
void fields(auto& f, Of<core::SkippedSlots> auto& v) {
    f("from", v.from);
    f("to", v.to);
    f("count", v.count);
    f("reason", v.reason);
}
void fields(auto& f, Of<core::OccurrenceSkipped> auto& v) {
    f("series_id", v.series);
    fields(f, v.slots);
}
void fields(auto& f, Of<core::Reminder> auto& v) {
    f("id", v.id);
    f.sparse("task_id", v.task);
    f.sparse("series_id", v.series);
    f("before_ms", v.before);
    f.sparse("channels", v.channels);
    f("grace_ms", v.grace);
    f.sparse("fired", v.fired);
    f("fired_slot", v.fired_slot);
    f("next_slot", v.next_slot);
    f("next", v.next);
}
void fields(auto& f, Of<core::ReminderFired> auto& v) {
    f("reminder_id", v.reminder);
    f.sparse("task_id", v.task);
    f.sparse("series_id", v.series);
    f("summary", v.summary);
    f("recurrence_id", v.recurrence_id);
    f("due", v.due);
    f("planned", v.planned);
    f("late_ms", v.late);
    f("firing", v.firing);
    f("missed", v.missed);
}
void fields(auto& f, Of<core::Delivery> auto& v) {
    f("id", v.id);
    f("reminder_id", v.reminder);
    f.sparse("task_id", v.task);
    f.sparse("recurrence_id", v.recurrence_id);
    f("channel", v.channel);
    f("firing", v.firing);
    f("event_userseq", v.event_user_seq);
    f("state", v.state);
    f("attempts", v.attempts);
    f("created", v.created);
    f("next_attempt", v.next_attempt);
    f("finished", v.finished);
    f.sparse("result", v.result);
    f.sparse("output", v.output);
}
void fields(auto& f, Of<core::TaskQuery> auto& v) {
    f("statuses", v.statuses);
    f.sparse("deleted", v.deleted);
    f.sparse("project", v.project);
    f.sparse("tags", v.tags);
    f.sparse("text", v.text);
    f("due_from", v.due_from);
    f("due_before", v.due_before);
    f("sort", v.sort);
    f("limit", v.limit);
    f.sparse("offset", v.offset);
}
void fields(auto& f, Of<SeriesView> auto& v) {
    fields(f, v.series);
    f("words", v.words);
    f("next", v.next);
    f.sparse("open_task", v.open_task);
}
void fields(auto& f, Of<CloudEvent> auto& v) {
    f("id", v.id);
    f("source", v.source);
    f("type", v.type);
    f("subject", v.subject);
    f("time", v.time);
    f("userid", v.userid);
    f("userseq", v.userseq);
    f.sparse("traceparent", v.traceparent);
    f.sparse("dataref", v.dataref);
}
void fields(auto& f, Of<TaskAdd> auto& v) {
    f("summary", v.summary);
    f.sparse("notes", v.notes);
    f.sparse("project", v.project);
    f.sparse("tags", v.tags);
    f.sparse("priority", v.priority);
    f.sparse("start", v.start);
    f.sparse("due", v.due);
    f.sparse("at", v.at);
    f.sparse("every", v.every);
    f.sparse("tz", v.tz);
    f.sparse("tz_default", v.tz_default);
    f.sparse("remind", v.remind);
    f.sparse("channels", v.channels);
}
void fields(auto& f, Of<TaskAdded> auto& v) {
    f("task", v.task);
    f("series", v.series);
    f.sparse("reminders", v.reminders);
    f("understood", v.understood);
    f.sparse("slots", v.slots);
    f.sparse("warnings", v.warnings);
}
void fields(auto& f, Of<TaskGet> auto& v) {
    f("task", v.task);
}
void fields(auto& f, Of<TaskDetails> auto& v) {
    f("task", v.task);
    f("series", v.series);
    f("reminders", v.reminders);
    f("deliveries", v.deliveries);
}
void fields(auto& f, Of<TaskList> auto& v) {
    fields(f, v.query);
}
void fields(auto& f, Of<TaskPage> auto& v) {
    f("tasks", v.tasks);
    f("total", v.total);
}
void fields(auto& f, Of<TaskComplete> auto& v) {
    f("task", v.task);
}
void fields(auto& f, Of<TaskDelete> auto& v) {
    f("task", v.task);
}
void fields(auto& f, Of<TaskReopen> auto& v) {
    f("task", v.task);
}
void fields(auto& f, Of<TaskRestore> auto& v) {
    f("task", v.task);
}
void fields(auto& f, Of<TaskClosed> auto& v) {
    f("task", v.task);
    f("next", v.next);
    f("skipped", v.skipped);
    f.sparse("series_ended", v.series_ended);
}
void fields(auto& f, Of<TaskReopened> auto& v) {
    f("task", v.task);
    f.sparse("removed", v.removed);
}
void fields(auto& f, Of<SeriesList> auto& v) {
    f.sparse("ended", v.ended);
    f("limit", v.limit);
    f.sparse("offset", v.offset);
}
void fields(auto& f, Of<SeriesPage> auto& v) {
    f("series", v.series);
    f("total", v.total);
}
void fields(auto& f, Of<Channel> auto& v) {
    f("name", v.name);
    f("kind", v.kind);
    f("argv", v.argv);
    f("timeout_ms", v.timeout_ms);
    f("is_default", v.is_default);
}
void fields(auto& f, Of<ChannelSet> auto& v) {
    fields(f, v.channel);
}
void fields(auto&, Of<ChannelList> auto&) {}
void fields(auto& f, Of<ChannelPage> auto& v) {
    f("channels", v.channels);
}
void fields(auto& f, Of<ChannelRemove> auto& v) {
    f("name", v.name);
}
void fields(auto& f, Of<DeliveryList> auto& v) {
    f("limit", v.limit);
}
void fields(auto& f, Of<DeliveryPage> auto& v) {
    f("deliveries", v.deliveries);
}
void fields(auto& f, Of<EventRead> auto& v) {
    f("after", v.after);
    f.sparse("types", v.types);
    f("limit", v.limit);
    f.sparse("wait_ms", v.wait_ms);
}
void fields(auto& f, Of<EventList> auto& v) {
    f.sparse("types", v.types);
    f("limit", v.limit);
    f.sparse("before", v.before);
}
void fields(auto& f, Of<EventPage> auto& v) {
    f("events", v.events);
    f("head", v.head);
    f("next", v.next);
}
void fields(auto&, Of<BusEndpoint> auto&) {}
void fields(auto& f, Of<BusEndpointReply> auto& v) {
    f("endpoint", v.endpoint);
    f("heartbeat_ms", v.heartbeat_ms);
}
void fields(auto&, Of<AdminHealth> auto&) {}
void fields(auto& f, Of<Health> auto& v) {
    f("status", v.status);
    f("version", v.version);
    f("protocol", v.protocol);
    f("pid", v.pid);
    f("store", v.store);
    f("started", v.started);
    f("user_id", v.user_id);
    f("tasks_open", v.tasks_open);
    f("series_active", v.series_active);
    f("reminders_pending", v.reminders_pending);
    f("deliveries_pending", v.deliveries_pending);
    f("deliveries_dead", v.deliveries_dead);
    f("event_head", v.event_head);
    f.sparse("next_timer", v.next_timer);
}
void fields(auto&, Of<AdminShutdown> auto&) {}
void fields(auto& f, Of<ShutdownReply> auto& v) {
    f("pid", v.pid);
}

template <class T>
json encode(const T& value) {
    if constexpr (HasCodec<T>) {
        return Codec<T>::encode(value);
    } else {
        json object = json::object();
        Encoder encoder(object);
        fields(encoder, value);
        if constexpr (std::is_same_v<T, CloudEvent>) {
            object["specversion"] = "1.0";
            object["datacontenttype"] = "application/json";
            if (value.dataref.empty()) object["data"] = json::parse(value.data);
        }
        return object;
    }
}

template <class T>
core::Result<T> decode(const std::string& field, const json& found) {
    if constexpr (HasCodec<T>) {
        return Codec<T>::decode(field, found);
    } else {
        if (!found.is_object()) return wrong(field, found, "an object");
        T value{};
        Decoder decoder(found);
        fields(decoder, value);
        if (decoder.error()) return tl::unexpected(*decoder.error());
        if constexpr (std::is_same_v<T, CloudEvent>)
            if (const auto data = found.find("data"); data != found.end())
                value.data = data->dump();
        return value;
    }
}

}  // namespace

core::Result<json> parse_json(std::string_view text) {
    bool too_deep = false;
    const auto bounded = [&](int depth, json::parse_event_t, json&) {
        // Depth is what recursive writers and destructors would pay for later.
        too_deep = too_deep || depth >= static_cast<int>(json_depth_max);
        return !too_deep;
    };
    try {
        json value = json::parse(text, bounded);
        if (too_deep) return invalid_argument("json", "is nested deeper than 64 levels");
        return value;
    } catch (const json::exception& error) {
        // The library's text names the byte; its own prefix is of no use to the reader.
        const std::string what = error.what();
        const auto colon = what.find("] ");
        return invalid_argument(
            "json",
            "is not accepted: " + (colon == std::string::npos ? what : what.substr(colon + 2)));
    }
}

template <class T>
json to_json(const T& value) {
    return encode(value);
}

template <class T>
core::Result<T> from_json(const json& object) {
    return decode<T>("params", object);
}

json payload_json(const core::Payload& payload) {
    return std::visit([](const auto& value) { return encode(value); }, payload);
}

std::string to_text(const CloudEvent& event) {
    const auto quoted = [](const std::string& text) { return json(text).dump(); };
    std::string text = R"({"specversion":"1.0","id":)" + quoted(event.id) +
                       ",\"source\":" + quoted(event.source) + ",\"type\":" + quoted(event.type) +
                       ",\"subject\":" + quoted(event.subject) + ",\"time\":" + quoted(event.time) +
                       ",\"userid\":" + quoted(event.userid) +
                       ",\"userseq\":" + std::to_string(event.userseq);
    if (!event.traceparent.empty()) text += ",\"traceparent\":" + quoted(event.traceparent);
    if (!event.dataref.empty()) return text + ",\"dataref\":" + quoted(event.dataref) + "}";
    return text + ",\"datacontenttype\":\"application/json\",\"data\":" + event.data + "}";
}

#define TASKD_JSON(type)                \
    template json to_json(const type&); \
    template core::Result<type> from_json(const json&)
#define TASKD_METHOD(type) \
    TASKD_JSON(type);      \
    TASKD_JSON(type::Reply)

TASKD_JSON(core::Task);
TASKD_JSON(core::Series);
TASKD_JSON(core::CalendarTime);
TASKD_JSON(core::TaskContent);
TASKD_JSON(core::Reminder);
TASKD_JSON(core::Delivery);
TASKD_JSON(CloudEvent);
TASKD_JSON(SeriesView);
TASKD_JSON(TaskComplete);
TASKD_JSON(TaskDelete);
TASKD_JSON(TaskClosed);
TASKD_JSON(TaskReopen);
TASKD_JSON(TaskRestore);
TASKD_JSON(TaskReopened);
TASKD_JSON(ChannelSet);
TASKD_JSON(ChannelRemove);
TASKD_JSON(Channel);
TASKD_JSON(EventRead);
TASKD_JSON(EventList);
TASKD_JSON(EventPage);
TASKD_METHOD(TaskAdd);
TASKD_METHOD(TaskGet);
TASKD_METHOD(TaskList);
TASKD_METHOD(SeriesList);
TASKD_METHOD(ChannelList);
TASKD_METHOD(DeliveryList);
TASKD_METHOD(BusEndpoint);
TASKD_METHOD(AdminHealth);
TASKD_METHOD(AdminShutdown);

}  // namespace taskd::ipc
