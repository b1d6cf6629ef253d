// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/clock.h"
#include "core/result.h"

#include <cctz/time_zone.h>

#include <string>
#include <string_view>

namespace taskd::core {

/// What became of a local time on its way to UTC.
enum class LocalKind { unique, skipped, repeated };

struct ResolvedTime {
    Timestamp at;
    LocalKind kind = LocalKind::unique;
};

/// An IANA time zone. The one place that knows cctz: whatever else needs a zone asks here.
class TimeZone {
public:
    /// Shape:  an IANA name ("Europe/Berlin", "UTC") in, the zone out; read once per process.
    /// Errors: invalid_argument on `tz` - not the name of a zone in the system's tzdata.
    [[nodiscard]] static Result<TimeZone> load(std::string_view name);
    [[nodiscard]] static TimeZone utc() { return {"UTC", cctz::utc_time_zone()}; }

    [[nodiscard]] const std::string& name() const { return name_; }

    /// Shape:  local -> instant. A time in a gap is shifted forward by the gap (read with the
    ///         offset before it, RFC 5545 section 3.3.5); of a repeated hour the first pass is
    ///         taken.
    [[nodiscard]] ResolvedTime to_utc(LocalTime local) const;
    [[nodiscard]] LocalTime to_local(Timestamp at) const;
    [[nodiscard]] std::chrono::seconds utc_offset(Timestamp at) const;

private:
    TimeZone(std::string name, cctz::time_zone zone) : name_(std::move(name)), zone_(zone) {}

    std::string name_;
    cctz::time_zone zone_;
};

}  // namespace taskd::core
