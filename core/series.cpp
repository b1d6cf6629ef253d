// SPDX-License-Identifier: Apache-2.0
#include "core/series.h"

#include "core/rfc3339.h"
#include "core/text.h"

#include <array>
#include <utility>

namespace taskd::core {
namespace {

constexpr std::array<std::pair<SkipReason, std::string_view>, 14> skip_reason_names{{
    {SkipReason::catch_up, "catch_up"},
    {SkipReason::window, "window"},
    {SkipReason::overlap, "overlap"},
    {SkipReason::paused, "paused"},
    {SkipReason::exdate, "exdate"},
    {SkipReason::shift, "shift"},
    {SkipReason::min_gap, "min_gap"},
    {SkipReason::user, "user"},
    {SkipReason::cancelled, "cancelled"},
    {SkipReason::superseded, "superseded"},
    {SkipReason::ended, "ended"},
    {SkipReason::failed, "failed"},
    {SkipReason::not_after, "not_after"},
    {SkipReason::missed, "missed"},
}};

}  // namespace

std::string_view to_string(SkipReason reason) {
    for (const auto& [value, name] : skip_reason_names)
        if (value == reason) return name;
    return "ended";
}

SkipReason skip_reason_from(std::string_view word) {
    for (const auto& [value, name] : skip_reason_names)
        if (name == word) return value;
    return SkipReason::ended;
}

Result<Series> pause(const Series& series, const std::string& note, Timestamp now) {
    if (series.ended) return failed_precondition("series", "the series has ended");
    if (series.paused)
        return failed_precondition(
            "series", "the series is paused already, since " + format_utc(*series.paused));
    if (note.size() > pause_note_bytes_max)
        return invalid_argument(
            "note", "is " + std::to_string(note.size()) + " bytes long; at most 1024 are accepted");
    if (!is_utf8(note)) return invalid_argument("note", "is not UTF-8 text");
    Series after = series;
    after.paused = now;
    after.pause_note = note;
    after.revision += 1;
    return after;
}

Result<Series> resume(const Series& series) {
    if (series.ended) return failed_precondition("series", "the series has ended");
    if (!series.paused) return failed_precondition("series", "the series is not paused");
    Series after = series;
    after.paused.reset();
    after.pause_note.clear();
    after.revision += 1;
    return after;
}

Result<Series> end(const Series& series, Timestamp now) {
    if (series.ended)
        return failed_precondition("series",
                                   "the series has ended already, on " + format_utc(*series.ended));
    Series after = series;
    after.ended = now;
    after.ended_by_user = true;
    after.paused.reset();
    after.pause_note.clear();
    after.revision += 1;
    return after;
}

}  // namespace taskd::core
