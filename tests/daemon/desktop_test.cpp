// SPDX-License-Identifier: Apache-2.0
// Notifications with a real bus (dbus-daemon, a private one) and two notification services: the one
// of python-dbusmock, and tests/support/notification_server.py, which can do wrong.
#include "daemon/outbound/desktop.h"

#include "core/text.h"
#include "daemon/outbound/notification_text.h"
#include "daemon/unique_fd.h"
#include "tests/support/child.h"
#include "tests/support/hostile.h"
#include "tests/support/private_bus.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <deque>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <future>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <vector>

using namespace taskd;
using namespace std::chrono_literals;
using namespace std::string_literals;
using daemon::Click;
using daemon::Desktop;
using daemon::Notification;
using nlohmann::json;
using test::Bus;
using Action = Click::Action;

namespace {

constexpr auto patience = 20s;

std::string server_script() {
    return TASKD_TEST_DATA "/../support/notification_server.py";
}

/// tests/support/notification_server.py as a child.
class Server {
public:
    explicit Server(const Bus& bus, const std::string& capabilities = "actions body body-markup")
        : child_({"/usr/bin/python3", "-B", server_script(), "--address", bus.address(),
                  "--capabilities", capabilities}) {
        REQUIRE(json::parse(child_.read_line()) == json{{"did", "start"}});
    }

    /// Does it before this returns.
    void command(json line) {
        const auto name = line.at("do");
        child_.write_line(line.dump());
        for (;;) {
            auto answer = json::parse(child_.read_line());
            if (answer.contains("did")) {
                CHECK(answer.at("did") == name);
                return;
            }
            calls_.push_back(std::move(answer));
        }
    }
    void action(std::uint32_t id, const std::string& key, const std::string& by = "server") {
        command({{"do", "action"}, {"id", id}, {"key", key}, {"by", by}});
    }
    void closed(std::uint32_t id, std::uint32_t reason, const std::string& by = "server") {
        command({{"do", "closed"}, {"id", id}, {"reason", reason}, {"by", by}});
    }

    /// The next call of that name that came, or comes.
    json call(const std::string& name) {
        for (;;) {
            while (!calls_.empty()) {
                auto call = std::move(calls_.front());
                calls_.pop_front();
                if (call.at("call") == name) return call;
            }
            calls_.push_back(json::parse(child_.read_line()));
        }
    }
    json shown() { return call("Notify"); }

    [[nodiscard]] const test::Child& child() const { return child_; }

private:
    test::Child child_;
    std::deque<json> calls_;
};

/// Clicks as they come, to be waited for.
class Clicks {
public:
    void operator()(const Click& click) {
        const std::lock_guard lock(mutex_);
        clicks_.push_back(click);
        came_.notify_all();
    }
    /// The next one; fails the test if none comes.
    Click next() {
        std::unique_lock lock(mutex_);
        if (!came_.wait_for(lock, patience, [&] { return !clicks_.empty(); }))
            throw std::runtime_error("no click in time");
        Click click = clicks_.front();
        clicks_.pop_front();
        return click;
    }
    [[nodiscard]] bool empty() {
        const std::lock_guard lock(mutex_);
        return clicks_.empty();
    }

private:
    std::mutex mutex_;
    std::condition_variable came_;
    std::deque<Click> clicks_;
};

Notification some_notification(const std::string& tag = "plants") {
    Notification notification;
    notification.tag = tag;
    notification.user = "ada";
    notification.task = tag + "-task";
    notification.delivery = tag + "-delivery";
    notification.summary = "Water the plants";
    notification.body = "They are dry.\nAll of them.";
    notification.timeout = patience;
    return notification;
}

Click click_of(const Notification& notification, Action action) {
    return {action, notification.user, notification.task, notification.delivery, notification.url};
}

/// A bus, a service and a Desktop that talks to it.
struct World {
    explicit World(const std::string& capabilities = "actions body body-markup")
        : server(bus, capabilities), desktop(std::ref(clicks), bus.address()) {}

    std::uint32_t show(const Notification& notification) {
        const auto outcome = desktop.show(notification);
        CAPTURE(notification.tag, outcome.result);
        REQUIRE(outcome.succeeded);
        const auto call = server.shown();
        CHECK(outcome.result == "shown as notification " + call.at("id").dump());
        return call.at("id").get<std::uint32_t>();
    }

    /// That all clicks came which could have: signals keep their order, and so do clicks.
    void no_more_clicks() {
        const auto fence = some_notification("fence");
        server.action(show(fence), "default");
        CHECK(clicks.next() == click_of(fence, Action::seen));
        CHECK(clicks.empty());
    }

    Bus bus;
    Server server;
    Clicks clicks;
    Desktop desktop;
};

struct Variable {
    Variable(const char* name_of, const char* value) : name(name_of) {
        if (const char* const old = std::getenv(name); old != nullptr) before = old;
        if (value == nullptr)
            unsetenv(name);
        else
            setenv(name, value, 1);
    }
    Variable(const Variable&) = delete;
    Variable& operator=(const Variable&) = delete;
    ~Variable() {
        if (before)
            setenv(name, before->c_str(), 1);
        else
            unsetenv(name);
    }
    const char* name;
    std::optional<std::string> before{};
};

}  // namespace

TEST_CASE("notification text: a summary is one line of valid, bounded, plain text") {
    struct Row {
        std::string bytes;
        std::string text;
    };
    const auto row = GENERATE(values<Row>({
        {"", ""},
        {"Water the plants", "Water the plants"},
        {"a & b <i>c</i>", "a & b <i>c</i>"},
        {"a\nb\tc\r\n", "a b c  "},
        {"a\0b\x1b[31m\x7f\xc2\x85"
         "c"s,
         "a b [31m  c"},
        {"\xf0\x9f\x8c\xb1\xe2\x82\xac", "\xf0\x9f\x8c\xb1\xe2\x82\xac"},
        {"a\xff\xc3", "a\xef\xbf\xbd\xef\xbf\xbd"},
        {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        // Noncharacters: U+FFFF, U+FDD0, U+1FFFE; but not U+FFFD, U+FDCF, U+FDF0.
        {"\xef\xbf\xbf|\xef\xb7\x90|\xf0\x9f\xbf\xbe", "\xef\xbf\xbd|\xef\xbf\xbd|\xef\xbf\xbd"},
        {"\xef\xbf\xbd|\xef\xb7\x8f|\xef\xb7\xb0", "\xef\xbf\xbd|\xef\xb7\x8f|\xef\xb7\xb0"},
        {std::string(256, 'x'), std::string(256, 'x')},
        {std::string(257, 'x'), std::string(253, 'x') + "..."},
        {std::string(252, 'x') + "\xc3\xbc\xc3\xbc\xc3\xbc", std::string(252, 'x') + "..."},
    }));
    CHECK(daemon::summary_text(row.bytes) == row.text);
}

TEST_CASE("notification text: a body keeps its lines, and is escaped for who reads markup") {
    CHECK(daemon::body_text("a\nb\tc\x1b", false) == "a\nb c ");
    CHECK(daemon::body_text("<b>a & b</b> \"'", false) == "<b>a & b</b> \"'");
    CHECK(daemon::body_text("<b>a & b</b> \"'", true) == "&lt;b&gt;a &amp; b&lt;/b&gt; \"'");
    CHECK(daemon::body_text("&lt;", true) == "&amp;lt;");
    CHECK(daemon::body_text(std::string(4096, 'x'), true) == std::string(4096, 'x'));
    CHECK(daemon::body_text(std::string(4097, 'x'), true) == std::string(4093, 'x') + "...");
    std::string entities;
    for (int i = 0; i < 4093; ++i) entities += "&amp;";
    CHECK(daemon::body_text(std::string(5000, '&'), true) == entities + "...");
}

TEST_CASE("notification text: whatever comes in, what goes out is valid and bounded") {
    for (const auto& bad : test::hostile_inputs("a <b>\xc3\xbc</b>\n")) {
        const auto summary = daemon::summary_text(bad);
        CHECK(summary.size() <= daemon::notification_summary_bytes_max);
        CHECK_FALSE(core::has_control(summary));
        const auto body = daemon::body_text(bad, true);
        CHECK(body.size() <= 5 * daemon::notification_body_bytes_max);
        CHECK(core::is_utf8(body));
        CHECK(body.find('<') == std::string::npos);
    }
}

TEST_CASE("notification text: only a web address may be opened") {
    for (const auto& good : {"http://a"s, "https://example.org/x?y=%20#z"s, "HTTPS://[::1]:8080/"s})
        CHECK(daemon::is_web_url(good));
    for (const auto& bad :
         {""s, "a"s, "https:"s, "https://"s, "file:///etc/passwd"s, "javascript:alert(1)"s,
          "-x https://a"s, " https://a"s, "https://a b"s, "https://a\n"s, "https://a\0"s,
          "https://\xc3\xa4"s, "xhttp://a"s, "https://" + std::string(2041, 'a')}) {
        CAPTURE(bad);
        CHECK_FALSE(daemon::is_web_url(bad));
    }
}

TEST_CASE("desktop: a notification is what the specification asks for") {
    World world;
    auto notification = some_notification();
    notification.url = "https://example.org/plants";
    notification.urgency = Notification::Urgency::critical;
    const auto outcome = world.desktop.show(notification);
    CHECK(outcome.result == "shown as notification 1");
    CHECK(outcome.succeeded);
    const auto call = world.server.shown();
    CHECK(call.at("signature") == "susssasa{sv}i");
    CHECK(call.at("app_name") == "taskd");
    CHECK(call.at("replaces_id") == 0);
    CHECK(call.at("app_icon") == "");
    CHECK(call.at("summary") == "Water the plants");
    CHECK(call.at("body") == "They are dry.\nAll of them.");
    CHECK(call.at("actions") ==
          json{"default", "Seen", "done", "Done", "snooze", "Snooze 10 min", "open", "Open"});
    CHECK(call.at("hints") == json{{"urgency", 2}, {"category", "x-taskd.reminder.due"}});
    CHECK(call.at("expire_timeout") == -1);
}

TEST_CASE("desktop: another service takes it, too (python-dbusmock)") {
    const Bus bus;
    test::Child mock({"/usr/bin/env", "DBUS_SESSION_BUS_ADDRESS=" + bus.address(),
                      "/usr/bin/python3", "-B", "-u", "-m", "dbusmock", "--template",
                      "notification_daemon", "-p", R"({"capabilities": "body"})"});
    Clicks clicks;
    Desktop desktop(std::ref(clicks), bus.address());
    // It says nothing when it is ready; until then there is no service.
    const auto deadline = std::chrono::steady_clock::now() + patience;
    auto outcome = desktop.show(some_notification());
    while (!outcome.succeeded && std::chrono::steady_clock::now() < deadline)
        outcome = desktop.show(some_notification());
    CHECK(outcome.result == "shown as notification 1");
    CHECK(desktop.show(some_notification()).result == "shown as notification 1");
    CHECK(desktop.show(some_notification("other")).result == "shown as notification 2");
    std::string line;
    while (line.find(" Notify ") == std::string::npos) line = mock.read_line();
    CHECK(line.find(R"( Notify "taskd" 0 "" "Water the plants" "They are dry.)") !=
          std::string::npos);
}

TEST_CASE("desktop: there are buttons only where they work") {
    SECTION("not on a server without actions") {
        World world("body body-markup");
        world.show(some_notification());
        world.desktop.close("plants");
        CHECK(world.desktop.show(some_notification()).succeeded);
        CHECK(world.server.shown().at("actions").empty());
    }
    SECTION("not without a task") {
        World world;
        auto notification = some_notification();
        notification.task = "";
        notification.url = "https://example.org";
        CHECK(world.desktop.show(notification).succeeded);
        const auto call = world.server.shown();
        CHECK(call.at("actions").empty());
        // What was not offered can't be chosen.
        world.server.action(1, "done");
        world.server.closed(1, 2);
        world.no_more_clicks();
    }
    SECTION("Open only for a web address") {
        World world;
        auto notification = some_notification();
        notification.url = GENERATE(""s, "file:///etc/passwd"s, "https://a\nb"s);
        CHECK(world.desktop.show(notification).succeeded);
        CHECK(world.server.shown().at("actions") ==
              json{"default", "Seen", "done", "Done", "snooze", "Snooze 10 min"});
        world.server.action(1, "open");
        world.server.action(1, "no such key");
        world.no_more_clicks();
    }
}

TEST_CASE("desktop: markup is escaped for a server that reads it, and only for it") {
    const bool has_markup = GENERATE(true, false);
    World world(has_markup ? "body body-markup" : "body");
    auto notification = some_notification();
    notification.summary = "<b>1 & 2</b>";
    notification.body = "<img src='x'> & more";
    CHECK(world.desktop.show(notification).succeeded);
    const auto call = world.server.shown();
    CHECK(call.at("summary") == "<b>1 & 2</b>");
    CHECK(call.at("body") ==
          (has_markup ? "&lt;img src='x'&gt; &amp; more" : "<img src='x'> & more"));
}

TEST_CASE("desktop: no text costs the connection") {
    World world;
    // D-Bus ends the connection of who sends a string that is not UTF-8.
    for (const auto& bad : {""s, "\0"s, "a\0b"s, "\xff"s, "\xc3"s, "\xc0\x80"s, "\xed\xa0\x80"s,
                            "\xf4\x90\x80\x80"s, "\xef\xbf\xbe"s, "\xef\xb7\x90"s, "\x1b[31m"s,
                            std::string(1'000'000, '\xff'), std::string(1'000'000, '<')}) {
        auto notification = some_notification(bad.substr(0, 100));
        notification.summary = bad;
        notification.body = bad;
        notification.url = bad;
        notification.user = notification.task = notification.delivery = bad;
        CHECK(world.desktop.show(notification).succeeded);
        const auto call = world.server.shown();
        CHECK(call.at("summary") == daemon::summary_text(bad));
        CHECK(call.at("body") == daemon::body_text(bad, true));
        world.desktop.close(notification.tag);
    }
    CHECK(world.show(some_notification()) == 14);
}

TEST_CASE("desktop: one notification per tag") {
    World world;
    CHECK(world.show(some_notification("a")) == 1);
    CHECK(world.show(some_notification("b")) == 2);
    CHECK(world.show(some_notification("a")) == 1);

    SECTION("one that was closed is not replaced") {
        world.server.closed(1, 1);
        world.no_more_clicks();  // the signal has come, too
        CHECK(world.show(some_notification("a")) == 4);
        CHECK(world.show(some_notification("b")) == 2);
    }
    SECTION("one that was taken off is not replaced") {
        world.desktop.close("a");
        world.desktop.close("a");
        world.desktop.close("no such tag");
        CHECK(world.server.call("CloseNotification").at("id") == 1);
        CHECK(world.show(some_notification("a")) == 3);
        world.desktop.close("b");
        CHECK(world.server.call("CloseNotification").at("id") == 2);
        // Its click may have been on its way.
        world.server.action(2, "done");
        world.no_more_clicks();
    }
    SECTION("many at once still are one") {
        std::vector<std::future<core::Outcome>> shows;
        shows.reserve(8);
        for (int i = 0; i < 8; ++i)
            shows.push_back(std::async(std::launch::async,
                                       [&] { return world.desktop.show(some_notification("c")); }));
        for (auto& show : shows) CHECK(show.get().result == "shown as notification 3");
    }
}

TEST_CASE("desktop: a click comes back, once, with what it was about") {
    World world;
    auto notification = some_notification();
    notification.url = "https://example.org/plants";
    const auto id = world.show(notification);
    const auto other = some_notification("other");
    const auto other_id = world.show(other);

    SECTION("a button") {
        const auto [key, action] = GENERATE(table<std::string, Action>({
            {"done", Action::done},
            {"snooze", Action::snooze},
            {"open", Action::open},
            {"default", Action::seen},
        }));
        world.server.action(id, key);
        CHECK(world.clicks.next() == click_of(notification, action));
        CHECK(world.server.call("CloseNotification").at("id") == id);
        world.server.action(id, key);
        world.server.action(id, "done");
        world.server.closed(id, 2);
    }
    SECTION("closed by the user") {
        world.server.closed(id, 2);
        CHECK(world.clicks.next() == click_of(notification, Action::dismissed));
        world.server.closed(id, 2);
        world.server.action(id, "done");
    }
    SECTION("not when it went by itself") {
        world.server.closed(id, GENERATE(1U, 3U, 4U, 0U, 77U));
        world.server.action(id, "done");
    }
    SECTION("not for an id that was never given") {
        world.server.action(0, "done");
        world.server.action(77, "done");
        world.server.action(0xffffffffU, "done");
        world.server.closed(77, 2);
    }
    world.server.action(other_id, "snooze");
    CHECK(world.clicks.next() == click_of(other, Action::snooze));
    world.no_more_clicks();
}

TEST_CASE("desktop: the callback may take notifications off") {
    Bus bus;
    Server server(bus);
    Clicks clicks;
    Desktop* self = nullptr;
    Desktop desktop(
        [&](const Click& click) {
            self->close("b");
            clicks(click);
        },
        bus.address());
    self = &desktop;
    CHECK(desktop.show(some_notification("a")).succeeded);
    CHECK(desktop.show(some_notification("b")).succeeded);
    server.action(1, "done");
    CHECK(clicks.next().action == Action::done);
    CHECK(server.call("CloseNotification").at("id") == 1);
    CHECK(server.call("CloseNotification").at("id") == 2);
}

TEST_CASE("desktop: only the service's own signals count") {
    World world;
    const auto notification = some_notification();
    const auto id = world.show(notification);
    const std::string by = GENERATE("stranger", "stranger to");
    CAPTURE(by);
    world.server.action(id, "done", by);
    world.server.closed(id, 2, by);
    world.server.command({{"do", "owner"}, {"name", ":1.1"}, {"by", by}});
    world.server.command({{"do", "owner"}, {"name", ""}, {"by", by}});
    CHECK(world.show(notification) == id);  // not forgotten
    world.server.action(id, "snooze");
    CHECK(world.clicks.next() == click_of(notification, Action::snooze));
    world.no_more_clicks();
}

TEST_CASE("desktop: only the service's own answers count") {
    World world;
    const std::string call = GENERATE("GetCapabilities", "Notify");
    world.server.command({{"do", "hang"}, {"calls", {call}}});
    auto shown = std::async(std::launch::async,
                            [&] { return world.desktop.show(some_notification()).result; });
    world.server.call(call);
    world.server.command({{"do", "reply"}, {"id", 77}});
    world.server.command({{"do", "go"}});
    CHECK(shown.get() == "shown as notification 1");
}

TEST_CASE("desktop: the ids of another server mean other notifications") {
    World world;
    CHECK(world.show(some_notification("a")) == 1);
    const bool keep = GENERATE(false, true);
    world.server.command({{"do", "restart"}, {"keep", keep}});
    const auto b = some_notification("b");
    CHECK(world.show(b) == 1);
    if (keep) {
        world.server.action(1, "done", "former");
        world.server.closed(1, 2, "former");
    }
    CHECK(world.desktop.show(some_notification("a")).succeeded);
    const auto call = world.server.shown();
    CHECK(call.at("replaces_id") == 0);
    CHECK(call.at("id") == 2);
    world.server.action(1, "snooze");
    CHECK(world.clicks.next() == click_of(b, Action::snooze));
    world.no_more_clicks();
}

TEST_CASE("desktop: a server that hangs is left after the timeout, and does not keep the others") {
    World world;
    const bool before_capabilities = GENERATE(true, false);
    world.server.command({{"do", "hang"}, {"calls", {"GetCapabilities", "Notify"}}});
    if (!before_capabilities) {
        world.server.command({{"do", "go"}});
        world.show(some_notification("known"));
        world.server.command({{"do", "hang"}, {"calls", {"Notify"}}});
    }
    auto patient = std::async(std::launch::async,
                              [&] { return world.desktop.show(some_notification("patient")); });
    world.server.call(before_capabilities ? "GetCapabilities" : "Notify");
    auto hasty = some_notification("hasty");
    hasty.timeout = 50ms;
    const auto outcome = world.desktop.show(hasty);
    CHECK_FALSE(outcome.succeeded);
    CHECK(outcome.retryable);
    CHECK(outcome.result == "timed out after 50 ms: the notification service did not answer");
    world.desktop.close("known");
    CHECK(patient.wait_for(0s) == std::future_status::timeout);
    world.server.command({{"do", "go"}});
    CHECK(patient.get().succeeded);
}

TEST_CASE("desktop: an answer that comes late is not forgotten") {
    World world;
    world.show(some_notification("other"));
    world.server.command({{"do", "hang"}, {"calls", {"Notify"}}});
    auto notification = some_notification();
    notification.timeout = 50ms;
    CHECK_FALSE(world.desktop.show(notification).succeeded);
    CHECK(world.server.shown().at("id") == 2);

    SECTION("the next one replaces it") {
        // Nor is a second one sent before that.
        CHECK_FALSE(world.desktop.show(notification).succeeded);
        notification.timeout = patience;
        auto next =
            std::async(std::launch::async, [&] { return world.desktop.show(notification); });
        world.server.command({{"do", "go"}});
        CHECK(next.get().result == "shown as notification 2");
        CHECK(world.server.shown().at("replaces_id") == 2);
    }
    SECTION("it is taken off if that was asked for meanwhile") {
        world.desktop.close("plants");
        world.server.command({{"do", "go"}});
        CHECK(world.server.call("CloseNotification").at("id") == 2);
        CHECK(world.show(some_notification()) == 3);
    }
    SECTION("it is waited for no longer than that") {
        notification.timeout = patience;
        world.server.command({{"do", "answer"}, {"with", "silence"}});
        world.server.command({{"do", "go"}});
        world.server.command({{"do", "answer"}, {"with", "id"}});
        // Ten timeouts after the first one was sent.
        CHECK(world.show(notification) == 3);
    }
}

TEST_CASE("desktop: what is taken back while it is on its way does not stay") {
    World world;
    world.show(some_notification("other"));
    world.server.command({{"do", "hang"}, {"calls", {"Notify"}}});
    auto show =
        std::async(std::launch::async, [&] { return world.desktop.show(some_notification()); });
    CHECK(world.server.shown().at("id") == 2);
    world.desktop.close("plants");
    const auto outcome = show.get();
    CHECK(outcome.succeeded);
    CHECK(outcome.result == "taken back before it was shown");
    world.server.command({{"do", "go"}});
    CHECK(world.server.call("CloseNotification").at("id") == 2);
    world.server.action(2, "done");
    world.no_more_clicks();
}

TEST_CASE("desktop: a click on what is being replaced leaves the new one") {
    World world;
    const auto old = some_notification();
    const auto id = world.show(old);
    world.server.command({{"do", "hang"}, {"calls", {"Notify"}}});
    auto next = old;
    next.delivery = "next";
    auto show = std::async(std::launch::async, [&] { return world.desktop.show(next); });
    CHECK(world.server.shown().at("replaces_id") == id);
    world.server.action(id, "default");
    CHECK(world.clicks.next() == click_of(old, Action::seen));
    world.server.command({{"do", "go"}});
    CHECK(show.get().succeeded);
    world.server.action(id, "snooze");
    CHECK(world.clicks.next() == click_of(next, Action::snooze));
    // Closed after that click, not after the first.
    CHECK(world.server.call("CloseNotification").at("id") == id);
    world.no_more_clicks();
    CHECK(world.server.call("CloseNotification").at("id") == 2);
}

TEST_CASE("desktop: what a server answers wrongly is a failure that is tried again") {
    World world;
    const auto answer = [&](const char* how) {
        world.server.command({{"do", "answer"}, {"with", how}});
        auto outcome = world.desktop.show(some_notification());
        world.server.shown();
        return outcome;
    };
    for (const auto& [how, what] :
         {std::pair{"error",
                    "the notification service refused: org.example.Error.Full: too many [31m at "
                    "once"},
          std::pair{
              "text",
              "the notification service refused: org.freedesktop.DBus.Error.InvalidSignature: "
              "the answer has another type"}}) {
        const auto outcome = answer(how);
        CHECK_FALSE(outcome.succeeded);
        CHECK(outcome.retryable);
        CHECK(outcome.result == what);
    }
    const auto outcome = answer("zero");
    CHECK(outcome.succeeded);
    CHECK(outcome.result == "shown");
    world.server.action(0, "done");
    CHECK(answer("id").succeeded);
    world.no_more_clicks();
}

TEST_CASE("desktop: without a session bus there is a clear word, and another try") {
    const test::TempDir directory;
    const auto place = directory.path() + "/none";
    const auto result_of = [](Desktop& desktop) {
        const auto outcome = desktop.show(some_notification());
        CHECK_FALSE(outcome.succeeded);
        CHECK(outcome.retryable);
        return outcome.result;
    };
    Desktop desktop([](const Click&) {});
    SECTION("the address of the environment") {
        const Variable address("DBUS_SESSION_BUS_ADDRESS", ("unix:path=" + place).c_str());
        CHECK(result_of(desktop) == "no session bus: DBUS_SESSION_BUS_ADDRESS=unix:path=" + place +
                                        ": No such file or directory");
    }
    SECTION("an address that is none") {
        const Variable address("DBUS_SESSION_BUS_ADDRESS", "nonsense");
        CHECK(result_of(desktop).rfind("no session bus: DBUS_SESSION_BUS_ADDRESS=nonsense: ", 0) ==
              0);
    }
    SECTION("the user's run-time directory") {
        const Variable address("DBUS_SESSION_BUS_ADDRESS", nullptr);
        const Variable home("XDG_RUNTIME_DIR", place.c_str());
        CHECK(result_of(desktop) == "no session bus: " + place + "/bus: No such file or directory");
    }
    SECTION("neither") {
        const Variable address("DBUS_SESSION_BUS_ADDRESS", nullptr);
        const Variable home("XDG_RUNTIME_DIR", nullptr);
        CHECK(result_of(desktop) ==
              "no session bus: neither DBUS_SESSION_BUS_ADDRESS nor XDG_RUNTIME_DIR is set");
    }
    SECTION("given") {
        Desktop given([](const Click&) {}, "unix:path=" + place);
        CHECK(result_of(given) ==
              "no session bus: unix:path=" + place + ": No such file or directory");
    }
    SECTION("a bus that lets nobody in") {
        const Bus bus("<policy context=\"mandatory\"><deny user=\"*\"/></policy>");
        Desktop refused([](const Click&) {}, bus.address());
        CHECK(result_of(refused).rfind("lost the session bus: ", 0) == 0);
    }
    desktop.close("plants");
}

TEST_CASE("desktop: the environment's session bus is found") {
    const Bus bus;
    Server server(bus);
    const Variable address("DBUS_SESSION_BUS_ADDRESS", bus.address().c_str());
    Desktop desktop([](const Click&) {});
    CHECK(desktop.show(some_notification()).succeeded);
}

TEST_CASE("desktop: without a notification service there is a clear word, and another try") {
    const Bus bus;
    Clicks clicks;
    Desktop desktop(std::ref(clicks), bus.address());
    const auto outcome = desktop.show(some_notification());
    CHECK_FALSE(outcome.succeeded);
    CHECK(outcome.retryable);
    CHECK(outcome.result.rfind("no notification service on the session bus "
                               "(org.freedesktop.Notifications): ",
                               0) == 0);
    Server server(bus);
    CHECK(desktop.show(some_notification()).succeeded);
    server.command({{"do", "leave"}});
    CHECK(desktop.show(some_notification()).result == outcome.result);
    server.command({{"do", "restart"}});
    CHECK(desktop.show(some_notification()).succeeded);
}

TEST_CASE("desktop: the bus may start the service") {
    const Bus bus;
    const auto offer = [&](const std::string& command) {
        std::ofstream(bus.services() + "/test.service")
            << "[D-BUS Service]\nName=org.freedesktop.Notifications\nExec=" << command << "\n";
    };
    Desktop desktop([](const Click&) {}, bus.address());
    SECTION("which works") {
        offer("/usr/bin/python3 -B " + server_script() + " --activated");
        CHECK(desktop.show(some_notification()).result == "shown as notification 1");
    }
    SECTION("which fails") {
        offer("/bin/false");
        const auto outcome = desktop.show(some_notification());
        CHECK_FALSE(outcome.succeeded);
        CHECK(outcome.retryable);
        CHECK(outcome.result.rfind("no notification service on the session bus ", 0) == 0);
    }
}

TEST_CASE("desktop: what is on the screen is known to the next process") {
    const test::TempDir directory;
    const std::string file = directory.path() + "/desktop.json";
    Bus bus;
    std::optional<Server> server(std::in_place, bus);
    Clicks clicks;
    auto a = some_notification("a");
    a.url = "https://example.org/";
    const auto b = some_notification("b");
    {
        Desktop first(std::ref(clicks), bus.address(), file);
        CHECK(first.show(a).succeeded);
        CHECK(first.show(b).succeeded);
        CHECK(server->shown().at("id") == 1);
        CHECK(server->shown().at("id") == 2);
    }
    const auto known = daemon::recall_screen(file);
    REQUIRE(known.entries.size() == 2);
    CHECK(known.entries[0].id == 1);
    CHECK(known.entries[0].click == click_of(a, Action::seen));

    SECTION("its buttons work") {
        Desktop second(std::ref(clicks), bus.address(), file);
        // Shown again by this process: some services tell only who has shown it.
        for (const int id : {1, 2}) {
            const auto call = server->shown();
            CHECK(call.at("replaces_id") == id);
            CHECK(call.at("id") == id);
            CHECK(call.at("summary") == a.summary);
        }
        CHECK(second.show(some_notification("other")).succeeded);
        server->action(1, "open");
        CHECK(clicks.next() == click_of(a, Action::open));
        server->action(2, "done");
        CHECK(clicks.next() == click_of(b, Action::done));
    }
    SECTION("it is replaced") {
        Desktop second(std::ref(clicks), bus.address(), file);
        CHECK(server->shown().at("replaces_id") == 1);
        CHECK(server->shown().at("replaces_id") == 2);
        CHECK(second.show(a).succeeded);
        CHECK(server->shown().at("replaces_id") == 1);
    }
    SECTION("it is closed, however soon") {
        {
            Desktop second(std::ref(clicks), bus.address(), file);
            second.close("b");
            CHECK(server->call("CloseNotification").at("id") == 2);
        }
        CHECK(daemon::recall_screen(file).entries.size() == 1);
    }
    SECTION("another service has shown others") {
        server->command({{"do", "restart"}, {"keep", GENERATE(false, true)}});
        Desktop second(std::ref(clicks), bus.address(), file);
        second.close("b");
        CHECK(second.show(a).succeeded);
        CHECK(server->shown().at("replaces_id") == 0);
    }
    SECTION("another bus has other services, whatever their names") {
        server.reset();
        bus.restart();
        server.emplace(bus);
        Desktop second(std::ref(clicks), bus.address(), file);
        CHECK(second.show(a).succeeded);
        CHECK(server->shown().at("replaces_id") == 0);
    }
    SECTION("without a bus") {
        bus.stop();
        Desktop second(std::ref(clicks), bus.address(), file);
        second.close("b");
        CHECK_FALSE(second.show(a).succeeded);
    }
    SECTION("a file that is none of ours") {
        const std::string text = GENERATE("", "{", "[]", R"({"bus":1})", R"({"entries":{}})");
        std::ofstream(file) << text;
        Desktop second(std::ref(clicks), bus.address(), file);
        CHECK(second.show(a).succeeded);
        CHECK(server->shown().at("replaces_id") == 0);
    }
}

TEST_CASE("desktop: a bus that went away is found again") {
    Bus bus;
    Clicks clicks;
    Desktop desktop(std::ref(clicks), bus.address());
    {
        Server server(bus);
        CHECK(desktop.show(some_notification()).succeeded);
        bus.stop();
    }
    CHECK(desktop.show(some_notification()).result ==
          "no session bus: " + bus.address() + ": No such file or directory");
    bus.start();
    {
        Server server(bus);
        CHECK(desktop.show(some_notification()).succeeded);
        CHECK(server.shown().at("replaces_id") == 0);
        // At once, whether or not the end of the old one was noticed.
        bus.restart();
    }
    Server server(bus);
    CHECK(desktop.show(some_notification()).succeeded);
    server.action(1, "done");
    CHECK(clicks.next().action == Action::done);
}

TEST_CASE("desktop: calls end with the bus or with the service") {
    Bus bus;
    std::optional<Server> server(std::in_place, bus);
    Desktop desktop([](const Click&) {}, bus.address());
    server->command({{"do", "hang"}, {"calls", {"Notify"}}});
    auto show = std::async(std::launch::async, [&] { return desktop.show(some_notification()); });
    server->shown();
    SECTION("the bus") {
        bus.stop();
        CHECK(show.get().result.rfind("no session bus: ", 0) == 0);
    }
    SECTION("the service") {
        server.reset();
        const auto outcome = show.get();
        CHECK_FALSE(outcome.succeeded);
        CHECK(outcome.retryable);
        CHECK(outcome.result.rfind("the notification service gave no answer: ", 0) == 0);
    }
}

TEST_CASE("desktop: nothing that hangs keeps it from ending") {
    Bus bus;
    std::optional<Server> server(std::in_place, bus);
    std::optional<Desktop> desktop(
        std::in_place, [](const Click&) {}, bus.address());
    const auto show = [&] { return desktop->show(some_notification()); };
    std::future<core::Outcome> running;
    SECTION("the service") {
        CHECK(show().succeeded);
        server->command({{"do", "hang"}});
        running = std::async(std::launch::async, show);
        server->shown();
        server->shown();
    }
    SECTION("the service's process, stopped") {
        CHECK(show().succeeded);
        server->child().signal(SIGSTOP);
        running = std::async(std::launch::async, show);
    }
    SECTION("the bus, stopped") {
        CHECK(show().succeeded);
        bus.child().signal(SIGSTOP);
        desktop->close("plants");
        running = std::async(std::launch::async, show);
    }
    SECTION("the bus, stopped before there was a connection") {
        bus.child().signal(SIGSTOP);
        running = std::async(std::launch::async, show);
    }
    const auto began = std::chrono::steady_clock::now();
    desktop->stop();
    const auto outcome = running.get();
    CHECK_FALSE(outcome.succeeded);
    CHECK(outcome.retryable);
    CHECK(outcome.result == "interrupted: taskd stopped");
    CHECK(show().result == "interrupted: taskd stopped");
    desktop.reset();
    CHECK(std::chrono::steady_clock::now() - began < patience / 4);
    bus.child().signal(SIGCONT);
}

TEST_CASE("desktop: one that is never used does nothing") {
    Desktop desktop([](const Click&) {}, "unix:path=/nonexistent");
    desktop.close("plants");
}

TEST_CASE("desktop: calls that nobody answers are bounded") {
    World world;
    world.show(some_notification());
    world.server.command({{"do", "hang"}, {"calls", {"Notify"}}});
    std::vector<std::future<core::Outcome>> shows;
    shows.reserve(daemon::notification_calls_max);
    for (std::size_t i = 0; i < daemon::notification_calls_max; ++i) {
        shows.push_back(std::async(std::launch::async, [&world, i] {
            return world.desktop.show(some_notification(std::to_string(i)));
        }));
        world.server.shown();
    }
    const auto outcome = world.desktop.show(some_notification("one more"));
    CHECK_FALSE(outcome.succeeded);
    CHECK(outcome.retryable);
    CHECK(outcome.result ==
          "the notification service refused: org.freedesktop.DBus.Error.LimitsExceeded: too many "
          "calls are unanswered");
    world.server.command({{"do", "go"}});
    for (auto& show : shows) CHECK(show.get().succeeded);
    CHECK(world.desktop.show(some_notification("one more")).succeeded);
}

TEST_CASE("desktop: the tags that are known are bounded, and the oldest is forgotten") {
    World world;
    for (std::size_t i = 0; i < daemon::desktop_tags_max; ++i)
        REQUIRE(world.show(some_notification(std::to_string(i))) == i + 1);
    CHECK(world.show(some_notification("0")) == 1);  // shown again: no longer the oldest
    CHECK(world.show(some_notification("one more")) == daemon::desktop_tags_max + 1);
    world.server.action(2, "done");
    CHECK(world.show(some_notification("0")) == 1);
    CHECK(world.show(some_notification("1")) == daemon::desktop_tags_max + 2);
    world.no_more_clicks();
}
