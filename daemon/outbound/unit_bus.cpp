// SPDX-License-Identifier: Apache-2.0
#include "daemon/outbound/unit_bus.h"

#include "core/check.h"

#include <systemd/sd-bus.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <poll.h>
#include <string_view>
#include <unistd.h>

namespace taskd::daemon {
namespace {

using std::chrono::microseconds;
using std::chrono::steady_clock;

constexpr const char* owner_rule =
    "type='signal',sender='org.freedesktop.DBus',path='/org/freedesktop/DBus',"
    "interface='org.freedesktop.DBus',member='NameOwnerChanged',arg0='org.freedesktop.systemd1'";

// As systemd's own tools wait: polkit may have to ask somebody.
constexpr microseconds answer_within = std::chrono::seconds{90};
// The runner's other commands must not wait for a bus that sends faster than it is read.
constexpr int messages_per_turn = 32;

std::uint64_t microseconds_of(steady_clock::time_point time) {
    return static_cast<std::uint64_t>(
        std::chrono::ceil<microseconds>(time.time_since_epoch()).count());
}

}  // namespace

void UnitBus::Release::operator()(sd_bus* bus) const {
    sd_bus_close_unref(bus);
}
void UnitBus::Release::operator()(sd_bus_message* message) const {
    sd_bus_message_unref(message);
}
void UnitBus::Release::operator()(sd_bus_slot* slot) const {
    sd_bus_slot_unref(slot);
}

bool is_unit_of_systemd() {
    // Everything that a unit starts inherits INVOCATION_ID, terminals among it; the number is of
    // the process itself, and is there since systemd 248.
    const char* const process = std::getenv("SYSTEMD_EXEC_PID");
    return std::getenv("INVOCATION_ID") != nullptr &&
           (process == nullptr || process == std::to_string(getpid()));
}

std::unique_ptr<UnitBus> UnitBus::open(const UnitPlace& place, std::string& error) {
    sd_bus* raw = nullptr;
    int result = 0;
    if (place.address.empty()) {
        result = place.is_system ? sd_bus_open_system(&raw) : sd_bus_open_user(&raw);
    } else {
        result = sd_bus_new(&raw);
        if (result >= 0) result = sd_bus_set_address(raw, place.address.c_str());
        if (result >= 0) result = sd_bus_set_bus_client(raw, 1);
        if (result >= 0) result = sd_bus_start(raw);
    }
    std::unique_ptr<UnitBus> bus(new UnitBus(place, Owned<sd_bus>(raw)));
    if (result >= 0) result = bus->match();
    if (result >= 0) return bus;
    error = std::string("can't reach its bus: ") + std::strerror(-result);
    return nullptr;
}

UnitBus::UnitBus(const UnitPlace& place, Owned<sd_bus> bus)
    : place_(place), gone_since_(steady_clock::now()), bus_(std::move(bus)) {}

UnitBus::~UnitBus() = default;

/// What sd-bus calls is noexcept: it is C, and no exception may pass through it.
int UnitBus::match() {
    const auto owner = [](sd_bus_message* message, void* self, sd_bus_error*) noexcept {
        static_cast<UnitBus*>(self)->on_owner(message);
        return 0;
    };
    const auto job = [](sd_bus_message* message, void* self, sd_bus_error*) noexcept {
        static_cast<UnitBus*>(self)->on_job(message);
        return 0;
    };
    const int result =
        sd_bus_add_match_async(bus_.get(), nullptr, owner_rule, owner, nullptr, this);
    if (result < 0) return result;
    return sd_bus_match_signal_async(bus_.get(), nullptr, systemd1::service, systemd1::manager_path,
                                     systemd1::manager, "JobRemoved", job, nullptr, this);
}

int UnitBus::fd() const {
    return sd_bus_get_fd(bus_.get());
}

short UnitBus::events() const {
    return static_cast<short>(std::max(0, sd_bus_get_events(bus_.get())));
}

int UnitBus::wait_ms() const {
    constexpr std::uint64_t never = std::numeric_limits<std::uint64_t>::max();
    constexpr std::uint64_t ms_max = 60'000;
    std::uint64_t until = 0;  // microseconds of CLOCK_MONOTONIC, which steady_clock is, too
    if (sd_bus_get_timeout(bus_.get(), &until) < 0) return 0;
    if (gone_since_ && !units_.empty())
        until = std::min(until, microseconds_of(*gone_since_ + place_.patience));
    if (until == never) return -1;
    const auto now = microseconds_of(steady_clock::now());
    return until <= now ? 0 : static_cast<int>(std::min(ms_max, (until - now + 999) / 1000));
}

void UnitBus::process() {
    int result = 1;
    for (int i = 0; i < messages_per_turn && result > 0 && is_open(); ++i) {
        result = sd_bus_process(bus_.get(), nullptr);
        if (result < 0) end_ = -result;
        if (was_ready_ || sd_bus_is_ready(bus_.get()) <= 0) continue;
        was_ready_ = true;
        gone_since_.reset();
        for (auto& [name, entry] : units_)
            if (entry.start) send_start(entry);
    }
    const bool is_late = gone_since_ && steady_clock::now() >= *gone_since_ + place_.patience;
    if (is_late && !was_ready_) end_ = ETIMEDOUT;  // what was to be sent never is
    if (!is_open())
        lose_all("the connection to systemd ended");
    else if (is_late)
        lose_all("systemd went away");
}

bool UnitBus::is_open() const {
    return end_ == 0 && sd_bus_is_open(bus_.get()) > 0;
}

const UnitBus::Unit& UnitBus::at(const std::string& name) const {
    const auto found = units_.find(name);
    core::check(found != units_.end(), "a unit is looked at until it is forgotten");
    return found->second.unit;
}

void UnitBus::lose(Entry& entry, const std::string& why) {
    auto& unit = entry.unit;
    if (unit.state != State::asked && unit.state != State::running) return;
    // Without a connection that was made, nobody was asked for anything.
    unit.state = was_ready_ ? State::lost : State::refused;
    unit.why = why;
}

void UnitBus::lose_all(const std::string& why) {
    for (auto& [name, entry] : units_) lose(entry, why);
}

UnitBus::Owned<sd_bus_message> UnitBus::call_of(const std::string& path, const char* interface,
                                                const char* member) const {
    sd_bus_message* raw = nullptr;
    const std::string to = manager_.empty() ? systemd1::service : manager_;
    if (sd_bus_message_new_method_call(bus_.get(), &raw, to.c_str(), path.c_str(), interface,
                                       member) < 0)
        return nullptr;
    // The bus must not try to start one.
    sd_bus_message_set_auto_start(raw, 0);
    return Owned<sd_bus_message>(raw);
}

int UnitBus::send(Entry& entry, const Owned<sd_bus_message>& message,
                  void (UnitBus::*answered)(Entry&, sd_bus_message*)) {
    entry.answered = answered;
    const auto call = [](sd_bus_message* answer, void* self, sd_bus_error*) noexcept {
        auto& called = *static_cast<Entry*>(self);
        called.call.reset();
        (called.bus.*called.answered)(called, answer);
        return 0;
    };
    sd_bus_slot* slot = nullptr;
    const int result = sd_bus_call_async(bus_.get(), &slot, message.get(), call, &entry,
                                         static_cast<std::uint64_t>(answer_within.count()));
    entry.call.reset(slot);
    return result;
}

/// Without it there are no signals. It is said before each start and stop, so that it does not
/// matter which manager of several, one after the other, has heard it; a second time is an error
/// that nobody waits for.
void UnitBus::subscribe() {
    const auto message = call_of(systemd1::manager_path, systemd1::manager, "Subscribe");
    if (!message) return;
    sd_bus_message_set_expect_reply(message.get(), 0);
    sd_bus_send(bus_.get(), message.get(), nullptr);
}

void UnitBus::start(const NewUnit& unit) {
    auto& entry = units_.try_emplace(unit.name, Entry{*this}).first->second;
    if (const int result = make_start(entry, unit); result < 0) return refuse(entry, -result);
    if (was_ready_) send_start(entry);
}

void UnitBus::refuse(Entry& entry, int error) {
    entry.unit.state = State::refused;
    entry.unit.why = std::strerror(error);
    entry.start.reset();
}

/// sd-bus must not get it before the connection is made: it would wait for that, as it can't know
/// before whether the bus takes descriptors.
void UnitBus::send_start(Entry& entry) {
    const auto message = std::move(entry.start);
    subscribe();
    const int result = send(entry, message, &UnitBus::on_started);
    if (result < 0) refuse(entry, -result);
}

int UnitBus::match_changes(Entry& entry, const std::string& name) {
    char* path = nullptr;
    if (const int result =
            sd_bus_path_encode("/org/freedesktop/systemd1/unit", name.c_str(), &path);
        result < 0)
        return result;
    entry.path = path;
    std::free(path);  // NOLINT(cppcoreguidelines-no-malloc): sd-bus gives it so
    const auto changed = [](sd_bus_message* message, void* self, sd_bus_error*) noexcept {
        auto& unit = *static_cast<Entry*>(self);
        const bool is_managers = unit.bus.manager_ == sender_of(message);
        if (is_managers && unit.unit.state == State::running) unit.bus.ask(unit);
        return 0;
    };
    sd_bus_slot* slot = nullptr;
    const int result = sd_bus_match_signal_async(bus_.get(), &slot, systemd1::service,
                                                 entry.path.c_str(), systemd1::properties,
                                                 "PropertiesChanged", changed, nullptr, &entry);
    entry.match.reset(slot);
    return result;
}

int UnitBus::make_start(Entry& entry, const NewUnit& unit) {
    entry.start = call_of(systemd1::manager_path, systemd1::manager, "StartTransientUnit");
    if (!entry.start) return -ENOMEM;
    if (const int result = match_changes(entry, unit.name); result < 0) return result;
    return append_unit(entry.start.get(), unit, place_.is_system);
}

void UnitBus::stop(const std::string& name) {
    if (const auto found = units_.find(name); found != units_.end() && found->second.start)
        return refuse(found->second, ECANCELED);
    subscribe();
    const auto message = call_of(systemd1::manager_path, systemd1::manager, "StopUnit");
    const auto answered = [](sd_bus_message* answer, void* self, sd_bus_error*) noexcept {
        static_cast<UnitBus*>(self)->on_stopping(answer);
        return 0;
    };
    if (!message || sd_bus_message_append(message.get(), "ss", name.c_str(), "replace") < 0) return;
    if (sd_bus_call_async(bus_.get(), nullptr, message.get(), answered, this,
                          static_cast<std::uint64_t>(answer_within.count())) >= 0)
        ++stops_;
}

void UnitBus::forget(const std::string& name) {
    if (is_open())
        if (const auto message = call_of(systemd1::manager_path, systemd1::manager, "UnrefUnit");
            message) {
            sd_bus_message_set_expect_reply(message.get(), 0);
            if (sd_bus_message_append(message.get(), "s", name.c_str()) >= 0)
                sd_bus_send(bus_.get(), message.get(), nullptr);
        }
    units_.erase(name);
}

void stop_units(const UnitPlace& place, const std::vector<std::string>& names) {
    std::string ignored;
    const auto bus = names.empty() ? nullptr : UnitBus::open(place, ignored);
    if (!bus) return;
    for (const auto& name : names) bus->stop(name);
    const auto until = steady_clock::now() + kill_after + std::chrono::seconds{1};
    while (bus->awaits_stops() && bus->is_open() && steady_clock::now() < until) {
        pollfd fd{bus->fd(), bus->events(), 0};
        const auto left =
            std::chrono::ceil<std::chrono::milliseconds>(until - steady_clock::now()).count();
        const int wait = bus->wait_ms();
        poll(&fd, 1, wait < 0 ? static_cast<int>(left) : std::min(wait, static_cast<int>(left)));
        bus->process();
    }
}

}  // namespace taskd::daemon
