// SPDX-License-Identifier: Apache-2.0
#include "cli/local_zone.h"

#include <catch2/catch.hpp>

#include <string>

namespace taskd::cli {
namespace {

TEST_CASE("the local zone is what the first source that knows says") {
    struct Row {
        ZoneSources sources;
        std::string zone;
    };
    const std::string link = "/usr/share/zoneinfo/Europe/Berlin";
    const auto row = GENERATE_COPY(values<Row>({
        {{"Asia/Tokyo", link, "America/New_York\n"}, "Asia/Tokyo"},
        {{":Asia/Tokyo", link, ""}, "Asia/Tokyo"},
        {{"/usr/share/zoneinfo/Asia/Tokyo", link, ""}, "Asia/Tokyo"},
        {{"UTC", link, ""}, "UTC"},
        {{"", link, "America/New_York\n"}, "Europe/Berlin"},
        {{"CET-1CEST,M3.5.0,M10.5.0/3", link, ""}, "Europe/Berlin"},  // POSIX: no IANA name
        {{"Nowhere/Land", link, ""}, "Europe/Berlin"},
        {{"", "../usr/share/zoneinfo/Europe/Berlin", ""}, "Europe/Berlin"},
        {{"", "/usr/share/zoneinfo/posix/Europe/Berlin", ""}, "Europe/Berlin"},
        {{"", "/usr/share/zoneinfo/Etc/UTC", ""}, "UTC"},
        {{"", "/etc/elsewhere", " America/New_York \n"}, "America/New_York"},
        {{"", "", "America/New_York"}, "America/New_York"},
    }));
    CAPTURE(row.sources.tz, row.sources.localtime_link, row.sources.timezone_file);
    CHECK(local_zone(row.sources) == row.zone);
}

TEST_CASE("a machine that says nothing has no zone, and no path is one") {
    CHECK_FALSE(local_zone({}));
    CHECK_FALSE(local_zone({"../../etc/passwd", "/usr/share/zoneinfo/../../etc/passwd", "\x1b"}));
    CHECK_FALSE(local_zone({"localtime", "", ""}));
}

}  // namespace
}  // namespace taskd::cli
