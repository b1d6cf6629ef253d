// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/clock.h"
#include "core/result.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace taskd::core {

/// What became of a local time on its way to UTC.
enum class LocalKind { unique, skipped, repeated };

struct ResolvedTime {
    Timestamp at;
    LocalKind kind = LocalKind::unique;
};

/// A stretch of time with one UTC offset: what an inner loop keeps instead of asking the zone for
/// every slot. All in seconds, instants and local times counted from 1970.
struct OffsetSegment {
    std::int64_t begin = 0;  ///< the first instant
    std::int64_t end = 0;    ///< the first instant of the next segment
    std::int64_t offset = 0;
    std::int64_t local_begin = 0;  ///< the first local time that is read with this offset
    std::int64_t local_end = 0;    ///< behind the last one, those of a gap at the end included

    /// Local times from here to local_end don't exist: the clock jumps over them at `end`.
    [[nodiscard]] std::int64_t gap_begin() const { return end + offset; }
    /// Instants before this one show a local time for the second time.
    [[nodiscard]] std::int64_t fold_end() const { return local_begin - offset; }
};

/// An IANA time zone. The one place that knows cctz: whatever else needs a zone asks here.
class TimeZone {
public:
    /// Shape:  an IANA name ("Europe/Berlin", "UTC") in, the zone out; read once per process and
    ///         again after reload().
    /// Errors: invalid_argument on `tz` - not the name of a zone in the system's tzdata.
    [[nodiscard]] static Result<TimeZone> load(std::string_view name);
    [[nodiscard]] static TimeZone utc();

    /// Forgets the zones whose files have changed, so that load() reads them again. Zones that
    /// someone holds stay as they are.
    static void reload();

    /// What tzdata the system has, to notice another one after a restart; "" if it doesn't say.
    [[nodiscard]] static std::string tzdata_version();

    [[nodiscard]] const std::string& name() const { return name_; }

    /// Shape:  local -> instant. A time in a gap is shifted forward by the gap (read with the
    ///         offset before it, RFC 5545 section 3.3.5); of a repeated hour the first pass is
    ///         taken.
    [[nodiscard]] ResolvedTime to_utc(LocalTime local) const;
    [[nodiscard]] LocalTime to_local(Timestamp at) const;
    [[nodiscard]] std::chrono::seconds utc_offset(Timestamp at) const;

    /// The segment with that instant, or the one that a local time is read with.
    [[nodiscard]] OffsetSegment segment_at(std::int64_t instant) const;
    [[nodiscard]] OffsetSegment segment_of_local(std::int64_t local) const;

    /// The changes of a zone's offset, in order; after the last recorded one the last 400 years
    /// repeat, as the calendar does.
    struct Transitions;

private:
    TimeZone(std::string name, std::shared_ptr<const Transitions> transitions)
        : name_(std::move(name)), transitions_(std::move(transitions)) {}

    std::string name_;
    std::shared_ptr<const Transitions> transitions_;
};

}  // namespace taskd::core
