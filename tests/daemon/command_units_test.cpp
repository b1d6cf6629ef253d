// SPDX-License-Identifier: Apache-2.0
// Commands as units: a real bus, real programs, and tests/support/service_manager.py for systemd.
#include "daemon/outbound/command_runner.h"
#include "daemon/outbound/leftovers.h"
#include "tests/support/private_bus.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <deque>
#include <mutex>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

using namespace taskd;
using namespace std::chrono_literals;
using daemon::CommandRunner;
using daemon::Job;
using daemon::JobResult;
using daemon::UnitPlace;
using nlohmann::json;

namespace {

constexpr auto patience = 20s;

/// tests/support/service_manager.py as a child.
class Manager {
public:
    explicit Manager(const std::string& address)
        : child_({"/usr/bin/python3", "-B", TASKD_TEST_DATA "/../support/service_manager.py",
                  "--address", address}) {
        REQUIRE(json::parse(child_.read_line()) == json{{"did", "start"}});
    }

    /// Does it before this returns.
    void command(const json& line) {
        child_.write_line(line.dump());
        do {
            lines_.push_back(json::parse(child_.read_line()));
        } while (!lines_.back().contains("did"));
        lines_.pop_back();
    }

    /// The next call of that name that came, or comes.
    json call(const std::string& name) {
        for (;;) {
            while (!lines_.empty()) {
                auto line = std::move(lines_.front());
                lines_.pop_front();
                if (line.value("call", "") == name) return line;
            }
            lines_.push_back(json::parse(child_.read_line()));
        }
    }

private:
    test::Child child_;
    std::deque<json> lines_;
};

/// A task's command, under an id that no other has.
Job job_of(std::vector<std::string> argv) {
    static int number = 0;
    const std::string id = "test-" + std::to_string(getpid()) + "-" + std::to_string(++number);
    Job job{core::UserId{"ada"}, core::DeliveryId{id}, {}, {}, {}};
    job.variables = {{"TASKD_RUN_ID", id}, {"TASKD_SUMMARY", "Back\nup"}};
    job.task = core::TaskId{"task-" + id};
    job.command.emplace();
    job.command->argv = std::move(argv);
    job.command->directory = "/";
    job.command->environment = {"PATH=/usr/bin:/bin"};
    job.command->time_limit = patience;
    return job;
}

Job shell(const std::string& script) {
    return job_of({"sh", "-c", script});
}

/// What the runner says, to be waited for with a deadline.
struct Runner {
    explicit Runner(const UnitPlace& place)
        : runner(std::in_place, place, [this](const std::string& why) {
              const std::lock_guard lock(mutex);
              told.push_back(why);
          }) {}

    core::Outcome next() {
        const auto until = std::chrono::steady_clock::now() + patience;
        while (results.empty()) {
            const auto left = std::chrono::ceil<std::chrono::milliseconds>(
                until - std::chrono::steady_clock::now());
            pollfd fd{runner->fd(), POLLIN, 0};
            if (left <= 0ms || poll(&fd, 1, static_cast<int>(left.count())) != 1)
                throw std::runtime_error("no result in time");
            for (auto& result : runner->results()) results.push_back(std::move(result));
        }
        auto outcome = std::move(results.front().outcome);
        results.pop_front();
        return outcome;
    }
    core::Outcome run(const Job& job) {
        runner->start({job});
        return next();
    }
    std::vector<std::string> all_told() {
        const std::lock_guard lock(mutex);
        return told;
    }

    std::mutex mutex;
    std::vector<std::string> told;
    std::deque<JobResult> results;
    std::optional<CommandRunner> runner;
};

/// A bus, a manager and a runner that uses it.
struct World {
    explicit World(std::chrono::milliseconds with_manager = patience, bool is_system = false)
        : manager(bus.address()),
          units(UnitPlace{is_system, bus.address(), with_manager,
                          [this](const std::string& identifier) {
                              identifiers.push_back(identifier);
                              return journal.exchange(-1);
                          }}) {}

    test::Bus bus;
    Manager manager;
    std::vector<std::string> identifiers;
    std::atomic<int> journal{-1};
    test::TempDir directory;
    Runner units;

    /// Begins it and waits until it has written a word into a file of its own.
    std::string begin(const Job& job, const std::string& name) {
        mkfifo((directory.path() + "/" + name).c_str(), 0600);
        units.runner->start({job});
        std::string word;
        std::ifstream(directory.path() + "/" + name) >> word;
        return word;
    }
    [[nodiscard]] std::string tell(const std::string& name) const {
        return "echo $$ > " + directory.path() + "/" + name + "; ";
    }
};

std::size_t left_of(const Job& job) {
    return daemon::signal_run(job.delivery.str(), 0);
}

}  // namespace

TEST_CASE("command units: a program gets what it gets as a child") {
    World t;
    auto job = job_of({"sh", "-c", "pwd; echo $OWN; umask; cat; printf '%s\\n' \"$0 $1\" >&2",
                       "a $OWN", "${HOME} %n \\n"});
    job.command->directory = t.directory.path();
    job.command->environment.emplace_back("OWN=a$b %n \"q\"\nline");
    job.event = "an event\n";
    const auto outcome = t.units.run(job);
    CHECK(outcome.succeeded);
    CHECK(outcome.result == "exit 0");
    CHECK(outcome.output ==
          t.directory.path() + "\na$b %n \"q\" line\n0077\nan event\na $OWN ${HOME} %n \\n\n");
    CHECK(t.units.all_told().empty());

    const auto call = t.manager.call("StartTransientUnit");
    CHECK(call["unit"] == "taskd-run-" + job.delivery.str() + ".service");
    CHECK(call["mode"] == "fail");
    const auto& properties = call["properties"];
    CHECK(properties["Description"] == "Back up");
    CHECK(properties["Type"] == "exec");
    CHECK(properties["KillMode"] == "control-group");
    CHECK(properties["CollectMode"] == "inactive-or-failed");
    CHECK(properties["TimeoutStopUSec"] == 2'000'000);
    CHECK(properties["ExecStartEx"][0][0] == "/usr/bin/sh");
    CHECK_FALSE(properties.contains("User"));
    CHECK(t.manager.call("UnrefUnit")["unit"] == call["unit"]);
}

TEST_CASE("command units: the end of a program is told as a child's") {
    World t;
    CHECK(t.units.run(shell("echo no disk; exit 3")).result == "exit 3");
    CHECK(t.units.run(shell("kill -9 $$")).result == "killed by signal 9");
    CHECK(t.units.run(shell("exec 0<&- 1>&- 2>&-; exit 5")).result == "exit 5");
    CHECK(t.units.run(job_of({"no-such-program"})).result ==
          "can't run no-such-program: No such file or directory");
    auto lost = shell("true");
    lost.command->directory = t.directory.path() + "/gone";
    CHECK(t.units.run(lost).result ==
          "can't run sh: its directory " + lost.command->directory + ": No such file or directory");
    const auto broken = t.directory.path() + "/broken";
    std::ofstream(broken) << "text";
    CHECK(t.units.run(job_of({broken})).result == "can't run " + broken + ": Permission denied");
    std::ofstream(broken) << "\x7f"
                             "ELF";
    std::filesystem::permissions(broken, std::filesystem::perms::owner_all);
    CHECK(t.units.run(job_of({broken})).result == "exit 203 (of systemd.exec(5), if not its own)");
}

TEST_CASE("command units: the last of the output is kept, and what is left behind ends") {
    World t;
    const auto outcome = t.units.run(shell("yes | head -c 1000000; echo last"));
    CHECK(outcome.output.rfind("[", 0) == 0);
    CHECK(outcome.output.find(" bytes before this]\n") != std::string::npos);
    CHECK(outcome.output.substr(outcome.output.size() - 5) == "last\n");
    CHECK(outcome.output.size() < 20'000);
    const auto job = shell("sleep 1000 & echo left");
    CHECK(t.units.run(job).result == "exit 0");
    CHECK(left_of(job) == 0);
}

TEST_CASE("command units: the journal gets the output, and holds nobody up") {
    World t;
    std::array<int, 2> ends{};
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0);
    const daemon::UniqueFd ours(ends[0]);
    t.journal = ends[1];
    const bool is_full = GENERATE(false, true);
    const auto job = shell(is_full ? "yes | head -c 3000000" : "echo hello");
    CHECK(t.units.run(job).succeeded);
    CHECK(t.identifiers == std::vector<std::string>{daemon::unit_of_run(job.delivery.str())});
    std::array<char, 7> text{};
    CHECK(recv(ours.get(), text.data(), 6, MSG_WAITALL) == 6);
    CHECK(std::string(text.data()) == (is_full ? "y\ny\ny\n" : "hello\n"));
}

TEST_CASE("command units: a time limit is TERM, and KILL later") {
    World t;
    auto polite = shell("trap 'echo bye; exit 1' TERM; sleep 1000 & wait");
    polite.command->time_limit = 1s;
    const auto ended = t.units.run(polite);
    CHECK(ended.result == "timed out after 1 s");
    CHECK(ended.output == "bye\n");
    auto deaf = shell("trap '' TERM; echo begun; sleep 1000 & wait; sleep 1000");
    deaf.command->time_limit = 1s;
    const auto killed = t.units.run(deaf);
    CHECK(killed.result == "timed out after 1 s");
    CHECK(killed.output == "begun\n");
    CHECK(killed.took >= 2s);
    CHECK(left_of(deaf) == 0);
}

TEST_CASE("command units: a cancelled task and the end of taskd end them") {
    World t(300ms);
    const auto job = shell(t.tell("begun") + "exec sleep 1000");
    t.begin(job, "begun");
    SECTION("cancelled") {
        ipc::CloudEvent event;
        event.type = "task.cancelled";
        event.subject = job.task.str();
        t.units.runner->retract({daemon::Publication{job.user, event}});
        const auto outcome = t.units.next();
        CHECK(outcome.result == "stopped: its task was cancelled");
        CHECK(t.manager.call("StopUnit")["unit"] == daemon::unit_of_run(job.delivery.str()));
    }
    SECTION("taskd ends") {
        t.units.runner.reset();
    }
    SECTION("taskd ends and systemd does not answer") {
        t.manager.command({{"do", "hang"}});
        t.units.runner.reset();
        t.manager.command({{"do", "go"}});
    }
    CHECK(left_of(job) == 0);
}

TEST_CASE("command units: what systemd refuses is a child, which is said once") {
    World t;
    t.manager.command({{"do", "refuse"}, {"error", "org.freedesktop.DBus.Error.AccessDenied"}});
    CHECK(t.units.run(shell("exit 3")).result == "exit 3");
    CHECK(t.units.run(shell("exit 4")).result == "exit 4");
    CHECK(t.units.all_told() ==
          std::vector<std::string>{"org.freedesktop.DBus.Error.AccessDenied: it is not for you"});
    t.manager.command({{"do", "refuse"}, {"error", ""}});
    CHECK(t.units.run(shell("exit 5")).result == "exit 5");
    CHECK(t.units.all_told().size() == 1);
}

TEST_CASE("command units: without a bus, or a manager on it, they are children") {
    test::TempDir directory;
    UnitPlace place{false, "unix:path=" + directory.path() + "/bus", 200ms, {}};
    std::optional<test::Bus> bus;
    daemon::UniqueFd deaf;
    SECTION("no bus") {}
    SECTION("a bus that does not answer") {
        deaf = daemon::UniqueFd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        (directory.path() + "/bus").copy(&address.sun_path[0], sizeof address.sun_path - 1);
        REQUIRE(bind(deaf.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
        REQUIRE(listen(deaf.get(), 8) == 0);
    }
    SECTION("no manager") {
        place.address = bus.emplace().address();
    }
    Runner units(place);
    CHECK(units.run(shell("exit 3")).result == "exit 3");
    CHECK(units.all_told().size() == 1);
}

TEST_CASE("command units: a manager that comes back has its units") {
    World t;
    const auto job = shell(t.tell("begun") + "read x < " + t.directory.path() + "/go; exit 7");
    mkfifo((t.directory.path() + "/go").c_str(), 0600);
    t.begin(job, "begun");
    const bool ends_meanwhile = GENERATE(false, true);
    const auto go = [&] { std::ofstream(t.directory.path() + "/go") << "go\n"; };
    t.manager.command({{"do", "leave"}});
    if (ends_meanwhile) go();
    t.manager.command({{"do", "return"}});
    if (!ends_meanwhile) go();
    CHECK(t.units.next().result == "exit 7");
    CHECK(t.units.run(shell("exit 3")).result == "exit 3");
}

TEST_CASE("command units: one that is lost is ended, and interrupted once") {
    World t(300ms);
    const auto job = shell("echo begun; " + t.tell("begun") + "sleep 1000; exit 0");
    t.begin(job, "begun");
    std::string why = "interrupted: systemd went away";
    SECTION("systemd goes away") {
        t.manager.command({{"do", "leave"}});
    }
    SECTION("the bus ends") {
        t.bus.stop();
        why = "interrupted: the connection to systemd ended";
    }
    const auto outcome = t.units.next();
    CHECK(outcome.result == why);
    CHECK_FALSE(outcome.succeeded);
    CHECK(outcome.retryable);
    CHECK(outcome.output == "begun\n");
    CHECK(left_of(job) == 0);
    CHECK(t.units.run(shell("exit 3")).result == "exit 3");
    CHECK(t.units.results.empty());
}

TEST_CASE("command units: an attempt begins when an earlier one has ended") {
    World t;
    const auto held = t.directory.path() + "/held";
    const auto job = shell("test -e " + held + " && exit 4; touch " + held + "; trap 'rm " + held +
                           "; exit 1' TERM; " + t.tell("begun") + "sleep 1000 & wait");
    t.begin(job, "begun");
    auto after = job;
    after.command->argv.back().insert(0, "test -e " + held + " && exit 4; exit 5; ");
    Runner other({false, t.bus.address(), patience, {}});
    CHECK(other.run(after).result == "exit 5");
    CHECK(t.units.next().result == "exit 1");
}

TEST_CASE("command units: an earlier attempt that does not end is not run beside") {
    World t;
    const auto job = shell("trap '' TERM; " + t.tell("begun") + "exec sleep 1000");
    t.begin(job, "begun");
    Runner other({false, t.bus.address(), 300ms, {}});
    const auto outcome = other.run(job);
    CHECK(outcome.result == "interrupted: the unit of its last attempt does not end");
    CHECK(outcome.retryable);
    CHECK(t.units.next().result == "killed by signal 9");
}

TEST_CASE("command units: the system's manager is told whose they are") {
    World t(patience, true);
    CHECK(t.units.run(shell("true")).succeeded);
    const auto properties = t.manager.call("StartTransientUnit")["properties"];
    CHECK(properties["User"] == std::to_string(geteuid()));
    CHECK(properties["Group"] == std::to_string(getegid()));
}

TEST_CASE("command units: what a killed daemon left is stopped by name") {
    World t;
    const auto job = shell(t.tell("begun") + "exec sleep 1000");
    t.begin(job, "begun");
    daemon::stop_units({false, t.bus.address(), patience, {}},
                       {"taskd-run-none.service", daemon::unit_of_run(job.delivery.str())});
    CHECK(t.units.next().result == "killed by signal 15");
}

TEST_CASE("command units: what is stopped by name may end in its own way") {
    World t;
    const auto held = t.directory.path() + "/held";
    // The signal that stops it comes once: a second one would end rm.
    const auto job = shell("touch " + held + "; trap 'sleep 0.1; rm " + held + "; exit 1' TERM; " +
                           t.tell("begun") + "sleep 1000 & wait");
    t.begin(job, "begun");
    daemon::stop_units({false, t.bus.address(), patience, {}},
                       {daemon::unit_of_run(job.delivery.str())});
    CHECK(left_of(job) == 0);
    CHECK_FALSE(std::filesystem::exists(held));
    CHECK(t.units.next().result == "exit 1");
}
