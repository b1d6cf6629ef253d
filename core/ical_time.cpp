// SPDX-License-Identifier: Apache-2.0
#include "core/ical_time.h"

#include "core/rfc3339.h"

namespace taskd::core {

std::optional<IcalTime> parse_ical_time(std::string_view text) {
    std::string iso(text);
    const bool is_utc = !iso.empty() && (iso.back() == 'Z' || iso.back() == 'z');
    if (is_utc) iso.pop_back();
    const bool is_date = iso.size() == 8;
    if (is_date ? is_utc : iso.size() != 15) return {};
    if (!is_date) iso.insert(13, ":").insert(11, ":");
    iso.insert(6, "-").insert(4, "-");
    if (!is_date) {
        if (iso[10] != 'T' && iso[10] != 't') return {};
        iso[10] = 'T';
    }
    const auto local = parse_local(iso);
    if (!local) return {};
    return IcalTime{*local, is_date, is_utc};
}

std::string format_ical_time(const IcalTime& time) {
    std::string text = format_local(time.local);
    std::erase_if(text, [](char c) { return c == '-' || c == ':'; });
    if (time.is_date) text.resize(8);
    return text + (time.is_utc ? "Z" : "");
}

}  // namespace taskd::core
