// SPDX-License-Identifier: Apache-2.0
// Core values in columns: what several files of this folder read and write the same way.
#pragma once

#include "core/check.h"
#include "core/slot.h"
#include "daemon/store/database.h"
#include "ipc/json.h"

#include <nlohmann/json.hpp>

#include <optional>
#include <string>

namespace taskd::daemon {

/// A JSON column that we wrote ourselves; anything unreadable in it is a damaged store.
template <class T>
[[nodiscard]] T from_column(const std::string& text) {
    const auto json = nlohmann::json::parse(text, nullptr, false);
    auto value = ipc::from_json<T>(json);
    core::check(value.has_value(), "a JSON column holds what was written to it");
    return std::move(*value);
}

template <class T>
[[nodiscard]] std::optional<std::string> to_column(const std::optional<T>& value) {
    if (!value) return {};
    return ipc::to_json(*value).dump();
}

[[nodiscard]] inline std::optional<core::CalendarTime> optional_calendar_time(const Query& row,
                                                                              int column) {
    if (row.is_null(column)) return {};
    return from_column<core::CalendarTime>(row.text(column));
}

[[nodiscard]] inline std::optional<core::RecurrenceId> optional_slot(const Query& row, int column) {
    if (row.is_null(column)) return {};
    return core::parse_recurrence_id(row.text(column));
}

[[nodiscard]] inline std::optional<std::string> slot_column(
    const std::optional<core::RecurrenceId>& slot) {
    if (!slot) return {};
    return core::format(*slot);
}

/// An empty id is NULL in a column that refers to another table.
template <class Kind>
[[nodiscard]] std::optional<std::string> id_column(const core::Id<Kind>& id) {
    if (id.empty()) return {};
    return id.str();
}

[[nodiscard]] inline std::vector<std::string> words_column(const std::string& text) {
    return nlohmann::json::parse(text).get<std::vector<std::string>>();
}

}  // namespace taskd::daemon
