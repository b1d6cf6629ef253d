// SPDX-License-Identifier: Apache-2.0
// Who gets a worker, and what is taken back before one has it.
#include "daemon/outbound/worker_pool.h"

#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <signal.h>
#include <stdexcept>
#include <sys/stat.h>
#include <unistd.h>

using namespace taskd;
using namespace std::chrono_literals;
using core::ChannelKind;

namespace {

const daemon::Outside nobody;

/// A file that `cat` waits at until the gate opens.
class Gate {
public:
    explicit Gate(std::string path) : path_(std::move(path)) {
        if (mkfifo(path_.c_str(), 0600) != 0) throw std::runtime_error("mkfifo failed");
        fd_ = ::open(path_.c_str(), O_RDWR | O_CLOEXEC);
    }
    Gate(const Gate&) = delete;
    Gate& operator=(const Gate&) = delete;
    ~Gate() { open(); }

    void open() {
        if (fd_ < 0) return;
        // Who comes from now on finds an empty file; who waits already is at its end.
        std::filesystem::remove(path_);
        std::ofstream{path_};
        ::close(std::exchange(fd_, -1));
    }
    [[nodiscard]] std::vector<std::string> wait_here() const { return {"cat", path_}; }

private:
    std::string path_;
    int fd_ = -1;
};

struct Pool {
    explicit Pool(std::size_t threads, std::size_t exec_max)
        : pool(context, threads, exec_max, nobody) {
        (void)signal(SIGPIPE, SIG_IGN);
    }

    void start(const std::string& user, std::vector<std::string> argv) {
        daemon::Job job;
        job.user = core::UserId{user};
        job.channel.kind = ChannelKind::exec;
        job.channel.argv = std::move(argv);
        job.channel.timeout = 600s;
        pool.start({job});
    }
    void start(const std::string& user, ChannelKind kind, const std::string& tag) {
        daemon::Job job;
        job.user = core::UserId{user};
        job.channel.kind = kind;
        job.notice.tag = tag;
        job.notice.summary = "tea";
        pool.start({job});
    }

    /// The next `wanted` results; it does not wait for more.
    std::vector<daemon::JobResult> results(std::size_t wanted) {
        std::vector<daemon::JobResult> results;
        while (results.size() < wanted) {
            zmq::pollitem_t item{pool.socket().handle(), 0, ZMQ_POLLIN, 0};
            if (zmq::poll(&item, 1, 20s) != 1) break;
            for (auto& result : pool.results()) results.push_back(std::move(result));
        }
        return results;
    }

    zmq::context_t context;
    daemon::WorkerPool pool;
};

}  // namespace

TEST_CASE("workers: results come back on the socket that wakes the loop") {
    Pool workers(2, 2);
    for (const char* program : {"true", "false", "true"}) workers.start("ada", {program});
    const auto results = workers.results(3);
    CHECK(results.size() == 3);
    CHECK(std::count_if(results.begin(), results.end(),
                        [](const auto& r) { return r.outcome.succeeded; }) == 2);
}

TEST_CASE("workers: those that are busy at the end are stopped, with their children") {
    {
        Pool workers(1, 1);
        workers.start("ada", {"sleep", "600"});
    }
    SUCCEED("the destructor returned");
}

TEST_CASE("workers: one is left for others, however much somebody has to do") {
    const test::TempDir directory;
    Gate gate(directory.path() + "/gate");
    Pool workers(3, 3);
    for (int i = 0; i < 5; ++i) workers.start("ada", gate.wait_here());
    workers.start("bob", {"true"});
    const auto first = workers.results(1);
    REQUIRE(first.size() == 1);
    CHECK(first[0].user == core::UserId{"bob"});
    gate.open();
    CHECK(workers.results(5).size() == 5);
}

TEST_CASE("workers: no more programs run at once than may, and others go on beside them") {
    const test::TempDir directory;
    Gate gate(directory.path() + "/gate");
    const std::string opened = directory.path() + "/opened";
    Pool workers(3, 1);
    workers.start("ada", gate.wait_here());
    workers.start("bob", {"test", "-e", opened});
    workers.start("eve", ChannelKind::email, "");
    const auto first = workers.results(1);
    REQUIRE(first.size() == 1);
    CHECK(first[0].outcome.result == "smtp.url is not set");
    std::ofstream{opened};
    gate.open();
    const auto rest = workers.results(2);
    REQUIRE(rest.size() == 2);
    for (const auto& result : rest) CHECK(result.outcome.succeeded);
}

TEST_CASE("workers: a notification of what was done meanwhile is not shown any more") {
    // No desktop is asked, wherever this runs.
    setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent", 1);
    const test::TempDir directory;
    Gate gate(directory.path() + "/gate");
    Pool workers(1, 1);
    workers.start("ada", gate.wait_here());
    workers.start("ada", ChannelKind::desktop, "t1");
    workers.start("ada", ChannelKind::desktop, "t2");
    workers.start("bob", ChannelKind::desktop, "t1");
    ipc::CloudEvent event;
    event.subject = "t1";
    SECTION("completed") {
        event.type = "task.completed";
    }
    SECTION("snoozed") {
        event.type = "reminder.snoozed";
    }
    workers.pool.retract({{core::UserId{"ada"}, event}});
    gate.open();
    const auto results = workers.results(4);
    REQUIRE(results.size() == 4);
    int taken_back = 0;
    for (const auto& result : results)
        taken_back += result.outcome.result == "taken back before it was shown" ? 1 : 0;
    CHECK(taken_back == 1);
}
