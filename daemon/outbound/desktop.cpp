// SPDX-License-Identifier: Apache-2.0
#include "daemon/outbound/desktop.h"

#include "daemon/outbound/mail.h"
#include "daemon/outbound/notification_text.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <poll.h>
#include <sys/eventfd.h>
#include <system_error>
#include <utility>

namespace taskd::daemon {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds timeout_max{std::chrono::hours{1}};
// How long a tag waits for an answer that nobody else waits for any more, in timeouts.
constexpr int late_answer_timeouts = 10;
// The bus or the server may go away between two calls; one that keeps going is left to the retries.
// One round is four steps: who, start it, what can it do, show.
constexpr int steps_max = 3 * 4;
constexpr milliseconds recall_timeout = std::chrono::seconds{25};  // as long as sd-bus waits
constexpr std::uint32_t reason_dismissed = 2;                      // NotificationClosed, section 9

struct Button {
    const char* key;
    const char* label;
    Click::Action action;
};
// "default" is the key for a click on the notification itself; its label is rarely shown.
constexpr std::array buttons{Button{"default", "Seen", Click::Action::seen},
                             Button{"done", "Done", Click::Action::done},
                             Button{"snooze", "Snooze 10 min", Click::Action::snooze},
                             Button{"open", "Open", Click::Action::open}};

bool has_button(const Click& click, Click::Action action) {
    return action != Click::Action::open || !click.url.empty();
}

UniqueFd make_eventfd() {
    const int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
    return UniqueFd(fd);
}

bool has_no_service(const BusAnswer& answer) {
    // Spawn.*: it could have been started, but that failed.
    return answer.error == "org.freedesktop.DBus.Error.ServiceUnknown" ||
           answer.error == "org.freedesktop.DBus.Error.NameHasNoOwner" ||
           answer.error.rfind("org.freedesktop.DBus.Error.Spawn.", 0) == 0;
}

core::Outcome failure_of(const BusAnswer& answer) {
    std::string what = "the notification service refused: " + answer.error + ": ";
    if (answer.error == bus_lost)
        what = "lost the session bus: ";
    else if (has_no_service(answer))
        what = std::string("no notification service on the session bus (") + notification_service +
               "): ";
    else if (answer.error == "org.freedesktop.DBus.Error.NoReply")
        what = "the notification service gave no answer: ";
    return {false, true, shown(what + answer.text), ""};
}

core::Outcome interrupted() {
    return {false, true, "interrupted: taskd stopped", ""};
}

Click click_of(const Notification& notification) {
    return {Click::Action::seen, notification.user, notification.task, notification.delivery,
            is_web_url(notification.url) ? notification.url : ""};
}

}  // namespace

/// One show(), and its Notify call for as long as that is unanswered.
struct Desktop::Attempt {
    const Notification& notification;  // only while `is_waited_for`
    const std::string tag;
    const Click click;
    const milliseconds timeout;
    const steady_clock::time_point deadline;

    bool is_waited_for = true;
    bool is_in_flight = false;
    bool is_unwanted = false;  // close() came
    bool has_buttons = false;
    NotifyCall call{};
    bool is_shown = false;  // by the server that is there now
    std::optional<BusAnswer> answer{};
};

Desktop::Desktop(std::function<void(const Click&)> clicked, std::string address,
                 std::string screen_file)
    : clicked_(std::move(clicked)),
      address_(std::move(address)),
      screen_file_(std::move(screen_file)),
      wake_(make_eventfd()) {
    if (!screen_file_.empty()) recall();
}

Desktop::~Desktop() {
    stop();
    {
        Lock lock(mutex_);
        changed_.wait(lock, [&] {
            return std::none_of(attempts_.begin(), attempts_.end(),
                                [](const auto& attempt) { return attempt->is_waited_for; });
        });
    }
    if (listener_.joinable()) listener_.join();
}

void Desktop::stop() {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
    wake();
}

core::Outcome Desktop::show(const Notification& notification) {
    const auto timeout = std::clamp(notification.timeout, milliseconds{1}, timeout_max);
    const auto attempt =
        std::make_shared<Attempt>(Attempt{notification, notification.tag, click_of(notification),
                                          timeout, steady_clock::now() + timeout});
    Lock lock(mutex_);
    attempts_.push_back(attempt);
    // Also when memory ends.
    const std::shared_ptr<void> leaving(nullptr, [&](void*) { leave(attempt); });
    return try_to_show(lock, attempt);
}

void Desktop::close(const std::string& tag) {
    const std::lock_guard lock(mutex_);
    for (const auto& attempt : attempts_)
        if (attempt->tag == tag) attempt->is_unwanted = true;
    if (const auto at = shown_.find(tag); at != shown_.end()) {
        if (!recalled_bus_.empty()) {
            at->second.is_unwanted = true;
        } else {
            if (bus_) bus_->close(server_.name, at->second.id);
            shown_.erase(at);
            is_kept_ = false;
        }
    }
    changed_.notify_all();
    wake();
}

core::Outcome Desktop::try_to_show(Lock& lock, const AttemptPtr& attempt) {
    // One after the other: two at once would both be new, and both stay on the screen.
    const auto is_first = [&] {
        return *std::find_if(attempts_.begin(), attempts_.end(), [&](const auto& other) {
            return other->tag == attempt->tag;
        }) == attempt;
    };
    if (auto trouble = wait(lock, *attempt, is_first)) return *trouble;

    const auto is_answered = [&] { return attempt->answer.has_value(); };
    for (int step = 0; step < steps_max; ++step) {
        if (stopping_) return interrupted();
        if (auto error = connect(); !error.empty())
            return {false, true, shown("no session bus: " + error), ""};
        const bool must_start = owner_ && owner_->empty();
        attempt->answer.reset();
        take_step(attempt);
        if (auto trouble = wait(lock, *attempt, is_answered)) return *trouble;

        const auto& answer = *attempt->answer;
        // A service may have come by itself: dbus-daemon refuses to start one that it does not know
        // how to start, even when it runs.
        const bool could_not_start = must_start && owner_ && owner_->empty();
        // The bus went away before this, or the server between two calls.
        const bool may_go_on = answer.error.empty() || answer.error == bus_lost ||
                               (has_no_service(answer) && !could_not_start);
        if (!may_go_on) return failure_of(answer);
        if (attempt->is_shown)
            return {true, true,
                    answer.id == 0 ? "shown" : "shown as notification " + std::to_string(answer.id),
                    ""};
    }
    if (!attempt->answer->error.empty()) return failure_of(*attempt->answer);
    return {false, true, "the notification service changes all the time", ""};
}

void Desktop::leave(const AttemptPtr& attempt) {
    attempt->is_waited_for = false;
    if (!attempt->is_in_flight) attempts_.remove(attempt);
    changed_.notify_all();
}

/// Nothing once `ready()`; otherwise how show() ends.
template <class Ready>
Desktop::Trouble Desktop::wait(Lock& lock, const Attempt& attempt, Ready ready) {
    changed_.wait_until(lock, attempt.deadline,
                        [&] { return ready() || stopping_ || attempt.is_unwanted; });
    if (attempt.is_unwanted) return core::Outcome{true, true, "taken back before it was shown", ""};
    if (ready()) return std::nullopt;
    if (stopping_) return interrupted();
    return core::Outcome{false, true,
                         "timed out after " + std::to_string(attempt.timeout.count()) +
                             " ms: the notification service did not answer",
                         ""};
}

/// Why there is no bus, or "".
std::string Desktop::connect() {
    if (bus_) return "";
    if (!listener_.joinable()) listener_ = std::thread(&Desktop::listen, this);
    std::string error;
    bus_ = NotificationBus::open(
        address_,
        {[this](const auto& owner) { on_owner(owner); },
         [this](const auto& sender, auto id, const auto& key) { on_action(sender, id, key); },
         [this](const auto& sender, auto id, auto reason) { on_closed(sender, id, reason); }},
        error);
    if (bus_) wake();
    return error;
}

/// The next call that is to be made before, or after all to show it.
void Desktop::take_step(const AttemptPtr& attempt) {
    // A little longer than it is waited for, so that show() says what happened.
    const auto left = std::chrono::ceil<milliseconds>(attempt->deadline - steady_clock::now()) +
                      std::chrono::seconds{1};
    const auto answered = [this, attempt](const BusAnswer& answer) {
        attempt->answer = answer;
        changed_.notify_all();
    };
    bus_->process();  // whose the name is by now
    if (!owner_)
        bus_->owner(left, [this, answered](const BusAnswer& answer) {
            learn_owner(answer);
            answered(answer);
        });
    else if (owner_->empty())
        bus_->start(left, answered);
    else if (server_.name.empty())
        bus_->capabilities(*owner_, left, [this, answered](const BusAnswer& answer) {
            if (answer.error.empty() && owner_ == answer.server.name) server_ = answer.server;
            answered(answer);
        });
    else
        notify(attempt);
    wake();
}

void Desktop::notify(const AttemptPtr& attempt) {
    const auto& notification = attempt->notification;
    NotifyCall& call = attempt->call = {};
    if (const auto at = shown_.find(attempt->tag); at != shown_.end())
        call.replaces_id = at->second.id;
    call.summary = summary_text(notification.summary);
    call.body = body_text(notification.body, server_.has_markup);
    call.urgency = static_cast<std::uint8_t>(notification.urgency);
    attempt->has_buttons = server_.has_actions && !attempt->click.task.empty();
    for (const auto& button : buttons)
        if (attempt->has_buttons && has_button(attempt->click, button.action))
            call.actions.emplace_back(button.key, button.label);
    attempt->is_in_flight = true;
    bus_->notify(server_.name, call, attempt->timeout * late_answer_timeouts,
                 [this, attempt](const BusAnswer& answer) { settle(attempt, answer); });
}

/// Also long after show() gave up: what is on the screen after all is known, and can be replaced.
void Desktop::settle(const AttemptPtr& attempt, const BusAnswer& answer) {
    attempt->is_in_flight = false;
    attempt->answer = answer;
    attempt->is_shown = answer.error.empty() && answer.server.name == server_.name;
    if (attempt->is_shown && attempt->is_unwanted)
        bus_->close(server_.name, answer.id);
    else if (attempt->is_shown)
        remember(*attempt, answer.id);
    if (!attempt->is_waited_for) attempts_.remove(attempt);
    changed_.notify_all();
}

void Desktop::remember(const Attempt& attempt, std::uint32_t id) {
    // A server that gives an id twice means the newer notification from then on.
    if (const auto at = find(server_.name, id); at != shown_.end()) shown_.erase(at);
    if (id == 0) return;  // none (section 9), so no signal can tell of it
    shown_[attempt.tag] = {attempt.click, id, attempt.has_buttons, attempt.call, ++shown_count_};
    is_kept_ = false;
    if (shown_.size() <= desktop_tags_max) return;
    shown_.erase(std::min_element(shown_.begin(), shown_.end(), [](const auto& a, const auto& b) {
        return a.second.order < b.second.order;
    }));
}

bool Desktop::is_in_flight(const std::string& tag) const {
    return std::any_of(attempts_.begin(), attempts_.end(), [&](const auto& attempt) {
        return attempt->is_in_flight && attempt->tag == tag;
    });
}

/// What a signal tells of. The ids are small numbers, and anybody on the bus can send signals.
Desktop::ShownAt Desktop::find(const std::string& sender, std::uint32_t id) {
    if (sender != server_.name || !recalled_bus_.empty()) return shown_.end();
    return std::find_if(shown_.begin(), shown_.end(),
                        [&](const auto& entry) { return entry.second.id == id; });
}

/// Who the service is; and with that whether what another process has shown is still there.
void Desktop::learn_owner(const BusAnswer& answer) {
    // What was announced meanwhile is newer.
    if (!owner_ && answer.error.empty()) owner_ = answer.server.name;
    if (!owner_ && has_no_service(answer)) owner_ = "";
    if (!owner_ || recalled_bus_.empty()) return;
    const bool is_same = owner_ == server_.name && bus_->id() == recalled_bus_;
    if (!is_same) return forget_all();
    recalled_bus_.clear();
    for (auto at = shown_.begin(); at != shown_.end();) {
        if (at->second.is_unwanted)
            bus_->close(server_.name, at->second.id);
        else if (at->second.has_buttons)
            show_again(at->first, at->second);
        is_kept_ = is_kept_ && !at->second.is_unwanted;
        at = at->second.is_unwanted ? shown_.erase(at) : std::next(at);
    }
}

/// Some services, such as dunst, tell of a click only who has shown the notification: that is to be
/// this process.
void Desktop::show_again(const std::string& tag, const Shown& shown) {
    NotifyCall call = shown.call;
    call.replaces_id = shown.id;
    bus_->notify(server_.name, call, recall_timeout, [this, tag](const BusAnswer& answer) {
        const auto at = shown_.find(tag);
        if (at == shown_.end() || !answer.error.empty() || answer.server.name != server_.name)
            return;
        at->second.id = answer.id;
        is_kept_ = false;
    });
}

void Desktop::forget_all() {
    server_ = {};
    is_kept_ = is_kept_ && shown_.empty();
    shown_.clear();
    recalled_bus_.clear();
}

/// The ids of another server mean other notifications.
void Desktop::on_owner(const std::string& owner) {
    owner_ = owner;
    if (owner != server_.name) forget_all();
}

void Desktop::on_action(const std::string& sender, std::uint32_t id, const std::string& key) {
    const auto at = find(sender, id);
    if (at == shown_.end() || !at->second.has_buttons) return;
    Click click = at->second.click;
    const auto* const button = std::find_if(buttons.begin(), buttons.end(),
                                            [&](const Button& known) { return known.key == key; });
    if (button == buttons.end() || !has_button(click, button->action)) return;
    click.action = button->action;
    clicks_.push_back(std::move(click));
    // Servers close it by themselves unless it is "resident", but some older ones do not. One that
    // is being replaced has the id that the new one will have.
    if (!is_in_flight(at->first)) bus_->close(server_.name, id);
    shown_.erase(at);
    is_kept_ = false;
}

void Desktop::on_closed(const std::string& sender, std::uint32_t id, std::uint32_t reason) {
    const auto at = find(sender, id);
    if (at == shown_.end()) return;
    Click click = at->second.click;
    click.action = Click::Action::dismissed;
    if (reason == reason_dismissed && !click.task.empty()) clicks_.push_back(std::move(click));
    shown_.erase(at);
    is_kept_ = false;
}

/// What the process before this one has shown. It is inert until the bus has said that it is the
/// same, with the same service.
void Desktop::recall() {
    const Screen before = recall_screen(screen_file_);
    if (before.entries.empty() || before.bus.empty()) return;
    const std::lock_guard lock(mutex_);
    for (const auto& entry : before.entries)
        shown_[entry.tag] = {entry.click, entry.id, entry.has_buttons, entry.call, ++shown_count_};
    server_ = before.server;
    recalled_bus_ = before.bus;
    if (!connect().empty()) return forget_all();
    bus_->owner(recall_timeout, [this](const BusAnswer& answer) { learn_owner(answer); });
    wake();
}

Screen Desktop::screen() const {
    Screen screen;
    screen.bus = !recalled_bus_.empty() ? recalled_bus_ : bus_ ? bus_->id() : "";
    screen.server = server_;
    std::map<std::uint64_t, Screen::Entry> ordered;
    for (const auto& [tag, one] : shown_)
        ordered[one.order] = {tag, one.id, one.has_buttons, one.click, one.call};
    for (auto& [order, entry] : ordered) screen.entries.push_back(std::move(entry));
    return screen;
}

/// Reads what the bus sends, and completes the calls of all threads.
void Desktop::listen() {
    Lock lock(mutex_);
    while (!stopping_) {
        const bool has_more = bus_ && bus_->process();
        if (bus_ && !bus_->is_open()) {
            on_owner("");
            bus_->lose();
            bus_.reset();
            owner_.reset();
        }
        const auto clicks = std::exchange(clicks_, {});
        std::optional<Screen> changed;
        if (!std::exchange(is_kept_, true) && !screen_file_.empty()) changed = screen();
        std::array<pollfd, 2> fds{{{wake_.get(), POLLIN, 0},
                                   {bus_ ? bus_->fd() : -1, bus_ ? bus_->events() : short{0}, 0}}};
        const int wait_ms = has_more ? 0 : bus_ ? bus_->wait_ms() : -1;
        lock.unlock();
        if (changed) keep_screen(screen_file_, *changed);
        for (const auto& click : clicks) clicked_(click);
        poll(fds.data(), fds.size(), wait_ms);
        eventfd_t ignored = 0;
        eventfd_read(wake_.get(), &ignored);
        lock.lock();
    }
    if (!is_kept_ && !screen_file_.empty()) keep_screen(screen_file_, screen());
}

void Desktop::wake() const {
    eventfd_write(wake_.get(), 1);
}

}  // namespace taskd::daemon
