// SPDX-License-Identifier: Apache-2.0
#include "cli/event_batches.h"

#include "ipc/json.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

namespace taskd::cli {
namespace {

ipc::CloudEvent event_of(std::size_t bytes) {
    ipc::CloudEvent event;
    event.id = "1";
    event.source = "/t";
    event.type = "a";
    event.data = "\"" + std::string(bytes, 'x') + "\"";
    return event;
}

/// What was sent, and what was said of it.
struct Sent {
    std::vector<std::size_t> sizes;
    std::vector<std::int64_t> lines;
    bool fails = false;
    EventBatches batches{
        true,
        [this](const ipc::EventPublish& request) -> core::Result<ipc::EventsPublished> {
            if (fails)
                return tl::unexpected(core::Error{core::Reason::unavailable, "away", {}, {}});
            CHECK(request.each);
            CHECK(request.imported);
            CHECK(ipc::to_json(request).dump().size() < ipc::request_bytes_max - 1024);
            sizes.push_back(request.events.size());
            ipc::EventsPublished reply;
            reply.events.resize(request.events.size());
            return reply;
        },
        [this](std::int64_t line, const ipc::PublishResult&) { lines.push_back(line); }};
};

TEST_CASE("a request has at most 1000 events") {
    Sent sent;
    for (std::int64_t line = 1; line <= 2001; ++line) REQUIRE(sent.batches.add(line, event_of(1)));
    CHECK(sent.sizes == std::vector<std::size_t>{1000, 1000});
    CHECK(sent.batches.first_line() == 2001);
    REQUIRE(sent.batches.flush());
    CHECK(sent.sizes == std::vector<std::size_t>{1000, 1000, 1});
    CHECK(sent.lines.size() == 2001);
    CHECK(sent.lines.back() == 2001);
    REQUIRE(sent.batches.flush());
    CHECK(sent.sizes.size() == 3);
}

TEST_CASE("a request fits into the daemon's 4 MiB") {
    Sent sent;
    for (std::int64_t line = 1; line <= 14; ++line)
        REQUIRE(sent.batches.add(line, event_of(1'000'000)));
    REQUIRE(sent.batches.flush());
    CHECK(sent.sizes == std::vector<std::size_t>{3, 3, 3, 3, 2});
}

TEST_CASE("a request that failed keeps its events, and says where it began") {
    Sent sent;
    REQUIRE(sent.batches.add(7, event_of(1)));
    sent.fails = true;
    CHECK(sent.batches.flush().error().reason == core::Reason::unavailable);
    CHECK(sent.batches.first_line() == 7);
    CHECK(sent.lines.empty());
}

}  // namespace
}  // namespace taskd::cli
