// SPDX-License-Identifier: Apache-2.0
#include "core/recurrence_text.h"

#include "core/ical_time.h"
#include "core/text.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace taskd::core {
namespace {

using std::chrono::days;
using std::chrono::floor;

constexpr std::size_t shown_bytes_max = 64;

/// One content line (RFC 5545 section 3.1), taken apart.
struct Property {
    std::string name;  // in capitals
    std::string field;
    std::string tzid;
    bool is_date = false;
    std::string value;
};

Result<Property> parse_property(const std::string& line) {
    const auto colon = line.find(':');
    const auto head = split(std::string_view(line).substr(0, colon), ';');
    Property property{to_upper(trim(head.front())), to_lower(trim(head.front())), "", false, ""};
    static constexpr std::array<std::string_view, 4> known{"RRULE", "EXRULE", "RDATE", "EXDATE"};
    if (colon == std::string::npos ||
        std::find(known.begin(), known.end(), property.name) == known.end())
        return invalid_argument("lines",
                                "\"" + clipped(line, shown_bytes_max) +
                                    "\" is not one of RRULE:, EXRULE:, RDATE: and EXDATE:");
    property.value = std::string(trim(std::string_view(line).substr(colon + 1)));
    for (std::size_t index = 1; index < head.size(); ++index) {
        const auto equals = head[index].find('=');
        const std::string name = to_upper(head[index].substr(0, equals));
        const std::string value = equals == std::string::npos ? "" : head[index].substr(equals + 1);
        const std::string kind = to_upper(value);
        if (name == "TZID" && !value.empty())
            property.tzid = value;
        else if (name == "VALUE" && (kind == "DATE" || kind == "DATE-TIME"))
            property.is_date = kind == "DATE";
        else
            return invalid_argument(
                property.field, "the parameter " + clipped(head[index], shown_bytes_max) +
                                    " is not accepted; use TZID=.. and VALUE=DATE or DATE-TIME");
    }
    return property;
}

/// A date's value in DTSTART's own zone.
Result<RecurrenceId> in_zone(const Property& property, const IcalTime& time,
                             const RecurrenceSpec& spec) {
    if (spec.is_date) return RecurrenceId{LocalTime{floor<days>(time.local)}, false};
    const bool elsewhere = time.is_utc || (!property.tzid.empty() && property.tzid != spec.tzid);
    if (!elsewhere) return RecurrenceId{time.local, false};
    if (spec.tzid.empty())
        return invalid_argument(property.field,
                                "has a zone, but DTSTART has none; write both in one way");
    const auto own = TimeZone::load(spec.tzid);
    const auto other =
        time.is_utc ? Result<TimeZone>(TimeZone::utc()) : TimeZone::load(property.tzid);
    if (!own) return tl::unexpected(own.error());
    if (!other) return invalid_argument(property.field, other.error().message, other.error().hint);
    const auto instant =
        floor<std::chrono::seconds>(other->to_utc(time.local).at).time_since_epoch().count();
    return slot_of_instant(instant, own->segment_at(instant)).id;
}

Result<void> read_dates(const Property& property, RecurrenceSpec& spec) {
    const bool is_exdate = property.name == "EXDATE";
    for (const auto& item : split(property.value, ',')) {
        const auto time = parse_ical_time(trim(item));
        if (!time || (property.is_date && !time->is_date))
            return invalid_argument(
                property.field, "\"" + clipped(item, shown_bytes_max) + "\" is not " +
                                    (property.is_date ? "a date such as 19970902"
                                                      : "a time such as 19970902T090000, with a "
                                                        "Z for UTC, nor a date"));
        if (time->is_date && !spec.is_date) {
            const auto day = time->local;
            if (is_exdate)
                spec.exdays.push_back(day);
            else
                spec.rdates.push_back({day + (spec.dtstart - floor<days>(spec.dtstart)), false});
            continue;
        }
        const auto id = in_zone(property, *time, spec);
        if (!id) return tl::unexpected(id.error());
        (is_exdate ? spec.exdates : spec.rdates).push_back(*id);
        if (spec.rdates.size() > dates_max || spec.exdates.size() > dates_max)
            return invalid_argument(property.field, "at most 1000 dates are accepted");
    }
    return {};
}

Result<void> read_line(const std::string& line, RecurrenceSpec& spec) {
    const auto property = parse_property(line);
    if (!property) return tl::unexpected(property.error());
    if (property->name == "RDATE" || property->name == "EXDATE") return read_dates(*property, spec);
    auto rule = parse_rrule(property->value);
    if (!rule) {
        Error error = rule.error();
        error.field = property->field;
        return tl::unexpected(error);
    }
    auto& rules = property->name == "RRULE" ? spec.rrules : spec.exrules;
    if (rules.size() >= rules_max)
        return invalid_argument(property->field, "at most 16 rules are accepted");
    rules.push_back(std::move(*rule));
    return {};
}

}  // namespace

Result<RecurrenceSpec> parse_recurrence(const std::string& dtstart, const std::string& tzid,
                                        const std::vector<std::string>& lines) {
    const auto start = parse_ical_time(dtstart);
    if (!start)
        return invalid_argument("dtstart",
                                "\"" + clipped(dtstart, shown_bytes_max) +
                                    "\" is not a time; use 19970902T090000, with a Z for "
                                    "UTC, or 19970902 for a DATE");
    RecurrenceSpec spec;
    spec.dtstart = start->local;
    spec.is_date = start->is_date;
    spec.tzid = tzid;
    if (start->is_utc) {
        if (!tzid.empty() && tzid != "UTC" && tzid != "Etc/UTC")
            return invalid_argument("dtstart", "is in UTC, but the zone is " +
                                                   clipped(tzid, shown_bytes_max) +
                                                   "; leave one of the two out");
        spec.tzid = "UTC";
    }
    for (const auto& line : lines)
        if (auto read = read_line(line, spec); !read) return tl::unexpected(read.error());
    return spec;
}

}  // namespace taskd::core
