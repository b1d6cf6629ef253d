// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

namespace taskd::cli {

/// Where a machine may say which zone it is in; "" for what is not there.
struct ZoneSources {
    std::string tz;              ///< the variable TZ
    std::string localtime_link;  ///< where /etc/localtime points
    std::string timezone_file;   ///< the text of /etc/timezone
};

/// The IANA name of the user's zone: TZ if it is one, else the target of /etc/localtime below a
/// directory zoneinfo, else /etc/timezone. None when nothing says it; UTC is then what remains.
[[nodiscard]] std::optional<std::string> local_zone(const ZoneSources& sources);

/// This machine's sources. Reads the environment: call before any thread is started.
[[nodiscard]] ZoneSources zone_sources();

}  // namespace taskd::cli
