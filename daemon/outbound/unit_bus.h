// SPDX-License-Identifier: Apache-2.0
// The wire of commands that run as units: a connection to systemd's manager, its calls and signals.
#pragma once

#include "daemon/outbound/unit_message.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

struct sd_bus;
struct sd_bus_message;
struct sd_bus_slot;

namespace taskd::daemon {

/// Whose manager runs the units, and how it is reached.
struct UnitPlace {
    bool is_system = false;  ///< the system's; it is told to run them as the daemon's user
    std::string address{};   ///< of the bus; "": the one that the environment or the system has
    std::chrono::milliseconds patience{10'000};  ///< with a manager that is away or does not answer
    /// Gives a stream of the journal for an identifier, or a negative error number; none:
    /// sd_journal_stream_fd(3).
    std::function<int(const std::string& identifier)> journal{};
};

/// Whether systemd started this process, rather than one of its ancestors.
[[nodiscard]] bool is_unit_of_systemd();

/// Neither blocks nor locks, and belongs to one thread at a time. What becomes of a unit is looked
/// up with at() after process().
///
/// Source: org.freedesktop.systemd1(5).
class UnitBus {
public:
    enum class State {
        asked,    ///< it may or may not run
        running,  ///< the program was begun
        refused,  ///< it was not begun, and will not be
        ended,    ///< nothing of it is there any more
        taken,    ///< refused, as there is a unit of its name
        lost,     ///< nothing is known of it, and it may still run
    };
    struct Unit {
        State state = State::asked;
        std::string why{};  ///< refused or lost
        int status = 0;     ///< of ended, as of waitpid
        /// Of ended: systemd has not seen the program begin. It may have been too quick to be seen,
        /// or the status is one of systemd.exec(5).
        bool is_unseen = false;
    };

    /// Begins to connect. Without success nothing, and `error` says why.
    static std::unique_ptr<UnitBus> open(const UnitPlace& place, std::string& error);
    UnitBus(const UnitBus&) = delete;
    UnitBus& operator=(const UnitBus&) = delete;
    ~UnitBus();

    // For poll().
    [[nodiscard]] int fd() const;
    [[nodiscard]] short events() const;
    [[nodiscard]] int wait_ms() const;  ///< -1 = for ever

    /// Handles what came, a bounded part at a time.
    void process();
    [[nodiscard]] bool is_open() const;
    [[nodiscard]] bool has_units() const { return !units_.empty(); }
    [[nodiscard]] bool awaits_stops() const { return stops_ > 0 || !stop_jobs_.empty(); }

    void start(const NewUnit& unit);
    [[nodiscard]] const Unit& at(const std::string& name) const;
    /// TERM for all of it, and KILL after two seconds. It need not be one that start() began.
    void stop(const std::string& name);
    /// It is not looked at any more, and systemd may forget it.
    void forget(const std::string& name);

private:
    struct Release {
        void operator()(sd_bus* bus) const;
        void operator()(sd_bus_message* message) const;
        void operator()(sd_bus_slot* slot) const;
    };
    template <class T>
    using Owned = std::unique_ptr<T, Release>;
    struct Entry {
        UnitBus& bus;
        std::string path{};
        Unit unit{};
        Owned<sd_bus_message> start{};  ///< until the connection is made
        bool is_asked = false;          ///< a call for its state is under way
        bool has_changed = false;       ///< meanwhile
        void (UnitBus::*answered)(Entry&, sd_bus_message*) = nullptr;  ///< to the call
        Owned<sd_bus_slot> call{};
        Owned<sd_bus_slot> match{};
    };

    // unit_bus.cpp: the connection and what is said.
    UnitBus(const UnitPlace& place, Owned<sd_bus> bus);
    int match();
    Owned<sd_bus_message> call_of(const std::string& path, const char* interface,
                                  const char* member) const;
    int make_start(Entry& entry, const NewUnit& unit);
    void send_start(Entry& entry);
    static void refuse(Entry& entry, int error);
    int match_changes(Entry& entry, const std::string& name);
    int send(Entry& entry, const Owned<sd_bus_message>& message,
             void (UnitBus::*answered)(Entry&, sd_bus_message*));
    void subscribe();
    void lose(Entry& entry, const std::string& why);
    void lose_all(const std::string& why);

    // unit_state.cpp: what is heard, and asked because of it.
    void ask(Entry& entry);
    void ask_result(Entry& entry);
    void on_started(Entry& entry, sd_bus_message* message);
    void on_stopping(sd_bus_message* message);
    void on_active(Entry& entry, sd_bus_message* message);
    void on_no_state(Entry& entry, sd_bus_message* message);
    void on_result(Entry& entry, sd_bus_message* message);
    void on_job(sd_bus_message* message);
    void on_owner(sd_bus_message* message);

    UnitPlace place_;
    std::string manager_;  ///< its unique name, which nobody can forge; "" while unknown
    bool was_ready_ = false;
    int end_ = 0;                      // errno
    int stops_ = 0;                    // not answered
    std::set<std::string> stop_jobs_;  ///< answered, and under way
    std::optional<std::chrono::steady_clock::time_point>
        gone_since_;  ///< no manager, or no bus yet
    Owned<sd_bus> bus_;
    std::map<std::string, Entry> units_;  ///< their slots go before the bus
};

/// Asks systemd to stop what a daemon before this one left, and waits until it has, but no longer
/// than it gives the programs and a second.
void stop_units(const UnitPlace& place, const std::vector<std::string>& names);

}  // namespace taskd::daemon
