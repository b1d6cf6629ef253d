// SPDX-License-Identifier: Apache-2.0
#include "cli/exit_code.h"

#include <catch2/catch.hpp>

#include <fstream>
#include <iterator>
#include <string>

namespace taskd::cli {
namespace {

using core::Reason;

TEST_CASE("each reason has the exit status that scripts know") {
    CHECK(exit_status(Reason::internal) == 1);
    CHECK(exit_status(Reason::data_loss) == 1);
    CHECK(exit_status(Reason::invalid_argument) == 2);
    CHECK(exit_status(Reason::not_found) == 3);
    CHECK(exit_status(Reason::conflict) == 4);
    CHECK(exit_status(Reason::failed_precondition) == 4);
    CHECK(exit_status(Reason::permission_denied) == 5);
    CHECK(exit_status(Reason::unauthenticated) == 5);
    CHECK(exit_status(Reason::unavailable) == 6);
    CHECK(exit_status(Reason::deadline_exceeded) == 7);
    CHECK(exit_status(Reason::unknown) == 7);
    CHECK(exit_status(Reason::resource_exhausted) == 12);
}

TEST_CASE("the manual has the same table") {
    std::ifstream file(TASKD_TEST_DATA "/../../man/taskctl.1");
    REQUIRE(file.is_open());
    const std::string manual{std::istreambuf_iterator<char>(file), {}};
    for (const auto& row : exit_codes) {
        const std::string entry =
            ".TP\n.B " + std::to_string(row.status) + "\n" + std::string(row.meaning) + ".\n";
        CAPTURE(entry);
        CHECK(manual.find(entry) != std::string::npos);
    }
}

}  // namespace
}  // namespace taskd::cli
