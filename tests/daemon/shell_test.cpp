// SPDX-License-Identifier: Apache-2.0
// The parts of the shell that touch the machine: sockets, timerfd, child processes, configuration.
#include "daemon/bus.h"
#include "daemon/config.h"
#include "daemon/log.h"
#include "daemon/outbound/channel.h"
#include "daemon/request_sockets.h"
#include "daemon/system_clock.h"
#include "daemon/wake_timer.h"
#include "ipc/client.h"
#include "ipc/subscriber.h"
#include "tests/support/seeded_random.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <fstream>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

using namespace taskd;
using namespace std::chrono_literals;

namespace {

daemon::Job job(std::vector<std::string> argv, std::int64_t timeout_ms = 20'000) {
    daemon::Job made;
    made.user = core::UserId{"ada"};
    made.delivery = core::DeliveryId{"d1"};
    made.channel.name = "desk";
    made.channel.argv = std::move(argv);
    made.channel.timeout = std::chrono::milliseconds{timeout_ms};
    made.variables = {{"TASKD_SUMMARY", "hostile $(touch /x) \x1b[2J"}};
    made.event = R"({"type":"reminder.due"})";
    return made;
}

const daemon::Outside nobody;

core::Outcome run(const daemon::Job& what) {
    (void)signal(SIGPIPE, SIG_IGN);  // as serve() does before any thread starts
    const std::atomic<bool> stopping{false};
    daemon::Desktop desktop([](const daemon::Click&) {});
    return daemon::Runner(nobody, desktop, stopping).run(what);
}

bool readable(int fd, int timeout_ms) {
    pollfd item{fd, POLLIN, 0};
    return poll(&item, 1, timeout_ms) == 1;
}

daemon::Admission admit_self(const std::string& directory) {
    return {*ipc::Endpoint::make(directory), geteuid(), {core::UserId{"ada"}, true}, {}};
}

}  // namespace

TEST_CASE("exec: the event comes on standard input, the variables as they are, no shell between") {
    const auto outcome = run(job(
        {"/bin/sh", "-c", "cat; printf '|%s|%s' \"$TASKD_SUMMARY\" \"$1\"", "sh", "a b; $HOME"}));
    CHECK(outcome.succeeded);
    CHECK(outcome.result == "exit 0");
    CHECK(outcome.output == "{\"type\":\"reminder.due\"}|hostile $(touch /x) \x1b[2J|a b; $HOME");
}

TEST_CASE("exec: what the daemon has in its own environment stays with it") {
    setenv("TASKD_TEST_SECRET", "s3cret", 1);
    CHECK(run(job({"env"})).output.find("s3cret") == std::string::npos);
    unsetenv("TASKD_TEST_SECRET");
}

TEST_CASE("exec: a failing, a missing and a killed program are told apart") {
    CHECK(run(job({"/bin/sh", "-c", "exit 3"})).result == "exit 3");
    CHECK(run(job({"/nonexistent/program"})).result ==
          "can't run /nonexistent/program: No such file or directory");
    CHECK(run(job({"/bin/sh", "-c", "kill -9 $$"})).result == "killed by signal 9");
    CHECK_FALSE(run(job({"/bin/sh", "-c", "exit 3"})).succeeded);
}

TEST_CASE("exec: past the time limit the whole process group ends, also one that ignores TERM") {
    const auto outcome =
        run(job({"/bin/sh", "-c", "trap '' TERM; echo $$; sleep 600 & wait; wait"}, 100));
    CHECK_FALSE(outcome.succeeded);
    CHECK(outcome.result == "timed out after 100 ms");
    const pid_t group = std::stoi(outcome.output);
    // The group's members are gone or are zombies that nobody can signal for long.
    for (int i = 0; i < 500 && kill(-group, 0) == 0; ++i) poll(nullptr, 0, 10);
    CHECK(kill(-group, 0) != 0);
}

TEST_CASE(
    "exec: output is kept up to a bound and made readable; a child that reads nothing is fine") {
    auto loud = job({"/bin/sh", "-c", "yes | head -c 1000000"});
    loud.event = std::string(1'000'000, 'e');
    const auto outcome = run(loud);
    CHECK(outcome.succeeded);
    CHECK(outcome.output.size() == 4096);
    CHECK(run(job({"printf", "\\377\\376ok"})).output == "??ok");
}

TEST_CASE("the wake timer is quiet until its time, and wakes for a time in the past at once") {
    const daemon::SystemClock clock;
    daemon::WakeTimer timer;
    timer.arm({});
    CHECK_FALSE(readable(timer.fd(), 0));
    timer.arm(clock.now() - 1h);
    CHECK(readable(timer.fd(), 20'000));
    CHECK_FALSE(timer.drain());
    timer.arm(clock.now() + 50ms);
    CHECK(readable(timer.fd(), 20'000));
    timer.arm(core::Timestamp{});
    CHECK(readable(timer.fd(), 20'000));
}

TEST_CASE("the wake timer wakes when the clock is set, whatever it waits for") {
    daemon::WakeTimer timer;
    timer.arm({});
    // Setting the clock to what it shows is a step for the kernel and none for anybody else.
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    if (clock_settime(CLOCK_REALTIME, &now) != 0) {
        WARN("skipped: this user may not set the clock");
        return;
    }
    REQUIRE(readable(timer.fd(), 20'000));
    CHECK(timer.drain());
    CHECK_FALSE(readable(timer.fd(), 0));
}

TEST_CASE("a request comes with its caller's uid, shapes other than one frame are refused") {
    test::TempDir directory;
    zmq::context_t context;
    daemon::RequestSockets sockets(context);
    sockets.add(admit_self(directory.path()));
    zmq::socket_t client(context, zmq::socket_type::dealer);
    client.set(zmq::sockopt::linger, 0);
    client.connect("ipc://" + directory.path() + "/requests.sock");
    client.send(zmq::str_buffer("one"), zmq::send_flags::sndmore);
    client.send(zmq::str_buffer("two"), zmq::send_flags::sndmore);
    client.send(zmq::str_buffer("three"), zmq::send_flags::none);
    client.send(zmq::message_t(), zmq::send_flags::sndmore);
    client.send(zmq::str_buffer("{}"), zmq::send_flags::none);

    std::vector<daemon::Request> requests;
    while (requests.empty()) {
        zmq::pollitem_t item{sockets.users().at(0).requests.handle(), 0, ZMQ_POLLIN, 0};
        REQUIRE(zmq::poll(&item, 1, 20s) == 1);
        requests = sockets.drain({}, 5ms);
    }
    REQUIRE(requests.size() == 1);
    CHECK(requests[0].body == "{}");
    CHECK(requests[0].caller.user.str() == "ada");
    CHECK(sockets.refused() == 1);
    // The delimiter of a REQ socket is mirrored.
    sockets.reply({{requests[0].peer, "reply"}});
    zmq::message_t frame;
    REQUIRE(client.recv(frame));
    CHECK(frame.size() == 0);
    REQUIRE(client.recv(frame));
    CHECK(frame.to_string() == "reply");
}

TEST_CASE("a turn takes what its bounds allow, and the next one the rest") {
    test::TempDir directory;
    zmq::context_t context;
    daemon::RequestSockets sockets(context);
    sockets.add(admit_self(directory.path()));
    zmq::socket_t client(context, zmq::socket_type::dealer);
    client.set(zmq::sockopt::linger, 0);
    client.connect("ipc://" + directory.path() + "/requests.sock");
    for (int i = 0; i < 50; ++i) client.send(zmq::str_buffer("{}"), zmq::send_flags::none);
    daemon::Settings settings;
    settings.turn_requests_max = 20;
    std::size_t total = 0;
    while (total < 50) {
        zmq::pollitem_t item{sockets.users().at(0).requests.handle(), 0, ZMQ_POLLIN, 0};
        REQUIRE(zmq::poll(&item, 1, 20s) == 1);
        const auto got = sockets.drain(settings, 0ms).size();
        CHECK(got <= 20);
        total += got;
    }
}

TEST_CASE("a reply to a peer that has left or never reads doesn't block") {
    test::TempDir directory;
    zmq::context_t context;
    daemon::RequestSockets sockets(context);
    sockets.add(admit_self(directory.path()));
    const std::vector<daemon::Reply> replies(5000, {{0, "nobody", false}, std::string(1000, 'x')});
    sockets.reply(replies);
    SUCCEED("replies to an unknown peer are dropped");
}

TEST_CASE("a new subscriber is told the head, and copies come with type, number and event") {
    test::TempDir directory;
    zmq::context_t context;
    daemon::RequestSockets sockets(context);
    sockets.add(admit_self(directory.path()));
    daemon::Bus bus(1000ms);
    auto& user = sockets.users().at(0);
    bus.add(core::UserId{"ada"}, user.events, 41);
    zmq::socket_t subscriber(context, zmq::socket_type::sub);
    subscriber.set(zmq::sockopt::linger, 0);
    subscriber.set(zmq::sockopt::rcvtimeo, 20'000);
    subscriber.set(zmq::sockopt::subscribe, "");
    subscriber.connect("ipc://" + directory.path() + "/events.sock");
    zmq::pollitem_t item{user.events.handle(), 0, ZMQ_POLLIN, 0};
    REQUIRE(zmq::poll(&item, 1, 20s) == 1);
    bus.welcome(core::UserId{"ada"});

    const auto frames = [&] {
        std::vector<std::string> got;
        zmq::message_t frame;
        do {
            REQUIRE(subscriber.recv(frame));
            got.push_back(frame.to_string());
        } while (frame.more());
        return got;
    };
    CHECK(frames() == std::vector<std::string>{"taskd.head", "41", "{\"head\":41}"});
    daemon::Publication small{core::UserId{"ada"}, {}};
    small.event.type = "task.created";
    small.event.userseq = 42;
    small.event.data = "{}";
    daemon::Publication large = small;
    large.event.userseq = 43;
    large.event.data = "\"" + std::string(20'000, 'x') + "\"";
    daemon::Publication others = small;
    others.user = core::UserId{"bob"};
    bus.publish({others, small, large}, 5000ms);
    CHECK(frames().at(1) == "42");
    const auto reference = frames();
    CHECK(nlohmann::json::parse(reference.at(2))["dataref"] == "taskd:event/43");
    CHECK(frames() == std::vector<std::string>{"taskd.head", "43", "{\"head\":43}"});
    // Heads are told at most once per heartbeat, and none while nothing changes.
    CHECK_FALSE(bus.next_head().has_value());
    small.event.userseq = 44;
    bus.publish({small}, 5100ms);
    CHECK(bus.next_head() == std::optional<core::Monotonic>(6000ms));
}

TEST_CASE("configuration: default, file, environment and flag, each over the one before") {
    test::TempDir directory;
    const std::string file = directory.path() + "/taskd.toml";
    std::ofstream(file) << "[turn]\nrequests_max = 10\ntimers_max = 10\n[undo]\nttl = \"2d\"\n";
    const auto config = daemon::Config::load({file,
                                              true,
                                              {{"TASKD_TURN_TIMERS_MAX", "20"},
                                               {"TASKD_POLLS_MAX", "20"},
                                               {"TASKD_EVENT_ID", "of a channel's child"}},
                                              {{"polls.max", "30"}}});
    REQUIRE(config.has_value());
    CHECK(config->integer("turn.requests_max") == 10);
    CHECK(config->integer("turn.timers_max") == 20);
    CHECK(config->integer("polls.max") == 30);
    CHECK(config->span("undo.ttl") == 48h);
    CHECK(config->print().find("polls.max = 30  # flag --polls-max") != std::string::npos);
    CHECK(config->print().find("turn.timers_max = 20  # environment TASKD_TURN_TIMERS_MAX") !=
          std::string::npos);
}

TEST_CASE("configuration: the table's defaults are the engine's") {
    const auto config = daemon::Config::load({});
    REQUIRE(config.has_value());
    const auto from_table = config->settings();
    const daemon::Settings standard;
    CHECK(from_table.turn_requests_max == standard.turn_requests_max);
    CHECK(from_table.turn_bytes_max == standard.turn_bytes_max);
    CHECK(from_table.turn_timers_max == standard.turn_timers_max);
    CHECK(from_table.polls_max == standard.polls_max);
    CHECK(from_table.outbound_max == standard.outbound_max);
    CHECK(from_table.idempotency_ttl == standard.idempotency_ttl);
    CHECK(from_table.dedup_ttl == standard.dedup_ttl);
    CHECK(from_table.undo_ttl == standard.undo_ttl);
    CHECK(from_table.retention_events == standard.retention_events);
    CHECK(from_table.bus_heartbeat == standard.bus_heartbeat);
    CHECK(from_table.delivery_retry.attempts_max == standard.delivery_retry.attempts_max);
    CHECK(from_table.delivery_retry.initial == standard.delivery_retry.initial);
    CHECK(from_table.delivery_retry.max == standard.delivery_retry.max);
}

TEST_CASE("configuration: wrong keys and values are refused by name") {
    test::TempDir directory;
    const std::string file = directory.path() + "/taskd.toml";
    const auto error = [&](const std::string& text) {
        std::ofstream(file, std::ios::trunc) << text;
        const auto config = daemon::Config::load({file, true, {}, {}});
        REQUIRE_FALSE(config.has_value());
        return config.error();
    };
    CHECK(error("[turn]\nrequest_max = 1\n").hint == "did you mean \"turn.requests_max\"?");
    CHECK(error("[turn]\nrequests_max = 0\n").message.find("from 1 to 100000") !=
          std::string::npos);
    CHECK(error("[undo]\nttl = \"soon\"\n").field == "undo.ttl");
    CHECK(error("[undo]\nttl = 1.5\n").message.find("text, a whole number") != std::string::npos);
    CHECK(error("[http]\nmetrics_public = 1\n").message.find("true or false") != std::string::npos);
    CHECK(error("[turn]\nrequests_max = true\n").field == "turn.requests_max");
    CHECK(error("[undo\n").message.find("line 1") != std::string::npos);
    CHECK_FALSE(daemon::Config::load({"/nonexistent", true, {}, {}}).has_value());
}

TEST_CASE("a log field can't forge a line or drive a terminal") {
    CHECK(daemon::field("a\nb\x1b[2J\"") == "\"a\\x0ab\\x1b[2J\\\"\"");
}
