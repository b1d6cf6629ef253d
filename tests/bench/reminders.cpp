// SPDX-License-Identifier: Apache-2.0
// Reminders at scale: the real engine on a real file, workers that answer at once. See README.md.
#include "core/rfc3339.h"
#include "daemon/engine.h"
#include "daemon/store/database.h"
#include "daemon/store/migrate.h"
#include "ipc/system_random.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <thread>
#include <vector>

namespace taskd::bench {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using std::chrono::seconds;

double since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

core::Timestamp wall() {
    return std::chrono::time_point_cast<milliseconds>(std::chrono::system_clock::now());
}

long rss_kib() {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);)
        if (line.rfind("VmRSS:", 0) == 0) return std::strtol(line.c_str() + 6, nullptr, 10);
    return 0;
}

/// A store in a directory of its own, which goes away with it.
class World {
public:
    explicit World(const std::string& disk)
        : directory_(disk + "/taskd-bench-reminders"), path_(directory_ + "/taskd.db") {
        std::filesystem::remove_all(directory_);
        std::filesystem::create_directories(directory_);
        database_ = std::make_unique<daemon::Database>(path_);
        if (!daemon::migrate(*database_, random_)) std::exit(1);
        settings_.outbound_max = 1000;
        start(wall());
    }
    World(const World&) = delete;
    World& operator=(const World&) = delete;
    ~World() {
        engine_.reset();
        database_.reset();
        std::filesystem::remove_all(directory_);
    }

    void start(core::Timestamp now) {
        engine_ =
            std::make_unique<daemon::Engine>(*database_, random_, settings_, daemon::Identity{});
        engine_->start(now);
    }

    void request(const std::string& method, const nlohmann::json& params, core::Timestamp now) {
        const nlohmann::json body{
            {"jsonrpc", "2.0"}, {"id", 1}, {"method", method}, {"params", params}};
        const auto turn = engine_->turn({{{}, {core::UserId{"ada"}, true}, body.dump(), mono()}},
                                        {}, now, mono());
        if (turn.replies.empty() || turn.replies[0].body.find("\"error\"") != std::string::npos) {
            std::fprintf(stderr, "%s\n", turn.replies.empty() ? "" : turn.replies[0].body.c_str());
            std::exit(1);
        }
    }

    /// `count` single tasks, each with a reminder at `due` + n * `apart`, the way rows are written
    /// in bulk: what is measured is what comes after.
    void fill(std::int64_t count, core::Timestamp due, milliseconds apart) {
        const auto ms = [](core::Timestamp time) { return time.time_since_epoch().count(); };
        request("channel.set",
                {{"name", "log"}, {"kind", "exec"}, {"argv", {"true"}}, {"is_default", true}},
                wall());
        database_->begin();
        const auto run = [&](const char* sql, auto... values) {
            daemon::Query(*database_, sql, values...).run();
        };
        for (std::int64_t n = 0; n < count; ++n) {
            const std::string id = "task-" + std::to_string(n);
            const std::string reminder = "reminder-" + std::to_string(n);
            const auto at = ms(due + n * apart);
            const std::string time = nlohmann::json{
                {"at", core::format_utc(due + n * apart)},
                {"local", core::format_local(core::TimeZone::utc().to_local(due + n * apart))},
                {"tzid", "UTC"}}.dump();
            run("INSERT INTO task (user_id, id, number, summary, notes, project, priority, due, "
                "due_ms, status, created, modified, revision) VALUES ('ada', ?, ?, 'task', '', '', "
                "0, ?, ?, 'needs-action', 0, 0, 1)",
                id, n + 1, time, at);
            run("INSERT INTO reminder (user_id, id, task_id, before_ms, channels, grace_ms, fired, "
                "firing, next_ms) VALUES ('ada', ?, ?, 0, '[]', 86400000, 0, 0, ?)",
                reminder, id, at);
            run("INSERT INTO timer VALUES ('reminder', ?, 'ada', ?)", at, reminder);
        }
        database_->commit();
    }

    struct Result {
        std::int64_t fired = 0;
        std::int64_t handed_out = 0;
        std::int64_t delivered = 0;
        std::int64_t turns = 0;
        double until_fired = 0;
        std::vector<double> lags_ms;  ///< from a reminder's time to its committed event
    };

    /// Turns of the real clock until `wanted` were delivered.
    Result run(std::int64_t wanted, bool is_flood) {
        Result result;
        std::vector<daemon::JobResult> answers;
        const auto begun = Clock::now();
        while (result.delivered < wanted) {
            if (const auto due = engine_->next_due(); answers.empty() && due && *due > wall())
                std::this_thread::sleep_until(std::chrono::system_clock::time_point(*due));
            const auto turn = engine_->turn({}, answers, wall(), mono());
            const auto now = std::chrono::system_clock::now();
            ++result.turns;
            answers.clear();
            for (const auto& [user, event] : turn.publications) {
                if (event.type == "delivery.succeeded") ++result.delivered;
                if (event.type != "reminder.due") continue;
                ++result.fired;
                if (is_flood) {
                    if (result.fired == wanted) result.until_fired = since(begun);
                    continue;
                }
                const auto data = nlohmann::json::parse(event.data);
                const auto planned = core::parse_utc(data["payload"]["planned"].get<std::string>());
                result.lags_ms.push_back(
                    std::chrono::duration<double, std::milli>(now - *planned).count());
            }
            result.handed_out += static_cast<std::int64_t>(turn.jobs.size());
            for (const auto& job : turn.jobs)
                answers.push_back({job.user, job.delivery, {true, true, "exit 0", ""}});
        }
        return result;
    }

    std::optional<core::Timestamp> next_due() { return engine_->next_due(); }
    daemon::Database& database() { return *database_; }

private:
    static core::Monotonic mono() {
        return std::chrono::duration_cast<core::Monotonic>(Clock::now().time_since_epoch());
    }

    std::string directory_;
    std::string path_;
    ipc::SystemRandom random_;
    daemon::Settings settings_;
    std::unique_ptr<daemon::Database> database_;
    std::unique_ptr<daemon::Engine> engine_;
};

/// The disk's and SQLite's own limit: as many rows as a firing writes, 1000 firings to a commit.
double bare_rows(const std::string& disk, std::int64_t count) {
    World world(disk);
    auto& database = world.database();
    daemon::Query(database, "CREATE TABLE bare (id INTEGER PRIMARY KEY, data TEXT NOT NULL)").run();
    const std::string data(700, 'x');  // about what a reminder.due event takes
    const auto begun = Clock::now();
    constexpr std::int64_t in_turn = 1000;
    constexpr int rows = 4;  // two events, a delivery, its end
    for (std::int64_t n = 0; n < count; n += in_turn) {
        database.begin();
        for (std::int64_t i = 0; i < in_turn * rows; ++i)
            daemon::Query(database, "INSERT INTO bare (data) VALUES (?)", data).run();
        database.commit();
    }
    return since(begun);
}

double quantile(std::vector<double> values, double part) {
    if (values.empty()) return 0;
    std::sort(values.begin(), values.end());
    return values[static_cast<std::size_t>(part * static_cast<double>(values.size() - 1))];
}

void flood(const std::string& disk, std::int64_t count) {
    const double bare = bare_rows(disk, count);
    World world(disk);
    world.fill(count, wall() - seconds{1}, milliseconds{0});
    const long before = rss_kib();
    const auto begun = Clock::now();
    const auto result = world.run(count, true);
    const double took = since(begun);
    std::printf(
        "%lld due in the same second: events committed in %.2f s (%.0f/s), all delivered "
        "in %.2f s (%.0f/s), %lld turns; RSS %ld -> %ld KiB; %.1f x the time of the bare "
        "rows (%.2f s)\n",
        static_cast<long long>(count), result.until_fired,
        static_cast<double>(count) / result.until_fired, took, static_cast<double>(count) / took,
        static_cast<long long>(result.turns), before, rss_kib(), took / bare, bare);
}

void steady(const std::string& disk, std::int64_t rate, std::int64_t for_seconds) {
    World world(disk);
    const auto count = rate * for_seconds;
    world.fill(count, wall() + seconds{for_seconds / 2 + 3}, milliseconds{1000 / rate});
    const auto result = world.run(count, false);
    std::printf(
        "%lld/s for %lld s: due to committed event p50 %.2f ms, p99 %.2f ms, most %.2f ms, "
        "%lld turns\n",
        static_cast<long long>(rate), static_cast<long long>(for_seconds),
        quantile(result.lags_ms, 0.5), quantile(result.lags_ms, 0.99), quantile(result.lags_ms, 1),
        static_cast<long long>(result.turns));
}

void pending(const std::string& disk, std::int64_t count) {
    World world(disk);
    world.fill(count, wall() + std::chrono::hours{24 * 30}, milliseconds{1});
    world.start(wall());  // writes back what filling left in the write-ahead log
    const auto begun = Clock::now();
    world.start(wall());
    (void)world.next_due();
    std::printf("%lld pending: start to the first instant known %.2f ms, RSS %ld KiB\n",
                static_cast<long long>(count), since(begun) * 1000, rss_kib());
}

}  // namespace
}  // namespace taskd::bench

int main(int argc, char** argv) {
    std::map<std::string, std::string> options{{"--disk", "."},
                                               {"--flood", "100000"},
                                               {"--rate", "1000"},
                                               {"--seconds", "10"},
                                               {"--pending", "1000000"}};
    for (int i = 1; i + 1 < argc; i += 2) options[argv[i]] = argv[i + 1];
    const auto number = [&](const char* name) { return std::stoll(options.at(name)); };
    const auto& disk = options.at("--disk");
    if (number("--rate") > 0) taskd::bench::steady(disk, number("--rate"), number("--seconds"));
    if (number("--flood") > 0) taskd::bench::flood(disk, number("--flood"));
    if (number("--pending") > 0) taskd::bench::pending(disk, number("--pending"));
    return 0;
}
