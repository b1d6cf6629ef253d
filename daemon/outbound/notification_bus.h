// SPDX-License-Identifier: Apache-2.0
// The wire of desktop notifications: a connection to the session bus, its calls and its signals.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

struct sd_bus;
struct sd_bus_message;

namespace taskd::daemon {

inline constexpr const char* notification_service = "org.freedesktop.Notifications";
/// A service that hangs while its callers give up must not fill the memory.
inline constexpr std::size_t notification_calls_max = 64;

/// Who shows notifications, and what it can do.
struct NotificationServer {
    std::string name{};  ///< unique name on the bus, such as ":1.42"; "" while unknown
    bool has_actions = false;
    bool has_markup = false;
};

/// What came back for a call, from whom it went to or from the bus itself.
struct BusAnswer {
    std::string error{};          ///< a D-Bus error name, or `bus_lost`; "" = it worked
    std::string text{};           ///< of the error; anything
    NotificationServer server{};  ///< who answered; of owner(), whom it found
    std::uint32_t id = 0;         ///< of notify()
};

/// In place of an error name: the connection ended before the answer came.
inline constexpr const char* bus_lost = "lost";

/// One Notify call, ready to be sent.
struct NotifyCall {
    std::uint32_t replaces_id = 0;
    std::string summary{};
    std::string body{};
    std::vector<std::pair<std::string, std::string>> actions{};  ///< key and label
    std::uint8_t urgency = 1;

    bool operator==(const NotifyCall&) const = default;
};

/// Neither blocks nor locks: like sd-bus itself it belongs to one thread at a time. Every call gets
/// exactly one answer, from the call, process() or lose().
class NotificationBus {
public:
    using Answered = std::function<void(const BusAnswer&)>;
    /// Called by process(). A sender is a unique name, which the bus sets and nobody can forge; the
    /// ids mean something only if it is the server's.
    struct Signals {
        std::function<void(const std::string& owner)> owner_changed;  ///< "" = nobody any more
        std::function<void(const std::string& sender, std::uint32_t id, const std::string& key)>
            action;
        std::function<void(const std::string& sender, std::uint32_t id, std::uint32_t reason)>
            closed;
    };

    /// Begins to connect; `address` "" is the session bus of the environment. Without success
    /// nothing, and `error` says for a person what was looked for.
    static std::unique_ptr<NotificationBus> open(const std::string& address, Signals signals,
                                                 std::string& error);
    NotificationBus(const NotificationBus&) = delete;
    NotificationBus& operator=(const NotificationBus&) = delete;
    ~NotificationBus();

    // For poll().
    [[nodiscard]] int fd() const;
    [[nodiscard]] short events() const;
    [[nodiscard]] int wait_ms() const;  ///< -1 = for ever

    /// Handles what came, a bounded part at a time; whether more may be waiting.
    bool process();
    [[nodiscard]] bool is_open() const;
    /// Answers the calls that are left, once the connection has ended.
    void lose();

    /// Which bus it is, once one has answered; "" before that.
    [[nodiscard]] std::string id() const;

    /// GetNameOwner: who is the service, as the bus says.
    void owner(std::chrono::milliseconds timeout, Answered answered);
    /// StartServiceByName; `owner_changed` comes before the answer.
    void start(std::chrono::milliseconds timeout, Answered answered);
    /// GetCapabilities.
    void capabilities(const std::string& server, std::chrono::milliseconds timeout,
                      Answered answered);
    /// Notify.
    void notify(const std::string& server, const NotifyCall& call,
                std::chrono::milliseconds timeout, Answered answered);
    /// CloseNotification; nobody waits for an answer.
    void close(const std::string& server, std::uint32_t id);

private:
    struct Release {
        void operator()(sd_bus* bus) const;
        void operator()(sd_bus_message* message) const;
    };
    template <class T>
    using Owned = std::unique_ptr<T, Release>;
    /// Reads what an answer holds; false when it is something else.
    using Reader = bool (*)(sd_bus_message*, BusAnswer&);
    struct Target {
        std::string name;
        const char* path;
        const char* interface;
    };
    struct Call {
        std::uint64_t cookie;
        std::string to;
        std::chrono::steady_clock::time_point until;
        Reader read;
        Answered answered;
    };
    using Message = Owned<sd_bus_message>;

    NotificationBus(Owned<sd_bus> bus, Signals signals);
    int match_signals();
    int new_message(Message& message, const Target& to, const char* member) const;
    /// `error` is what went wrong with the message before.
    void send(int error, const Message& message, const Target& to,
              std::chrono::milliseconds timeout, Reader read, Answered answered);
    void expire();
    static Target bus_itself();
    static Target service_at(const std::string& server);
    int on_owner(sd_bus_message* message);
    int on_signal(sd_bus_message* message);
    int on_answer(sd_bus_message* message);

    Signals signals_;
    Owned<sd_bus> bus_;
    std::list<Call> calls_;
    int end_ = 0;  // errno that ended the connection
};

}  // namespace taskd::daemon
