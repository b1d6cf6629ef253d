// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/rfc3339.h"
#include "daemon/engine.h"
#include "daemon/store/migrate.h"
#include "tests/support/fault_vfs.h"
#include "tests/support/manual_clock.h"
#include "tests/support/seeded_random.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <memory>
#include <optional>
#include <string>

namespace taskd::test {

/// An engine on a real file, with a clock that the test moves; Tuesday 2026-11-24 09:00 in Berlin.
struct EngineFixture {
    FaultVfs& disk = FaultVfs::install();
    TempDir directory;
    ManualClock clock{*core::parse_utc("2026-11-24T08:00:00Z")};
    SeededRandom random{7};
    daemon::Settings settings;
    std::unique_ptr<daemon::Database> database;
    std::unique_ptr<daemon::Engine> engine;
    daemon::Turn last;  ///< what the last turn gave

    explicit EngineFixture(daemon::Settings wanted = {}) : settings(std::move(wanted)) {
        disk.revive();
        settings.node = "test";
        boot();
    }

    void boot() {
        engine.reset();
        database.reset();
        database = std::make_unique<daemon::Database>(directory.path() + "/taskd.db");
        REQUIRE(daemon::migrate(*database, random).has_value());
        engine = std::make_unique<daemon::Engine>(*database, random, settings,
                                                  daemon::Identity{1, "store", "", {}});
        engine->start(clock.now());
    }

    /// The process is gone, as after kill -9: what it had not written is not written by closing.
    void crash() {
        disk.die();
        engine.reset();
        database.reset();
        disk.revive();
        boot();
    }

    [[nodiscard]] daemon::Request request(const std::string& method, const nlohmann::json& params,
                                          const std::string& user = "ada", bool is_operator = false,
                                          int id = 1) const {
        const nlohmann::json body{
            {"jsonrpc", "2.0"}, {"id", id}, {"method", method}, {"params", params}};
        daemon::Caller caller{core::UserId{user}, is_operator};
        caller.events_endpoint = "ipc://events";
        return {{0, std::to_string(id), false}, std::move(caller), body.dump(), clock.monotonic()};
    }

    void turn(const std::vector<daemon::Request>& requests = {},
              const std::vector<daemon::JobResult>& results = {}) {
        last = engine->turn(requests, results, clock.now(), clock.monotonic());
    }

    nlohmann::json call(const std::string& method, const nlohmann::json& params,
                        const std::string& user = "ada", bool is_operator = false) {
        turn({request(method, params, user, is_operator)});
        REQUIRE(last.replies.size() == 1);
        return nlohmann::json::parse(last.replies[0].body);
    }

    nlohmann::json result(const std::string& method, const nlohmann::json& params,
                          const std::string& user = "ada") {
        auto reply = call(method, params, user);
        CAPTURE(reply.dump());
        REQUIRE(reply.contains("result"));
        return reply["result"];
    }

    std::string reason(const std::string& method, const nlohmann::json& params,
                       const std::string& user = "ada") {
        auto reply = call(method, params, user);
        CAPTURE(reply.dump());
        REQUIRE(reply.contains("error"));
        return reply["error"]["data"]["reason"];
    }

    /// Lets time pass and runs what is due, turn by turn; collects the types of events on the way.
    std::vector<std::string> pass(std::chrono::milliseconds span) {
        clock.advance(span);
        std::vector<std::string> types;
        for (auto due = engine->next_due(); due && *due <= clock.now(); due = engine->next_due()) {
            turn();
            for (const auto& publication : last.publications)
                types.push_back(publication.event.type);
            for (auto& job : last.jobs) jobs.push_back(job);
        }
        return types;
    }
    std::vector<daemon::Job> jobs;

    std::int64_t count(const char* sql) {
        daemon::Query row(*database, sql);
        REQUIRE(row.step());
        return row.integer(0);
    }
};

}  // namespace taskd::test
