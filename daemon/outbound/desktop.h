// SPDX-License-Identifier: Apache-2.0
// Notifications on the user's desktop, and the clicks that come back.
#pragma once

#include "core/delivery.h"
#include "daemon/outbound/notification_bus.h"
#include "daemon/outbound/screen_file.h"
#include "daemon/unique_fd.h"

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace taskd::daemon {

/// Older ones stay on the screen, but their clicks are no longer known.
inline constexpr std::size_t desktop_tags_max = 1000;

struct Notification {
    enum class Urgency : std::uint8_t { low, normal, critical };  // the bytes of the wire

    std::string tag{};   ///< one notification per tag is on the screen: a new one replaces the old
    std::string user{};  ///< handed back with a click
    std::string
        task{};  ///< handed back with a click; "" = nothing to act on: no buttons, no clicks
    std::string delivery{};  ///< handed back with a click
    std::string summary{};   ///< any bytes; shown as plain text
    std::string body{};      ///< any bytes; shown as plain text, in lines
    Urgency urgency = Urgency::normal;
    std::string url{};  ///< for the button Open; without it unless it is http:// or https://
    std::chrono::milliseconds timeout{std::chrono::seconds{10}};  ///< of show() as a whole
};

/// Shows notifications by the session bus, with whatever server is there (GNOME Shell, Plasma,
/// dunst, mako, ...); connects with the first one, and again after the bus or the server went away.
///
/// Errors: all are retryable: no session bus, no notification service on it, a service that refuses
///         or does not answer in time. After a timeout the notification may still appear; the next
///         one of its tag waits for that, and replaces it.
/// Source: Desktop Notifications Specification 1.2.
class Desktop {
public:
    /// `clicked` is called on a thread of Desktop's own, without any lock held. Answers wait for
    /// it, so it may call close(), but not show(), and must neither block nor throw. `address` is
    /// that of a D-Bus bus; "" is the user's session bus. `screen_file` keeps what is shown for
    /// the next process, and is read now; "" for none.
    explicit Desktop(std::function<void(const Click&)> clicked, std::string address = "",
                     std::string screen_file = "");
    Desktop(const Desktop&) = delete;
    Desktop& operator=(const Desktop&) = delete;
    /// Waits for the show()s that still run; stop() ends them. What is on the screen stays there.
    ~Desktop();

    /// Shows or replaces; blocks until the server answered. Any thread. Never throws for what the
    /// bus does.
    [[nodiscard]] core::Outcome show(const Notification& notification);
    /// Takes what is shown for a tag off the screen, also what is about to be shown; waits for
    /// nothing. Its click does not come any more.
    void close(const std::string& tag);
    /// Ends every show(), now and from now on.
    void stop();

private:
    struct Attempt;
    struct Shown {
        Click click;
        std::uint32_t id = 0;
        bool has_buttons = false;
        NotifyCall call{};
        std::uint64_t order = 0;
        bool is_unwanted = false;  // close() came before it was known whether it is still there
    };
    using Lock = std::unique_lock<std::mutex>;
    using AttemptPtr = std::shared_ptr<Attempt>;
    using Trouble = std::optional<core::Outcome>;  ///< why show() ends here
    using ShownAt = std::map<std::string, Shown>::iterator;

    core::Outcome try_to_show(Lock& lock, const AttemptPtr& attempt);
    void leave(const AttemptPtr& attempt);
    template <class Ready>
    Trouble wait(Lock& lock, const Attempt& attempt, Ready ready);
    std::string connect();
    void take_step(const AttemptPtr& attempt);
    void notify(const AttemptPtr& attempt);
    void settle(const AttemptPtr& attempt, const BusAnswer& answer);
    void remember(const Attempt& attempt, std::uint32_t id);
    void show_again(const std::string& tag, const Shown& shown);
    [[nodiscard]] bool is_in_flight(const std::string& tag) const;
    [[nodiscard]] ShownAt find(const std::string& sender, std::uint32_t id);

    void learn_owner(const BusAnswer& answer);
    void forget_all();
    void on_owner(const std::string& owner);
    void on_action(const std::string& sender, std::uint32_t id, const std::string& key);
    void on_closed(const std::string& sender, std::uint32_t id, std::uint32_t reason);

    void recall();
    [[nodiscard]] Screen screen() const;
    void listen();
    void wake() const;

    const std::function<void(const Click&)> clicked_;
    const std::string address_;
    const std::string screen_file_;
    const UniqueFd wake_;  // ends the listener's poll

    std::mutex mutex_;  // over all that follows; never held in a wait or in clicked_
    std::condition_variable changed_;
    bool stopping_ = false;
    std::unique_ptr<NotificationBus> bus_;  // only the listener lets it go
    NotificationServer server_;
    std::optional<std::string> owner_;  // of the service, as the bus says; "" = nobody
    std::list<AttemptPtr> attempts_;    // oldest first
    std::map<std::string, Shown> shown_;
    std::uint64_t shown_count_ = 0;
    std::string recalled_bus_;   // until it is known whether this is still that one
    bool is_kept_ = true;        // the file has what is shown
    std::vector<Click> clicks_;  // on their way to clicked_
    std::thread listener_;
};

}  // namespace taskd::daemon
