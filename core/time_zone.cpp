// SPDX-License-Identifier: Apache-2.0
#include "core/time_zone.h"

#include "core/text.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>

namespace taskd::core {
namespace {

using std::chrono::floor;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t zone_name_bytes_max = 64;
constexpr std::size_t shown_bytes_max = 64;  // of a wrong name

bool well_formed(std::string_view name) {
    if (name.empty() || name.size() > zone_name_bytes_max || name.front() == '/') return false;
    // The host's own zone under another name: it would mean another clock on another machine.
    if (name == "localtime") return false;
    if (name.find("..") != std::string_view::npos || name.find("//") != std::string_view::npos)
        return false;
    return std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '/' || c == '_' || c == '-' || c == '+';
    });
}

// cctz remembers every name that it was asked for, wrong ones too. Asking only for names that have
// a file keeps a stream of invented names from growing the process.
bool in_system_tzdata(std::string_view name) {
    // The environment is fixed once a thread runs, so getenv is safe here.
    const char* directory = std::getenv("TZDIR");
    std::error_code error;
    return std::filesystem::is_regular_file(
        std::filesystem::path(directory == nullptr ? "/usr/share/zoneinfo" : directory) / name,
        error);
}

std::int64_t to_count(LocalTime local) {
    return local.time_since_epoch().count();
}

LocalTime from_civil(const cctz::civil_second& civil) {
    return LocalTime{seconds{civil - cctz::civil_second()}};
}

cctz::civil_second to_civil(LocalTime local) {
    return cctz::civil_second() + to_count(local);
}

}  // namespace

Result<TimeZone> TimeZone::load(std::string_view name) {
    if (name == "UTC" || name == "Etc/UTC") return utc();
    const auto refused = [&] {
        return invalid_argument("tz",
                                "\"" + clipped(name, shown_bytes_max) + "\" is not a time zone",
                                "use an IANA name such as Europe/Berlin, America/New_York or UTC");
    };
    cctz::time_zone zone;
    if (!well_formed(name) || !in_system_tzdata(name)) return refused();
    if (!cctz::load_time_zone(std::string(name), &zone)) return refused();
    return TimeZone{std::string(name), zone};
}

ResolvedTime TimeZone::to_utc(LocalTime local) const {
    const auto found = zone_.lookup(to_civil(local));
    const auto instant = [](const cctz::time_point<seconds>& at) {
        return Timestamp{seconds{at.time_since_epoch()}};
    };
    switch (found.kind) {
    case cctz::time_zone::civil_lookup::SKIPPED:
        return {instant(found.pre), LocalKind::skipped};
    case cctz::time_zone::civil_lookup::REPEATED:
        return {instant(found.pre), LocalKind::repeated};
    case cctz::time_zone::civil_lookup::UNIQUE:
        break;
    }
    return {instant(found.pre), LocalKind::unique};
}

LocalTime TimeZone::to_local(Timestamp at) const {
    return from_civil(cctz::convert(floor<seconds>(at), zone_));
}

seconds TimeZone::utc_offset(Timestamp at) const {
    return seconds{zone_.lookup(floor<seconds>(at)).offset};
}

}  // namespace taskd::core
