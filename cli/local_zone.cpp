// SPDX-License-Identifier: Apache-2.0
#include "cli/local_zone.h"

#include "core/text.h"
#include "core/time_zone.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace taskd::cli {
namespace {

std::optional<std::string> known(const std::string& name) {
    const auto zone = core::TimeZone::load(name);
    if (!zone) return {};
    return zone->name();
}

/// "/usr/share/zoneinfo/Europe/Berlin" -> "Europe/Berlin"; also below posix/ and right/.
std::string below_zoneinfo(const std::string& path) {
    constexpr std::string_view directory = "zoneinfo/";
    const auto found = path.rfind(directory);
    if (found == std::string::npos) return {};
    std::string name = path.substr(found + directory.size());
    for (const std::string prefix : {"posix/", "right/"})
        if (name.rfind(prefix, 0) == 0) name.erase(0, prefix.size());
    return name;
}

}  // namespace

std::optional<std::string> local_zone(const ZoneSources& sources) {
    // POSIX lets an implementation's own form start with a colon.
    const std::string tz = sources.tz.rfind(':', 0) == 0 ? sources.tz.substr(1) : sources.tz;
    if (auto zone = known(tz.rfind('/', 0) == 0 ? below_zoneinfo(tz) : tz)) return zone;
    if (auto zone = known(below_zoneinfo(sources.localtime_link))) return zone;
    return known(std::string(core::trim(sources.timezone_file)));
}

ZoneSources zone_sources() {
    ZoneSources sources;
    const char* tz = std::getenv("TZ");
    if (tz != nullptr) sources.tz = tz;
    std::error_code error;
    sources.localtime_link = std::filesystem::read_symlink("/etc/localtime", error).string();
    std::ifstream file("/etc/timezone");
    std::getline(file, sources.timezone_file);
    return sources;
}

}  // namespace taskd::cli
