// SPDX-License-Identifier: Apache-2.0
#include "daemon/outbound/notification_bus.h"

#include <systemd/sd-bus.h>
#include <systemd/sd-id128.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <limits>

namespace taskd::daemon {
namespace {

using std::chrono::steady_clock;

constexpr const char* object_path = "/org/freedesktop/Notifications";
constexpr const char* bus_service = "org.freedesktop.DBus";
constexpr const char* bus_path = "/org/freedesktop/DBus";
constexpr const char* owner_rule =
    "type='signal',sender='org.freedesktop.DBus',path='/org/freedesktop/DBus',"
    "interface='org.freedesktop.DBus',member='NameOwnerChanged',"
    "arg0='org.freedesktop.Notifications'";

// Neither the lock nor the thread may be kept by who sends faster than they are read.
constexpr int messages_per_turn = 32;

// Desktop Notifications Specification 1.2, section 6: what is not standard is x-vendor.class.name.
constexpr const char* category = "x-taskd.reminder.due";
constexpr std::int32_t servers_own_expiry = -1;

std::string text_of(const char* text) {
    return text == nullptr ? "" : text;
}

/// What `open` looked for, in words.
std::string place_of(const std::string& address) {
    if (!address.empty()) return address;
    const auto named = [](const char* name) { return text_of(std::getenv(name)); };
    if (const auto value = named("DBUS_SESSION_BUS_ADDRESS"); !value.empty())
        return "DBUS_SESSION_BUS_ADDRESS=" + value;
    if (const auto value = named("XDG_RUNTIME_DIR"); !value.empty()) return value + "/bus";
    return "neither DBUS_SESSION_BUS_ADDRESS nor XDG_RUNTIME_DIR is set";
}

bool read_capabilities(sd_bus_message* message, BusAnswer& answer) {
    if (sd_bus_message_enter_container(message, SD_BUS_TYPE_ARRAY, "s") < 0) return false;
    const char* word = nullptr;
    int result = 0;
    while ((result = sd_bus_message_read_basic(message, SD_BUS_TYPE_STRING, &word)) > 0) {
        answer.server.has_actions |= std::strcmp(word, "actions") == 0;
        answer.server.has_markup |= std::strcmp(word, "body-markup") == 0;
    }
    return result == 0;
}

bool read_id(sd_bus_message* message, BusAnswer& answer) {
    return sd_bus_message_read_basic(message, SD_BUS_TYPE_UINT32, &answer.id) > 0;
}

bool read_owner(sd_bus_message* message, BusAnswer& answer) {
    const char* name = nullptr;
    if (sd_bus_message_read_basic(message, SD_BUS_TYPE_STRING, &name) <= 0) return false;
    answer.server.name = name;
    return true;
}

bool read_nothing(sd_bus_message*, BusAnswer&) {
    return true;
}

/// `first` failed, or what comes after it did.
template <class Next>
int then(int first, Next next) {
    return first < 0 ? first : next();
}

int append_actions(sd_bus_message* message, const NotifyCall& call) {
    int result = sd_bus_message_open_container(message, SD_BUS_TYPE_ARRAY, "s");
    for (const auto& [key, label] : call.actions)
        result = then(result, [&, k = key.c_str(), l = label.c_str()] {
            return sd_bus_message_append(message, "ss", k, l);
        });
    return then(result, [&] { return sd_bus_message_close_container(message); });
}

int append_call(sd_bus_message* message, const NotifyCall& call) {
    const char* const icon = "";
    int result = sd_bus_message_append(message, "susss", "taskd", call.replaces_id, icon,
                                       call.summary.c_str(), call.body.c_str());
    result = then(result, [&] { return append_actions(message, call); });
    // No "desktop-entry": taskd is a daemon and installs none, and a server may look it up.
    return then(result, [&] {
        return sd_bus_message_append(message, "a{sv}i", 2, "urgency", "y", int{call.urgency},
                                     "category", "s", category, servers_own_expiry);
    });
}

}  // namespace

void NotificationBus::Release::operator()(sd_bus* bus) const {
    sd_bus_close_unref(bus);
}
void NotificationBus::Release::operator()(sd_bus_message* message) const {
    sd_bus_message_unref(message);
}

std::unique_ptr<NotificationBus> NotificationBus::open(const std::string& address, Signals signals,
                                                       std::string& error) {
    sd_bus* raw = nullptr;
    int result = 0;
    if (address.empty()) {
        result = sd_bus_open_user(&raw);
    } else {
        result = sd_bus_new(&raw);
        result = then(result, [&] { return sd_bus_set_address(raw, address.c_str()); });
        result = then(result, [&] { return sd_bus_set_bus_client(raw, 1); });
        result = then(result, [&] { return sd_bus_start(raw); });
    }
    std::unique_ptr<NotificationBus> bus(
        new NotificationBus(Owned<sd_bus>(raw), std::move(signals)));
    result = then(result, [&] { return bus->match_signals(); });
    if (result >= 0) return bus;
    error = place_of(address);
    if (result != -ENOMEDIUM) error += ": " + text_of(std::strerror(-result));
    return nullptr;
}

NotificationBus::NotificationBus(Owned<sd_bus> bus, Signals signals)
    : signals_(std::move(signals)), bus_(std::move(bus)) {}

NotificationBus::~NotificationBus() = default;

/// Before any call, so that whatever happens after the first answer is seen. What sd-bus calls is
/// noexcept: it is C, and no exception may pass through it.
int NotificationBus::match_signals() {
    const auto owner = [](sd_bus_message* message, void* self, sd_bus_error*) noexcept {
        return static_cast<NotificationBus*>(self)->on_owner(message);
    };
    const auto signal = [](sd_bus_message* message, void* self, sd_bus_error*) noexcept {
        return static_cast<NotificationBus*>(self)->on_signal(message);
    };
    const auto answer = [](sd_bus_message* message, void* self, sd_bus_error*) noexcept {
        return static_cast<NotificationBus*>(self)->on_answer(message);
    };
    // Without an install callback sd-bus ends the connection if the bus refuses the rule.
    int result = sd_bus_add_match_async(bus_.get(), nullptr, owner_rule, owner, nullptr, this);
    result = then(result, [&] {
        return sd_bus_match_signal_async(bus_.get(), nullptr, notification_service, object_path,
                                         notification_service, nullptr, signal, nullptr, this);
    });
    return then(result, [&] { return sd_bus_add_filter(bus_.get(), nullptr, answer, this); });
}

int NotificationBus::fd() const {
    return sd_bus_get_fd(bus_.get());
}

short NotificationBus::events() const {
    return static_cast<short>(std::max(0, sd_bus_get_events(bus_.get())));
}

int NotificationBus::wait_ms() const {
    constexpr std::uint64_t never = std::numeric_limits<std::uint64_t>::max();
    constexpr std::uint64_t ms_max = 60'000;
    std::uint64_t until = 0;  // microseconds of CLOCK_MONOTONIC, which steady_clock is, too
    if (sd_bus_get_timeout(bus_.get(), &until) < 0) return 0;
    const auto microseconds = [](steady_clock::time_point time) {
        const auto since = time.time_since_epoch();
        return static_cast<std::uint64_t>(
            std::chrono::ceil<std::chrono::microseconds>(since).count());
    };
    for (const auto& call : calls_) until = std::min(until, microseconds(call.until));
    if (until == never) return -1;
    const auto now = microseconds(steady_clock::now());
    return until <= now ? 0 : static_cast<int>(std::min(ms_max, (until - now + 999) / 1000));
}

bool NotificationBus::process() {
    expire();
    for (int i = 0; i < messages_per_turn && is_open(); ++i) {
        const int result = sd_bus_process(bus_.get(), nullptr);
        if (result == 0) return false;
        if (result < 0) end_ = -result;
    }
    return is_open();
}

void NotificationBus::expire() {
    const auto now = steady_clock::now();
    std::list<Call> late;
    for (auto call = calls_.begin(); call != calls_.end();) {
        const auto next = std::next(call);
        if (call->until <= now) late.splice(late.end(), calls_, call);
        call = next;
    }
    for (const auto& call : late)
        call.answered({SD_BUS_ERROR_NO_REPLY, "it took too long", {call.to}});
}

bool NotificationBus::is_open() const {
    return end_ == 0 && sd_bus_is_open(bus_.get()) > 0;
}

void NotificationBus::lose() {
    const auto calls = std::exchange(calls_, {});
    const BusAnswer answer{bus_lost, std::strerror(end_ == 0 ? ECONNRESET : end_)};
    for (const auto& call : calls) call.answered(answer);
}

NotificationBus::Target NotificationBus::bus_itself() {
    return {bus_service, bus_path, bus_service};
}

/// By its unique name: an id to replace or to close means something to that server only.
NotificationBus::Target NotificationBus::service_at(const std::string& server) {
    return {server, object_path, notification_service};
}

std::string NotificationBus::id() const {
    // It never waits for an answer: sd-bus would, as long as the connection is not made.
    if (sd_bus_is_ready(bus_.get()) <= 0) return "";
    sd_id128_t id{};
    if (sd_bus_get_bus_id(bus_.get(), &id) < 0) return "";
    std::array<char, SD_ID128_STRING_MAX> text{};
    return sd_id128_to_string(id, text.data());
}

void NotificationBus::owner(std::chrono::milliseconds timeout, Answered answered) {
    Message message;
    const int result = then(new_message(message, bus_itself(), "GetNameOwner"), [&] {
        return sd_bus_message_append(message.get(), "s", notification_service);
    });
    send(result, message, bus_itself(), timeout, read_owner, std::move(answered));
}

void NotificationBus::start(std::chrono::milliseconds timeout, Answered answered) {
    Message message;
    const std::uint32_t no_flags = 0;
    const int result = then(new_message(message, bus_itself(), "StartServiceByName"), [&] {
        return sd_bus_message_append(message.get(), "su", notification_service, no_flags);
    });
    send(result, message, bus_itself(), timeout, read_nothing, std::move(answered));
}

void NotificationBus::capabilities(const std::string& server, std::chrono::milliseconds timeout,
                                   Answered answered) {
    Message message;
    const int result = new_message(message, service_at(server), "GetCapabilities");
    send(result, message, service_at(server), timeout, read_capabilities, std::move(answered));
}

void NotificationBus::notify(const std::string& server, const NotifyCall& call,
                             std::chrono::milliseconds timeout, Answered answered) {
    Message message;
    const int result = then(new_message(message, service_at(server), "Notify"),
                            [&] { return append_call(message.get(), call); });
    send(result, message, service_at(server), timeout, read_id, std::move(answered));
}

void NotificationBus::close(const std::string& server, std::uint32_t id) {
    Message message;
    const int result = then(new_message(message, service_at(server), "CloseNotification"),
                            [&] { return sd_bus_message_append(message.get(), "u", id); });
    // Without a cookie sd-bus says that no reply is expected.
    if (result >= 0) sd_bus_send(bus_.get(), message.get(), nullptr);
}

int NotificationBus::new_message(Message& message, const Target& to, const char* member) const {
    sd_bus_message* raw = nullptr;
    const int result = sd_bus_message_new_method_call(bus_.get(), &raw, to.name.c_str(), to.path,
                                                      to.interface, member);
    message.reset(raw);
    return result;
}

/// Not by sd_bus_call_async(): it takes any answer with the right number, and dbus-daemon's usual
/// session policy (eavesdrop="true") lets anybody on the bus send one. The numbers are easy to
/// guess.
void NotificationBus::send(int error, const Message& message, const Target& to,
                           std::chrono::milliseconds timeout, Reader read, Answered answered) {
    if (calls_.size() >= notification_calls_max) {
        answered({SD_BUS_ERROR_LIMITS_EXCEEDED, "too many calls are unanswered", {to.name}});
        return;
    }
    std::uint64_t cookie = 0;
    error = then(error, [&] { return sd_bus_send(bus_.get(), message.get(), &cookie); });
    if (error < 0) {
        const bool is_lost = error == -ENOTCONN || error == -ECONNRESET || error == -EPIPE;
        answered({is_lost ? bus_lost : SD_BUS_ERROR_FAILED, std::strerror(-error), {to.name}});
        return;
    }
    calls_.push_back({cookie, to.name, steady_clock::now() + timeout, read, std::move(answered)});
}

int NotificationBus::on_answer(sd_bus_message* message) {
    std::uint64_t cookie = 0;
    if (sd_bus_message_get_reply_cookie(message, &cookie) < 0) return 0;
    const auto at = std::find_if(calls_.begin(), calls_.end(),
                                 [&](const Call& call) { return call.cookie == cookie; });
    const auto sender = text_of(sd_bus_message_get_sender(message));
    // The bus answers for who is not there, or went away.
    if (at == calls_.end() || (sender != at->to && sender != bus_service)) return 0;

    const Call call = std::move(*at);
    calls_.erase(at);
    BusAnswer answer{"", "", {call.to}};
    if (const auto* const error = sd_bus_message_get_error(message); error != nullptr) {
        answer.error = text_of(error->name);
        answer.text = text_of(error->message);
    } else if (!call.read(message, answer)) {
        answer = {SD_BUS_ERROR_INVALID_SIGNATURE, "the answer has another type", {call.to}};
    }
    call.answered(answer);
    return 1;
}

int NotificationBus::on_owner(sd_bus_message* message) {
    const char* name = nullptr;
    const char* before = nullptr;
    const char* after = nullptr;
    // sd-bus lets a signal that is addressed to us alone pass a rule with a well-known sender,
    // whoever sent it.
    if (text_of(sd_bus_message_get_sender(message)) == bus_service &&
        sd_bus_message_read(message, "sss", &name, &before, &after) > 0 &&
        std::strcmp(name, notification_service) == 0)
        signals_.owner_changed(after);
    return 0;
}

int NotificationBus::on_signal(sd_bus_message* message) {
    const auto sender = text_of(sd_bus_message_get_sender(message));
    const auto member = text_of(sd_bus_message_get_member(message));
    std::uint32_t id = 0;
    if (member == "ActionInvoked") {
        const char* key = nullptr;
        if (sd_bus_message_read(message, "us", &id, &key) > 0) signals_.action(sender, id, key);
    } else if (member == "NotificationClosed") {
        std::uint32_t reason = 0;
        if (sd_bus_message_read(message, "uu", &id, &reason) > 0)
            signals_.closed(sender, id, reason);
    }
    return 0;
}

}  // namespace taskd::daemon
