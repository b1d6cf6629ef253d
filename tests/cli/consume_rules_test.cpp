// SPDX-License-Identifier: Apache-2.0
#include "cli/consume_rules.h"

#include <catch2/catch.hpp>

#include <csignal>
#include <fstream>
#include <iterator>

namespace taskd::cli {
namespace {

CodeSet codes(const std::string& text) {
    const auto set = CodeSet::parse("drop-on", text);
    REQUIRE(set);
    return *set;
}

int exited(int status) {
    return status << 8;  // as waitpid gives it
}

TEST_CASE("exit statuses are numbers and ranges with commas") {
    const auto set = codes("3, 70-72,255");
    for (const int status : {3, 70, 71, 72, 255}) CHECK(set.has(status));
    for (const int status : {0, 1, 4, 69, 73, 254, 256, -1}) CHECK_FALSE(set.has(status));
    CHECK(set.common_with(codes("71-80")) == 71);
    CHECK(set.common_with(codes("1,2")) == 0);
    for (const char* wrong : {"", ",", "3,", "x", "0", "256", "-1", "3-", "-3", "9-3", "1-2-3",
                              "3;4", "0x3", "1.5", "99999999999"}) {
        CAPTURE(wrong);
        const auto refused = CodeSet::parse("drop-on", wrong);
        REQUIRE_FALSE(refused);
        CHECK(refused.error().reason == core::Reason::invalid_argument);
        CHECK(refused.error().message.find("use exit statuses") != std::string::npos);
    }
}

TEST_CASE("a status decides about the event by the options") {
    ConsumeRules rules;
    CHECK(outcome_of(exited(0), rules).verdict == Verdict::ack);
    CHECK(outcome_of(exited(1), rules).verdict == Verdict::retry);
    CHECK(outcome_of(exited(1), rules).error == "exit 1");
    CHECK(outcome_of(SIGKILL, rules).verdict == Verdict::retry);
    CHECK(outcome_of(SIGKILL, rules).error == "killed by signal 9");

    rules.drop = codes("65");
    rules.stop = codes("3");
    CHECK(outcome_of(exited(65), rules).verdict == Verdict::dead);
    CHECK(outcome_of(exited(3), rules).verdict == Verdict::release);
    CHECK(outcome_of(exited(3), rules).stop == 3);
    CHECK(outcome_of(exited(64), rules).verdict == Verdict::retry);

    rules.retry = codes("75");
    CHECK(outcome_of(exited(75), rules).verdict == Verdict::retry);
    CHECK(outcome_of(exited(64), rules).verdict == Verdict::dead);
    CHECK(outcome_of(exited(0), rules).verdict == Verdict::ack);
    CHECK(outcome_of(SIGTERM, rules).verdict == Verdict::retry);
}

TEST_CASE("the manual has the statuses that consume ends with") {
    std::ifstream file(TASKD_TEST_DATA "/../../man/taskctl.1");
    REQUIRE(file.is_open());
    const std::string manual{std::istreambuf_iterator<char>(file), {}};
    for (const auto& row : consume_statuses) {
        CAPTURE(row.status);
        const auto at = manual.find(".B " + std::to_string(row.status) + "\n");
        REQUIRE(at != std::string::npos);
        CHECK(manual.compare(at + 7, 8, row.meaning.substr(0, 8)) == 0);
    }
}

}  // namespace
}  // namespace taskd::cli
