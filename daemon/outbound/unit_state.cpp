// SPDX-License-Identifier: Apache-2.0
// How unit_bus knows what becomes of its units.
#include "daemon/outbound/unit_bus.h"

#include <systemd/sd-bus.h>

#include <cstdint>
#include <string_view>

namespace taskd::daemon {
namespace {

using std::chrono::steady_clock;

constexpr const char* bus_service = "org.freedesktop.DBus";

}  // namespace

void UnitBus::on_started(Entry& entry, sd_bus_message* message) {
    if (entry.unit.state != State::asked) return;
    if (!is_error(message)) {
        manager_ = sender_of(message);
        return;  // until JobRemoved
    }
    // Whoever did not answer may have heard it.
    if (is_error(message, SD_BUS_ERROR_NO_REPLY) || is_error(message, SD_BUS_ERROR_TIMEOUT))
        return lose(entry, "systemd did not answer");
    const bool is_taken = is_error(message, "org.freedesktop.systemd1.UnitExists");
    entry.unit.state = is_taken ? State::taken : State::refused;
    entry.unit.why = error_of(message);
}

void UnitBus::on_stopping(sd_bus_message* message) {
    --stops_;
    const char* job = nullptr;
    if (is_error(message) || sd_bus_message_read(message, "o", &job) <= 0) return;
    manager_ = sender_of(message);
    stop_jobs_.insert(job);
}

void UnitBus::on_job(sd_bus_message* message) {
    std::uint32_t id = 0;
    const char* job = nullptr;
    const char* name = nullptr;
    const char* result = nullptr;
    if (manager_ != sender_of(message) ||
        sd_bus_message_read(message, "uoss", &id, &job, &name, &result) <= 0)
        return;
    stop_jobs_.erase(job);
    const auto found = units_.find(name);
    if (found == units_.end() || found->second.unit.state != State::asked) return;
    auto& entry = found->second;
    const std::string_view word = result;
    if (word == "done") {
        entry.unit.state = State::running;
        ask(entry);
    } else if (word == "failed") {
        // Also of a program that failed before systemd saw it begin: it looks at the ends of
        // processes first. The number of its status tells them apart, but for some.
        entry.unit.state = State::running;
        entry.unit.is_unseen = true;
        ask(entry);
    } else {
        lose(entry, "systemd did not start its unit: " + std::string(word));
    }
}

/// A signal says merely that it is time to look: it may come early, twice, or from a stranger.
void UnitBus::ask(Entry& entry) {
    entry.has_changed = entry.is_asked;
    if (entry.is_asked) return;
    const auto message = call_of(entry.path, systemd1::properties, "Get");
    entry.is_asked =
        message && sd_bus_message_append(message.get(), "ss", systemd1::unit, "ActiveState") >= 0 &&
        send(entry, message, &UnitBus::on_active) >= 0;
}

void UnitBus::on_active(Entry& entry, sd_bus_message* message) {
    entry.is_asked = false;
    if (entry.unit.state != State::running || gone_since_) return;  // asked again when it is back
    if (is_error(message)) return on_no_state(entry, message);
    const char* word = nullptr;
    if (sd_bus_message_read(message, "v", "s", &word) <= 0)
        return lose(entry, "systemd's answer has another type");
    const std::string_view state = word;
    if (state == "inactive" || state == "failed")
        ask_result(entry);
    else if (entry.has_changed)
        ask(entry);
}

void UnitBus::on_no_state(Entry& entry, sd_bus_message* message) {
    // Of a manager that was slow, or that is another one by now.
    if (entry.has_changed || is_error(message, SD_BUS_ERROR_NO_REPLY)) return ask(entry);
    lose(entry, error_of(message));
}

void UnitBus::ask_result(Entry& entry) {
    const auto message = call_of(entry.path, systemd1::properties, "GetAll");
    entry.is_asked = message &&
                     sd_bus_message_append(message.get(), "s", systemd1::service_unit) >= 0 &&
                     send(entry, message, &UnitBus::on_result) >= 0;
}

void UnitBus::on_result(Entry& entry, sd_bus_message* message) {
    entry.is_asked = false;
    if (entry.unit.state != State::running || gone_since_) return;
    if (is_error(message)) return on_no_state(entry, message);
    const auto status = read_status(message);
    if (!status && entry.unit.is_unseen) {
        entry.unit.state = State::refused;
        entry.unit.why = "its unit could not be started";
        return;
    }
    if (!status) return lose(entry, "systemd does not know how it ended");
    entry.unit.state = State::ended;
    entry.unit.status = *status;
}

/// A manager that is executed anew comes back with the units that it had, and with our references;
/// one that does not come back is given up by process().
void UnitBus::on_owner(sd_bus_message* message) {
    const char* name = nullptr;
    const char* before = nullptr;
    const char* after = nullptr;
    // sd-bus lets a signal that is addressed to us alone pass a rule with a well-known sender,
    // whoever sent it.
    if (sender_of(message) != bus_service ||
        sd_bus_message_read(message, "sss", &name, &before, &after) <= 0)
        return;
    manager_ = after;
    stop_jobs_.clear();
    if (manager_.empty()) {
        gone_since_ = steady_clock::now();
        return;
    }
    gone_since_.reset();
    if (units_.empty()) return;
    subscribe();
    for (auto& [unit, entry] : units_) {
        // Its job may have ended unseen. A call for its start fails by itself.
        if (entry.unit.state == State::asked && !entry.call) entry.unit.state = State::running;
        if (entry.unit.state == State::running) ask(entry);
    }
}

}  // namespace taskd::daemon
