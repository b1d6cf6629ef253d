// SPDX-License-Identifier: Apache-2.0
// How values become JSON and back. A type lists its fields once, in a function fields(f, value);
// the same list writes (Encoder) and reads (Decoder). For the files of this folder only.
#pragma once

#include "core/rfc3339.h"
#include "core/slot.h"
#include "core/text.h"
#include "ipc/field_names.h"
#include "ipc/json.h"

#include <nlohmann/json.hpp>

#include <limits>
#include <type_traits>

namespace taskd::ipc::codec {

using core::invalid_argument;
using nlohmann::json;

class Encoder;
class Decoder;

template <class T>
json encode(const T& value);
template <class T>
core::Result<T> decode(const std::string& field, const json& found);

// ---- scalars ----------------------------------------------------------------------------------

inline std::string shown(const json& found) {
    const std::string text = found.dump(-1, ' ', true, json::error_handler_t::replace);
    return text.size() <= 40 ? text : text.substr(0, 37) + "...";
}

inline tl::unexpected<core::Error> wrong(const std::string& field, const json& found,
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

/// A number or a text, as it came.
template <>
struct Codec<core::ForeignId> {
    static json encode(const core::ForeignId& value) {
        return json::parse(value.str(), nullptr, false);
    }
    static core::Result<core::ForeignId> decode(const std::string& field, const json& found) {
        const bool is_text = found.is_string() && !found.get_ref<const std::string&>().empty() &&
                             found.get_ref<const std::string&>().size() <= 255 &&
                             !core::has_control(found.get_ref<const std::string&>());
        if (!is_text && !found.is_number_integer())
            return wrong(field, found, "a whole number or a text of up to 255 bytes");
        return core::ForeignId{found.dump(-1, ' ', false, json::error_handler_t::replace)};
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
struct Codec<std::chrono::local_days> {
    static json encode(std::chrono::local_days value) {
        return core::format_date(core::LocalTime{value});
    }
    static core::Result<std::chrono::local_days> decode(const std::string& field,
                                                        const json& found) {
        const auto parsed =
            found.is_string() ? core::parse_local(found.get<std::string>()) : std::nullopt;
        if (!parsed) return wrong(field, found, "a date such as 2026-12-25");
        return std::chrono::floor<std::chrono::days>(*parsed);
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

template <>
struct Codec<core::RecurrenceId> {
    static json encode(const core::RecurrenceId& value) { return core::format(value); }
    static core::Result<core::RecurrenceId> decode(const std::string& field, const json& found) {
        const auto parsed =
            found.is_string() ? core::parse_recurrence_id(found.get<std::string>()) : std::nullopt;
        if (!parsed)
            return wrong(field, found, "the local time of a slot such as 2026-11-24T09:30:00");
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
struct ReadRunState {
    auto operator()(const std::string& word) const { return core::run_state_from(word); }
};
struct ReadChannelKind {
    auto operator()(const std::string& word) const { return core::channel_kind_from(word); }
};
struct ReadReminderAnchor {
    auto operator()(const std::string& word) const { return core::reminder_anchor_from(word); }
};
struct ReadCallKind {
    core::Result<core::Call::Kind> operator()(const std::string& word) const {
        return core::call_kind_from(word);
    }
};
struct ReadSkipReason {
    core::Result<core::SkipReason> operator()(const std::string& word) const {
        return core::skip_reason_from(word);
    }
};
struct ReadEventAction {
    auto operator()(const std::string& word) const { return core::event_action_from(word); }
};
struct ReadPingKind {
    auto operator()(const std::string& word) const { return core::ping_kind_from(word); }
};
struct ReadPingOutcome {
    auto operator()(const std::string& word) const { return core::ping_outcome_from(word); }
};
template <>
struct Codec<core::EventRule::Action>
    : WordCodec<core::EventRule::Action, core::to_string, ReadEventAction> {};
template <>
struct Codec<core::PingKind> : WordCodec<core::PingKind, core::to_string, ReadPingKind> {};
template <>
struct Codec<core::PingOutcome> : WordCodec<core::PingOutcome, core::to_string, ReadPingOutcome> {};
template <>
struct Codec<core::Status> : WordCodec<core::Status, core::to_string, ReadStatus> {};
template <>
struct Codec<core::Sort> : WordCodec<core::Sort, core::to_string, ReadSort> {};
template <>
struct Codec<core::DeliveryState>
    : WordCodec<core::DeliveryState, core::to_string, ReadDeliveryState> {};
template <>
struct Codec<core::RunState> : WordCodec<core::RunState, core::to_string, ReadRunState> {};
template <>
struct Codec<core::ChannelKind> : WordCodec<core::ChannelKind, core::to_string, ReadChannelKind> {};
template <>
struct Codec<core::ReminderAnchor>
    : WordCodec<core::ReminderAnchor, core::to_string, ReadReminderAnchor> {};
template <>
struct Codec<core::Call::Kind> : WordCodec<core::Call::Kind, core::to_string, ReadCallKind> {};
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
        for (const auto& value : values) array.push_back(codec::encode(value));
        return array;
    }
    static core::Result<std::vector<T>> decode(const std::string& field, const json& found) {
        if (!found.is_array()) return wrong(field, found, "a list");
        std::vector<T> values;
        for (const auto& item : found) {
            auto value = codec::decode<T>(field, item);
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

/// Collects the names.
class Names {
public:
    template <class T>
    void operator()(const char* name, const T&) {
        names_.emplace_back(name);
    }
    template <class T>
    void sparse(const char* name, const T&) {
        names_.emplace_back(name);
    }
    [[nodiscard]] const std::vector<std::string>& names() const { return names_; }

private:
    std::vector<std::string> names_;
};

// Each list below is read with T = const Type by the Encoder and T = Type by the Decoder.
template <class T, class Type>
concept Of = std::is_same_v<std::remove_const_t<T>, Type>;

template <class T>
json encode(const T& value) {
    if constexpr (HasCodec<T>) {
        return Codec<T>::encode(value);
    } else {
        json object = json::object();
        Encoder encoder(object);
        fields(encoder, value);
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
        return value;
    }
}

}  // namespace taskd::ipc::codec

namespace taskd::ipc {

template <class T>
nlohmann::json to_json(const T& value) {
    return codec::encode(value);
}

template <class T>
core::Result<T> from_json(const nlohmann::json& object) {
    return codec::decode<T>("params", object);
}

template <class T>
std::vector<std::string> field_names() {
    codec::Names names;
    const T value{};
    fields(names, value);
    return names.names();
}

}  // namespace taskd::ipc

#define TASKD_JSON(type)                          \
    template nlohmann::json to_json(const type&); \
    template core::Result<type> from_json(const nlohmann::json&)
#define TASKD_METHOD(type) \
    TASKD_JSON(type);      \
    TASKD_JSON(type::Reply)
