// SPDX-License-Identifier: Apache-2.0
#include "cli/consume_runner.h"

#include "cli/spawn.h"

#include <catch2/catch.hpp>

#include <csignal>
#include <poll.h>
#include <sys/wait.h>

namespace taskd::cli {
namespace {

ipc::Leased leased(std::int64_t number, const std::string& data = "1") {
    ipc::Leased one;
    one.event.id = "id-" + std::to_string(number);
    one.event.type = "task.created";
    one.event.source = "/t";
    one.event.subject = "s";
    one.event.userseq = number;
    one.event.data = data;
    one.fence = 100 + number;
    one.attempt = 2;
    return one;
}

ConsumeRun shell(const std::string& script, const std::vector<ipc::Leased>& events,
                 bool batch = false) {
    auto run = ConsumeRun::start({{"sh", "-c", script}, "g", batch}, events);
    REQUIRE(run);
    return std::move(*run);
}

/// Feeds a run and reads its verdicts until it has ended.
int finish(ConsumeRun& run, std::vector<WrittenVerdict>& verdicts,
           std::vector<std::string>& strange) {
    for (;;) {
        run.write_input();
        std::vector<pollfd> items;
        if (run.input() >= 0) items.push_back({run.input(), POLLOUT, 0});
        if (run.results() >= 0) items.push_back({run.results(), POLLIN, 0});
        const int ready = poll(items.data(), items.size(), items.empty() ? 5 : 1000);
        (void)ready;
        for (const auto& verdict : run.read_results(strange)) verdicts.push_back(verdict);
        if (const auto ended = run.collect()) {
            for (const auto& verdict : run.read_results(strange)) verdicts.push_back(verdict);
            return *ended;
        }
    }
}

int finish(ConsumeRun& run) {
    std::vector<WrittenVerdict> verdicts;
    std::vector<std::string> strange;
    return finish(run, verdicts, strange);
}

TEST_CASE("a command gets its event and what it needs to know about it") {
    auto run = shell(
        "read -r line; read -r more && exit 2; case $line in *'\"userseq\":7'*) ;; *) exit 3;; "
        "esac\n"
        "[ \"$TASKD_EVENT_SEQ $TASKD_FENCE $TASKD_ATTEMPT\" = '7 107 2' ] || exit 4\n"
        "[ \"$TASKD_IDEMPOTENCY_KEY $TASKD_GROUP\" = 'g/7 g' ] || exit 5\n"
        "[ \"$TASKD_EVENT_TYPE $TASKD_EVENT_ID $TASKD_EVENT_SOURCE\" = 'task.created id-7 /t' ] || "
        "exit 6\n"
        "[ \"$(ps -o pgid= $$ | tr -d ' ')\" = $$ ] || exit 7",
        {leased(7)});
    CHECK(finish(run) == 0);
}

TEST_CASE("a command that does not read its input is none the worse") {
    const auto before = std::signal(SIGPIPE, SIG_IGN);
    const std::string large = "\"" + std::string(1'000'000, 'x') + "\"";
    auto run = shell("exit 0", {leased(1, large)});
    CHECK(finish(run) == 0);
    auto reads = shell("test $(wc -c) -gt 1000000", {leased(1, large)});
    CHECK(finish(reads) == 0);
    (void)std::signal(SIGPIPE, before);
}

TEST_CASE("a batch settles its events by words on a descriptor of its own") {
    auto run = shell(
        "[ \"$(wc -l)\" = 3 ] || exit 9; [ -z \"$TASKD_EVENT_SEQ\" ] || exit 8\n"
        "[ $TASKD_EVENT_COUNT = 3 ] || exit 7\n"
        "{ echo '1 ack'; echo; echo 'all fine'; head -c 100000 /dev/zero | tr '\\0' x; echo\n"
        "echo '2 retry'; printf '3 drop'; } >&$TASKD_RESULTS_FD; exit 5",
        {leased(1), leased(2), leased(3)}, true);
    std::vector<WrittenVerdict> verdicts;
    std::vector<std::string> strange;
    CHECK(WEXITSTATUS(finish(run, verdicts, strange)) == 5);
    CHECK(verdicts ==
          std::vector<WrittenVerdict>{{1, Verdict::ack}, {2, Verdict::retry}, {3, Verdict::dead}});
    REQUIRE(strange.size() == 2);
    CHECK(strange[0] == "all fine");
    CHECK(strange[1].size() <= 128);
}

TEST_CASE("a verdict is a number and a word") {
    CHECK(verdict_from("12 ack") == WrittenVerdict{12, Verdict::ack});
    CHECK(verdict_from(" 12\tdrop\r") == WrittenVerdict{12, Verdict::dead});
    for (const char* line : {"", "12", "ack", "ack 12", "12 done", "0 ack", "-1 ack", "1.5 ack",
                             "12 ack now", "99999999999999999999 ack"})
        CHECK_FALSE(verdict_from(line));
}

TEST_CASE("ending a run ends all of its processes") {
    // The shell goes at once; what it started would stay.
    auto run = shell("trap '' TERM; (trap '' TERM; exec sleep 1000) & echo 1 ack >&3; wait; wait",
                     {leased(1)});
    pollfd item{run.results(), POLLIN, 0};
    REQUIRE(poll(&item, 1, 20'000) == 1);
    run.signal(SIGTERM);
    run.signal(SIGKILL);
    CHECK(WTERMSIG(finish(run)) == SIGKILL);
    // Its results close when the last of them is gone.
    std::vector<std::string> strange;
    while (run.results() >= 0) {
        pollfd end{run.results(), POLLIN, 0};
        REQUIRE(poll(&end, 1, 20'000) == 1);
        (void)run.read_results(strange);
    }
}

TEST_CASE("what can't be started says so, by name") {
    const auto missing = ConsumeRun::start({{"no-such-program-here"}, "g", false}, {leased(1)});
    REQUIRE_FALSE(missing);
    CHECK(missing.error().reason == core::Reason::not_found);
    CHECK(missing.error().message.find("no-such-program-here") != std::string::npos);
    CHECK_FALSE(ConsumeRun::start({{"/tmp"}, "g", false}, {leased(1)}));
    CHECK(check_runnable("sh"));
    CHECK(check_runnable("/bin/sh"));
    CHECK_FALSE(check_runnable("/tmp"));
    CHECK_FALSE(check_runnable("no-such-program-here"));
    CHECK_FALSE(check_runnable("/etc/passwd"));
}

}  // namespace
}  // namespace taskd::cli
