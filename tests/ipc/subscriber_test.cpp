// SPDX-License-Identifier: Apache-2.0
// The subscriber against a log and live copies that a daemon might give, or lose.
#include "ipc/subscriber.h"

#include "tests/ipc/peer.h"

#include <catch2/catch.hpp>

#include <mutex>

using namespace taskd;
using namespace std::chrono_literals;
using nlohmann::json;
using test::Calling;
using test::event_json;
using test::Peer;

namespace {

/// What a daemon would have; its reader may be told of anything.
struct Log {
    std::mutex mutex;
    std::int64_t head = 0;
    std::int64_t oldest = 1;
    int failures = 0;  ///< so many reads are refused first
    std::vector<json> reads;
    std::vector<std::pair<int, std::vector<std::int64_t>>> live;  ///< with the n-th read
    std::vector<std::pair<int, std::int64_t>> heads;              ///< likewise

    json answer(const json& request, Peer& peer) {
        const std::lock_guard lock(mutex);
        const json& params = request["params"];
        reads.push_back(params);
        if (failures > 0) {
            --failures;
            return ipc::error_reply(request["id"],
                                    {core::Reason::unavailable, "shutting down", {}, {}});
        }
        const int number_of_read = static_cast<int>(reads.size());
        for (const auto& [when, numbers] : live)
            if (when == number_of_read)
                for (const auto number : numbers)
                    peer.live.push_back(
                        {"task.created", std::to_string(number), event_json(number).dump()});
        for (const auto& [when, number] : heads)
            if (when == number_of_read)
                peer.live.push_back({"taskd.head", std::to_string(number), ""});
        if (params.value("after", std::int64_t{0}) > head)
            return ipc::error_reply(
                request["id"],
                {core::Reason::invalid_argument, "after: is past the newest event", "after", {}});
        json events = json::array();
        for (auto number = std::max(params.value("after", std::int64_t{0}) + 1, oldest);
             number <= head; ++number)
            events.push_back(event_json(number));
        return ipc::result_reply(
            request["id"],
            {{"events", events}, {"head", head}, {"oldest", oldest}, {"next", head}});
    }
};

struct Following {
    Calling calling;
    Log log;
    Peer* self = nullptr;
    std::atomic<bool> known{false};
    Peer peer{calling.endpoint, [this](const json& request) -> std::optional<json> {
                  while (!known) std::this_thread::yield();
                  return log.answer(request, *self);
              }};
    ipc::Client client = calling.client();

    Following() {
        self = &peer;
        known = true;
    }
    ipc::Subscriber subscriber(std::int64_t after, std::optional<core::Timestamp> since = {}) {
        return {calling.context, client, {}, core::TopicFilter{}, after, since};
    }
};

std::int64_t next_number(ipc::Subscriber& subscriber) {
    const auto event = subscriber.next(20s);
    REQUIRE(event.has_value());
    REQUIRE(event->has_value());
    return (*event)->userseq;
}

}  // namespace

TEST_CASE("live copies that never came are counted, and the daemon is told with the next read") {
    Following here;
    here.log.head = 3;
    auto subscriber = here.subscriber(0);
    here.peer.wait_for_subscription();
    for (std::int64_t number = 1; number <= 3; ++number) CHECK(next_number(subscriber) == number);
    {
        const std::lock_guard lock(here.log.mutex);
        here.log.live = {{2, {4, 5, 8}}};  // 6 and 7 are lost
        here.log.heads = {{3, 9}};
        here.log.head = 8;
    }
    // A read from elsewhere has the peer send what it holds.
    CHECK(here.client.call(ipc::EventRead{}).has_value());
    for (std::int64_t number = 4; number <= 8; ++number) CHECK(next_number(subscriber) == number);
    CHECK(subscriber.lost() == 2);
    {
        const std::lock_guard lock(here.log.mutex);
        here.log.head = 9;
    }
    CHECK(next_number(subscriber) == 9);
    const std::lock_guard lock(here.log.mutex);
    REQUIRE(here.log.reads.size() == 4);
    CHECK_FALSE(here.log.reads[2].contains("missed"));
    CHECK(here.log.reads[3]["missed"] == 2);
}

TEST_CASE("numbers of types that were not asked for are no losses") {
    Following here;
    here.log.head = 1;
    auto subscriber = here.subscriber(1);
    here.peer.wait_for_subscription();
    CHECK_FALSE(subscriber.next(0ms)->has_value());
    {
        const std::lock_guard lock(here.log.mutex);
        here.log.live = {{2, {2, 9}}};
        here.log.oldest = 9;  // the log has nothing between them for this reader
        here.log.head = 9;
    }
    CHECK(here.client.call(ipc::EventRead{}).has_value());
    CHECK(next_number(subscriber) == 2);
    CHECK(next_number(subscriber) == 9);
    CHECK(subscriber.lost() == 0);
}

TEST_CASE("another store in the place of the first is noticed, not read as a continuation") {
    Following here;
    here.log.head = 17;
    auto subscriber = here.subscriber(16);
    here.peer.wait_for_subscription();
    CHECK(next_number(subscriber) == 17);
    {
        const std::lock_guard lock(here.log.mutex);
        here.log.head = 3;
        here.log.heads = {{2, 3}};
    }
    CHECK(here.client.call(ipc::EventRead{}).has_value());
    const auto event = subscriber.next(20s);
    REQUIRE_FALSE(event.has_value());
    CHECK(event.error().reason == core::Reason::data_loss);
    CHECK(event.error().message ==
          "the store was replaced: its newest event is 3, and 17 was read before");
}

TEST_CASE("a cursor past the newest event is refused at once") {
    Following here;
    here.log.head = 3;
    auto subscriber = here.subscriber(17);
    CHECK(subscriber.next(20s).error().reason == core::Reason::data_loss);
}

TEST_CASE("what retention took before it was read can be told") {
    Following here;
    here.log.head = 93;
    here.log.oldest = 91;
    auto subscriber = here.subscriber(5);
    CHECK(next_number(subscriber) == 91);
    CHECK(subscriber.gone() == ipc::EventRange{6, 90});
}

TEST_CASE("reading begins at a time, and goes on by numbers") {
    Following here;
    here.log.head = 2;
    const core::Timestamp since{std::chrono::hours{500'000}};
    auto subscriber = here.subscriber(0, since);
    here.peer.wait_for_subscription();
    CHECK(next_number(subscriber) == 1);
    CHECK(subscriber.settled() == 1);
    CHECK(subscriber.position() == 2);
    CHECK(next_number(subscriber) == 2);
    {
        const std::lock_guard lock(here.log.mutex);
        here.log.head = 3;
        here.log.heads = {{2, 3}};
    }
    CHECK(here.client.call(ipc::EventRead{}).has_value());
    CHECK(next_number(subscriber) == 3);
    CHECK_FALSE(subscriber.gone());
    const std::lock_guard lock(here.log.mutex);
    CHECK(here.log.reads[0].contains("since"));
    CHECK_FALSE(here.log.reads[2].contains("since"));
    CHECK(here.log.reads[2]["after"] == 2);
}

TEST_CASE("a daemon that is away is waited for, but not at the very beginning") {
    Following here;
    here.log.head = 1;
    here.log.failures = 1;
    auto subscriber = here.subscriber(0);
    CHECK(subscriber.next(20s).error().reason == core::Reason::unavailable);
    CHECK(next_number(subscriber) == 1);
    here.peer.wait_for_subscription();
    {
        const std::lock_guard lock(here.log.mutex);
        here.log.head = 2;
        here.log.heads = {{3, 2}};
    }
    CHECK(here.client.call(ipc::EventRead{}).has_value());
    {
        const std::lock_guard lock(here.log.mutex);
        here.log.failures = 2;
    }
    CHECK(next_number(subscriber) == 2);
}

TEST_CASE("a subscriber reads the log, takes live copies, fills gaps and drops repeats") {
    Calling calling;
    std::atomic<std::int64_t> head{3};
    Peer* self = nullptr;
    // The log as the daemon would give it; the first read is when the subscription is known.
    Peer peer(calling.endpoint, [&](const json& request) -> std::optional<json> {
        const std::int64_t after = request["params"].value("after", 0);
        json events = json::array();
        const std::int64_t last = head;
        for (auto number = after + 1; number <= last; ++number)
            events.push_back(event_json(number));
        if (after == 0) {
            head = 8;
            const auto live = [&](std::int64_t number) {
                self->live.push_back(
                    {"task.created", std::to_string(number), event_json(number).dump()});
            };
            live(2);  // a repeat
            live(4);
            live(5);
            live(8);  // 6 and 7 were lost
        }
        return ipc::result_reply(request["id"],
                                 {{"events", events}, {"head", last}, {"next", last}});
    });
    self = &peer;
    auto client = calling.client();
    ipc::Subscriber subscriber(calling.context, client, {}, core::TopicFilter{}, 0);
    peer.wait_for_subscription();
    for (std::int64_t number = 1; number <= 8; ++number) {
        const auto event = subscriber.next(20s);
        REQUIRE(event.has_value());
        REQUIRE(event->has_value());
        CHECK((*event)->userseq == number);
    }
    CHECK_FALSE(subscriber.next(0ms)->has_value());
}
