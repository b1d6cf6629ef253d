// SPDX-License-Identifier: Apache-2.0
#include "core/time_zone.h"

#include "core/text.h"

#include <cctz/time_zone.h>
#include <cctz/zone_info_source.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <map>
#include <mutex>
#include <sys/stat.h>
#include <vector>

namespace taskd::core {

struct TimeZone::Transitions {
    struct Change {
        std::int64_t at = 0;
        std::int64_t offset = 0;
        std::int64_t local_begin = 0;  // see OffsetSegment
    };
    std::vector<Change> changes;  // the first one is at the beginning of time
    bool repeats = false;         // its last rule goes on for ever

    [[nodiscard]] OffsetSegment segment(std::size_t index, std::int64_t shift) const;
};

namespace {

using std::chrono::floor;
using std::chrono::seconds;
using Transitions = TimeZone::Transitions;

constexpr std::size_t zone_name_bytes_max = 64;
constexpr std::size_t shown_bytes_max = 64;         // of a wrong name
constexpr std::int64_t cycle = 146'097LL * 86'400;  // the calendar repeats after 400 years
// Far outside of the years 1 to 9999, and far from overflow.
constexpr std::int64_t time_min = -1'000'000'000'000'000;
constexpr std::int64_t time_max = 1'000'000'000'000'000;
// cctz writes out 400 years of a zone whose last rule goes on for ever; other tables end by 2100.
constexpr std::int64_t repeats_from = 10'413'792'000;  // 2300-01-01

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

std::string tzdata_path(std::string_view name) {
    // The environment is fixed once a thread runs, so getenv is safe here.
    const char* directory = std::getenv("TZDIR");
    return std::string(directory == nullptr ? "/usr/share/zoneinfo" : directory) + "/" +
           std::string(name);
}

/// What a zone's file is now: another value means that it has to be read again.
struct FileState {
    std::int64_t modified_ns = 0;
    std::int64_t size = -1;
    std::uint64_t inode = 0;

    bool operator==(const FileState&) const = default;
    [[nodiscard]] bool exists() const { return size >= 0; }
};
FileState state_of(const std::string& path) {
    struct stat found {};
    if (::stat(path.c_str(), &found) != 0 || !S_ISREG(found.st_mode)) return {};
    return {std::int64_t{found.st_mtim.tv_sec} * 1'000'000'000 + found.st_mtim.tv_nsec,
            found.st_size, found.st_ino};
}

struct Loaded {
    FileState file;
    std::shared_ptr<const Transitions> transitions;
};
struct Cache {
    std::mutex mutex;
    std::map<std::string, Loaded, std::less<>> zones;
    int generation = 0;
};
Cache& cache() {
    static Cache the_one;  // a table of the system's files, the same for everyone
    return the_one;
}

std::int64_t count(const cctz::time_point<seconds>& at) {
    return at.time_since_epoch().count();
}

std::shared_ptr<const Transitions> transitions_of(const cctz::time_zone& zone) {
    auto made = std::make_shared<Transitions>();
    cctz::time_zone::civil_transition next;
    cctz::time_point<seconds> at{seconds{time_min}};
    made->changes.push_back({time_min, zone.lookup(at).offset, time_min});
    while (zone.next_transition(at, &next)) {
        at = zone.lookup(next.to).trans;
        const std::int64_t before = made->changes.back().offset;
        const std::int64_t after = zone.lookup(at).offset;
        if (after == before) continue;
        made->changes.push_back({count(at), after, count(at) + std::max(before, after)});
    }
    made->repeats = made->changes.back().at > repeats_from;
    return made;
}

/// By how much `time` has to go back to lie in the written-out table.
std::int64_t shift_for(const Transitions& table, std::int64_t time, std::int64_t last) {
    if (!table.repeats || time < last) return 0;
    return ((time - last) / cycle + 1) * cycle;
}

}  // namespace

OffsetSegment Transitions::segment(std::size_t index, std::int64_t shift) const {
    const auto& change = changes[index];
    OffsetSegment found{change.at, time_max, change.offset, change.local_begin, time_max};
    if (index + 1 < changes.size()) {
        found.end = changes[index + 1].at;
        found.local_end = changes[index + 1].local_begin;
    }
    if (shift != 0) {
        found.begin += shift;
        found.end += shift;
        found.local_begin += shift;
        found.local_end += shift;
    }
    return found;
}

Result<TimeZone> TimeZone::load(std::string_view name) {
    if (name == "UTC" || name == "Etc/UTC") return utc();
    const auto refused = [&] {
        return invalid_argument("tz",
                                "\"" + clipped(name, shown_bytes_max) + "\" is not a time zone",
                                "use an IANA name such as Europe/Berlin, America/New_York or UTC");
    };
    if (!well_formed(name)) return refused();
    const std::lock_guard lock(cache().mutex);
    if (const auto found = cache().zones.find(name); found != cache().zones.end())
        return TimeZone{std::string(name), found->second.transitions};

    // cctz remembers every name that it was asked for, wrong ones too. Asking only for names that
    // have a file keeps a stream of invented names from growing the process.
    const FileState file = state_of(tzdata_path(name));
    cctz::time_zone zone;
    const std::string versioned =
        std::string(name) + "#" + std::to_string(cache().generation);  // see the factory below
    if (!file.exists() || !cctz::load_time_zone(versioned, &zone)) return refused();
    auto transitions = transitions_of(zone);
    cache().zones.emplace(name, Loaded{file, transitions});
    return TimeZone{std::string(name), transitions};
}

TimeZone TimeZone::utc() {
    static const auto none = [] {
        auto made = std::make_shared<Transitions>();
        made->changes.push_back({time_min, 0, time_min});
        return std::shared_ptr<const Transitions>(made);
    }();
    return {"UTC", none};
}

void TimeZone::reload() {
    const std::lock_guard lock(cache().mutex);
    const auto gone = std::erase_if(cache().zones, [](const auto& entry) {
        return state_of(tzdata_path(entry.first)) != entry.second.file;
    });
    if (gone > 0) ++cache().generation;
}

std::string TimeZone::tzdata_version() {
    std::ifstream file(tzdata_path("tzdata.zi"));
    std::string line;
    std::getline(file, line);
    struct stat found {};
    // A file that was put there by hand changes the directory, not the version.
    if (::stat(tzdata_path("").c_str(), &found) == 0)
        line += " " + std::to_string(found.st_mtim.tv_sec);
    return clipped(line, shown_bytes_max * 2);
}

OffsetSegment TimeZone::segment_at(std::int64_t instant) const {
    const auto& changes = transitions_->changes;
    const auto shift = shift_for(*transitions_, instant, changes.back().at);
    const auto found = std::upper_bound(
        changes.begin(), changes.end(), instant - shift,
        [](std::int64_t time, const Transitions::Change& change) { return time < change.at; });
    const auto index = found == changes.begin() ? 0 : found - changes.begin() - 1;
    return transitions_->segment(static_cast<std::size_t>(index), shift);
}

OffsetSegment TimeZone::segment_of_local(std::int64_t local) const {
    const auto& changes = transitions_->changes;
    const auto shift = shift_for(*transitions_, local, changes.back().local_begin);
    const auto found = std::upper_bound(changes.begin(), changes.end(), local - shift,
                                        [](std::int64_t time, const Transitions::Change& change) {
                                            return time < change.local_begin;
                                        });
    const auto index = found == changes.begin() ? 0 : found - changes.begin() - 1;
    return transitions_->segment(static_cast<std::size_t>(index), shift);
}

ResolvedTime TimeZone::to_utc(LocalTime local) const {
    const auto time = local.time_since_epoch().count();
    const OffsetSegment segment = segment_of_local(time);
    const Timestamp at{seconds{time - segment.offset}};
    if (time >= segment.gap_begin()) return {at, LocalKind::skipped};
    // The pass after this one shows the same local times if it begins before they are over.
    const OffsetSegment next = segment_at(std::min(segment.end, time_max - 1));
    const bool again = segment.end < time_max && time >= segment.end + next.offset;
    return {at, again ? LocalKind::repeated : LocalKind::unique};
}

LocalTime TimeZone::to_local(Timestamp at) const {
    const auto instant = floor<seconds>(at).time_since_epoch().count();
    return LocalTime{seconds{instant + segment_at(instant).offset}};
}

seconds TimeZone::utc_offset(Timestamp at) const {
    return seconds{segment_at(floor<seconds>(at).time_since_epoch().count()).offset};
}

}  // namespace taskd::core

namespace cctz_extension {
namespace {

// cctz reads a zone once per process and name. What follows a '#' makes the name another one, so
// that a zone whose file has changed can be read again.
std::unique_ptr<cctz::ZoneInfoSource> without_generation(
    const std::string& name,
    const std::function<std::unique_ptr<cctz::ZoneInfoSource>(const std::string&)>& read) {
    return read(name.substr(0, name.find('#')));
}

}  // namespace

ZoneInfoSourceFactory zone_info_source_factory = without_generation;

}  // namespace cctz_extension
