// SPDX-License-Identifier: Apache-2.0
// Crontabs: how they are read, and that our rules come when cron's would.
#include "cli/crontab.h"

#include "cli/importer.h"
#include "core/rfc3339.h"
#include "core/text.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <fstream>
#include <sstream>

using namespace taskd;
using cli::cron_times;
using cli::parse_crontab;
using cli::rules_of;

namespace {

core::Timestamp utc(const char* text) {
    return *core::parse_utc(text);
}

std::vector<std::string> times(const std::string& schedule, const char* from, const char* zone,
                               std::size_t count) {
    std::vector<std::string> texts;
    const auto tz = core::TimeZone::load(zone);
    for (const auto time : cron_times(schedule, utc(from), *tz, count))
        texts.push_back(core::format_utc(time).substr(0, 16));
    return texts;
}

std::vector<core::Timestamp> ours(const std::string& schedule, core::Timestamp now,
                                  const core::TimeZone& zone, std::size_t count) {
    std::vector<core::Timestamp> all;
    const auto rules = rules_of(schedule);
    REQUIRE(rules);
    for (const auto& rule : *rules) {
        const auto made = cli::our_times(rule, now, zone, count);
        REQUIRE(made);
        all.insert(all.end(), made->times.begin(), made->times.end());
    }
    std::sort(all.begin(), all.end());
    if (all.size() > count) all.resize(count);
    return all;
}

std::string corpus() {
    std::ifstream file(TASKD_TEST_DATA "/crontab.txt");
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("crontab: each line of the corpus comes when cron's rule says, or is refused") {
    const auto zone = core::TimeZone::utc();
    std::string kept;
    std::vector<std::string> refused;
    for (const auto& line : core::split(corpus(), '\n')) {
        if (line.rfind("#! ", 0) == 0)
            refused.push_back(line.substr(3));
        else
            kept += line + "\n";
    }
    const auto entries = parse_crontab(kept, "/home/ada", "ada");
    CHECK(entries.size() >= 100);
    for (const auto& entry : entries)
        for (const char* from : {"2026-11-28T08:00:00Z", "2028-02-27T23:59:30Z"}) {
            CAPTURE(entry.text, from);
            // Counted days of the week are no part of Debian's cron.
            if (entry.schedule.find_first_of("L#") != std::string::npos) continue;
            constexpr std::size_t count = 8;
            CHECK(ours(entry.schedule, utc(from), zone, count) ==
                  cron_times(entry.schedule, utc(from), zone, count));
        }
    for (const auto& line : refused) {
        CAPTURE(line);
        const auto entry = parse_crontab(line, "/", "ada");
        CHECK_FALSE(rules_of(entry.front().schedule));
    }
}

TEST_CASE("crontab: cron's own rule where the clock changes") {
    // Berlin, 2027-03-28: 2:00 to 3:00 is skipped at 01:00 UTC.
    CHECK(times("30 2 * * *", "2027-03-27T12:00:00Z", "Europe/Berlin", 2) ==
          Texts{"2027-03-28T01:00", "2027-03-29T00:30"});
    CHECK(times("30 * * * *", "2027-03-28T00:00:00Z", "Europe/Berlin", 2) ==
          Texts{"2027-03-28T00:30", "2027-03-28T01:30"});
    // 2026-10-25: 2:00 to 3:00 comes twice.
    CHECK(times("30 2 * * *", "2026-10-24T12:00:00Z", "Europe/Berlin", 2) ==
          Texts{"2026-10-25T00:30", "2026-10-26T01:30"});
    CHECK(times("*/30 * * * *", "2026-10-24T23:45:00Z", "Europe/Berlin", 4) ==
          Texts{"2026-10-25T00:00", "2026-10-25T00:30", "2026-10-25T01:00", "2026-10-25T01:30"});
}

TEST_CASE("crontab: days of the month or of the week, never twice on one") {
    CHECK(times("0 0 1,15 * 5", "2027-01-01T12:00:00Z", "UTC", 4) ==
          Texts{"2027-01-08T00:00", "2027-01-15T00:00", "2027-01-22T00:00", "2027-01-29T00:00"});
    CHECK(rules_of("0 0 1,15 * 5")->size() == 2);
    CHECK(rules_of("0 0 1-31 * 5")->size() == 1);
    CHECK(rules_of("0 0 13 * 0-6")->size() == 1);
}

TEST_CASE("crontab: assignments, percent signs and comments") {
    const auto entries = parse_crontab(
        "# daily\n"
        "PATH = \"/opt/bin:/bin\"\n"
        "0 1 * * * first \\% one\n"
        "SHELL=/bin/bash\nCRON_TZ=Asia/Tokyo\nMAILTO=ada\nA='b c'\n"
        "@daily\tsecond%line 1%line 2\n",
        "/home/ada", "ada");
    REQUIRE(entries.size() == 2);
    const auto& first = entries.at(0);
    CHECK(first.line == 3);
    CHECK(first.script == "first % one");
    CHECK(first.shell == "/bin/sh");
    CHECK(first.directory == "/home/ada");
    CHECK(std::count(first.environment.begin(), first.environment.end(), "PATH=/opt/bin:/bin") ==
          1);
    CHECK(std::count(first.environment.begin(), first.environment.end(), "LOGNAME=ada") == 1);
    const auto& second = entries.at(1);
    CHECK(second.schedule == "@daily");
    CHECK(second.shell == "/bin/bash");
    CHECK(second.tzid == "Asia/Tokyo");
    CHECK(second.script == "{ second\n} <<'TASKD_INPUT'\nline 1\nline 2\nTASKD_INPUT");
    REQUIRE(second.notes.size() == 2);
    CHECK(second.notes.at(1) ==
          "no mail is sent to MAILTO, ada; taskctl runs show has what it printed");
    CHECK(std::count(second.environment.begin(), second.environment.end(), "A=b c") == 1);
}

TEST_CASE("crontab: a user that is not known is not recorded") {
    const auto entries = parse_crontab("@daily true\n", "/", "");
    REQUIRE(entries.size() == 1);
    for (const auto& variable : entries.at(0).environment) {
        CHECK(variable.rfind("USER=", 0) != 0);
        CHECK(variable.rfind("LOGNAME=", 0) != 0);
    }
}

TEST_CASE("crontab: what is none is told of with its line, and keeps no other back") {
    for (const char* text :
         {"\n\nhello world\n", "\n\n* * * * *\n", "\n\n1 2 3\n", "\n\n@daily\n"}) {
        const auto entries = parse_crontab(std::string(text) + "@daily true\n", "/", "ada");
        REQUIRE(entries.size() == 2);
        CHECK(entries[0].line == 3);
        CHECK_FALSE(entries[0].problem.empty());
        CHECK(entries[1].problem.empty());
    }
}
