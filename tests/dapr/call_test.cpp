// SPDX-License-Identifier: Apache-2.0
#include "ipc/dapr/call.h"

#include "core/rfc3339.h"
#include "ipc/dapr/trace.h"
#include "tests/support/seeded_random.h"

#include <catch2/catch.hpp>

#include <deque>

namespace taskd::ipc::dapr {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

Answer status(int code, Headers headers = {}, std::string body = {}) {
    Answer answer;
    answer.response = Response{code, std::move(headers), std::move(body)};
    return answer;
}
Answer failed(Failure failure) {
    Answer answer;
    answer.failure = failure;
    return answer;
}

/// A sidecar with prepared answers and a clock that moves only when someone waits.
struct World {
    std::deque<Answer> answers;
    std::vector<milliseconds> waits;
    std::vector<milliseconds> timeouts;
    milliseconds clock{1000};
    milliseconds each_takes{0};
    std::uint64_t seed = 7;

    CallResult run(int retries = 2, milliseconds timeout = 60s) {
        test::SeededRandom random{seed};
        const CallHooks hooks{[this](const Request&, milliseconds left) {
                                  timeouts.push_back(left);
                                  clock += each_takes;
                                  auto answer = answers.front();
                                  if (answers.size() > 1) answers.pop_front();
                                  return answer;
                              },
                              [this] { return clock; },
                              [] { return core::parse_utc("2026-11-27T12:00:00Z").value(); },
                              [this](milliseconds wait) {
                                  waits.push_back(wait);
                                  clock += wait;
                              },
                              {}};
        return call({"POST", "/v1.0/invoke/a/method/b", {}, ""}, call_policy(retries),
                    clock + timeout, random, hooks);
    }
};

TEST_CASE("a call is tried three times, and only where that can help") {
    struct Row {
        Answer answer;
        int attempts;
        Verdict verdict;
    };
    const auto row = GENERATE(values<Row>({
        {status(200), 1, Verdict::ok},
        {status(204), 1, Verdict::ok},
        {status(302), 1, Verdict::ok},
        {status(400), 1, Verdict::callee_4xx},
        {status(401), 1, Verdict::callee_4xx},
        {status(404), 1, Verdict::callee_4xx},
        {status(408), 3, Verdict::callee_4xx},
        {status(409), 1, Verdict::callee_4xx},
        {status(425), 3, Verdict::callee_4xx},
        {status(429), 3, Verdict::callee_4xx},
        {status(500), 3, Verdict::callee_5xx},
        {status(503), 3, Verdict::callee_5xx},
        {status(500, {}, R"({"errorCode":"ERR_DIRECT_INVOKE","message":"x"})"), 3,
         Verdict::sidecar_error},
        {status(403, {}, R"({"errorCode":"ERR_DIRECT_INVOKE"})"), 1, Verdict::sidecar_error},
        {status(500, {}, R"({"errorCode":"MINE"})"), 3, Verdict::callee_5xx},
        {status(500, {}, R"({"errorCode":7})"), 3, Verdict::callee_5xx},
        {status(200, {}, R"({"errorCode":"ERR_DIRECT_INVOKE"})"), 1, Verdict::ok},
        {failed(Failure::unreachable), 3, Verdict::unreachable},
        {failed(Failure::broken), 3, Verdict::outcome_unknown},
        {failed(Failure::timeout), 3, Verdict::timeout},
        {failed(Failure::too_large), 1, Verdict::outcome_unknown},
        {failed(Failure::refused), 1, Verdict::outcome_unknown},
    }));
    World world;
    world.answers = {row.answer};
    const auto result = world.run();
    CAPTURE(row.answer.response ? row.answer.response->status : -1);
    CHECK(result.attempts == row.attempts);
    CHECK(result.verdict == row.verdict);
    CHECK(world.waits.size() == static_cast<std::size_t>(row.attempts - 1));
}

TEST_CASE("waits grow from one second, with full jitter") {
    milliseconds longest_first{0};
    milliseconds longest_second{0};
    milliseconds shortest{1h};
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        World world;
        world.seed = seed;
        world.answers = {status(503)};
        (void)world.run();
        REQUIRE(world.waits.size() == 2);
        longest_first = std::max(longest_first, world.waits[0]);
        longest_second = std::max(longest_second, world.waits[1]);
        shortest = std::min(shortest, world.waits[1]);
    }
    CHECK(longest_first <= 1s);
    CHECK(longest_first > 900ms);
    CHECK(longest_second <= 2s);
    CHECK(longest_second > 1800ms);
    CHECK(shortest < 200ms);
}

TEST_CASE("what was passed on is not called for again") {
    World world;
    auto answer = failed(Failure::broken);
    answer.streamed = true;
    world.answers = {answer};
    CHECK(world.run().attempts == 1);
}

TEST_CASE("the first success ends it") {
    World world;
    world.answers = {failed(Failure::unreachable), status(503), status(201)};
    const auto result = world.run();
    CHECK(result.attempts == 3);
    CHECK(result.verdict == Verdict::ok);
}

TEST_CASE("the server's Retry-After is honoured, in seconds and as a date") {
    for (const auto* text : {"7", "Fri, 27 Nov 2026 12:00:07 GMT"}) {
        CAPTURE(text);
        World world;
        world.answers = {status(429, {{"retry-after", text}}), status(200)};
        CHECK(world.run().verdict == Verdict::ok);
        REQUIRE(world.waits.size() == 1);
        CHECK(world.waits[0] == 7s);
    }
    const auto now = core::parse_utc("2026-11-27T12:00:00Z").value();
    CHECK_FALSE(retry_after(Response{503, {{"Retry-After", "soon"}}, {}}, now));
    CHECK(retry_after(Response{503, {{"Retry-After", "-3"}}, {}}, now) == 0ms);
    CHECK(retry_after(Response{503, {{"Retry-After", "99999999999"}}, {}}, now) == 24h);
    CHECK(retry_after(Response{503, {{"Retry-After", "Fri, 27 Nov 2026 11:00:00 GMT"}}, {}}, now) ==
          0ms);
}

TEST_CASE("nothing is tried past the deadline") {
    World world;
    world.answers = {status(429, {{"Retry-After", "61"}})};
    CHECK(world.run().attempts == 1);
    CHECK(world.waits.empty());

    World slow;
    slow.answers = {status(503)};
    slow.each_takes = 10s;
    const auto result = slow.run(20, 25s);
    CHECK(result.attempts == 3);
    CHECK(slow.timeouts[0] == 25s);
    CHECK(slow.timeouts[2] <= 5s);

    World late;
    late.answers = {status(200)};
    CHECK(late.run(2, 0s).verdict == Verdict::timeout);
    CHECK(late.timeouts.empty());
}

TEST_CASE("a trace is continued, and anything else begins one") {
    test::SeededRandom random{1};
    const std::string parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    const auto child = continued_trace(parent, random);
    CHECK(child.substr(0, 36) == parent.substr(0, 36));
    CHECK(child.substr(36, 16) != parent.substr(36, 16));
    CHECK(child.substr(52) == "-01");
    for (const std::string bad : {"", "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
                                  "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
                                  "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
                                  "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                                  "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01x"}) {
        CAPTURE(bad);
        const auto fresh = continued_trace(bad, random);
        CHECK(fresh.size() == 55);
        CHECK(fresh.substr(3, 32) != "4bf92f3577b34da6a3ce929d0e0e4736");
    }
    CHECK(user_baggage("ada lovelace,x=1") == "user_id=ada%20lovelace%2Cx%3D1");
}

}  // namespace
}  // namespace taskd::ipc::dapr
