// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/event_filter.h"
#include "ipc/event_messages.h"

#include <nlohmann/json.hpp>

#include <optional>
#include <string_view>

namespace taskd::ipc {

/// The leaves of an event's data for core::EventFilter; parsed when the first one is asked for.
class DataFields {
public:
    explicit DataFields(const CloudEvent& event) : event_(event) {}

    std::optional<core::Scalar> operator()(std::string_view path);
    /// The same as a text, numbers as they were written; none also for null.
    std::optional<std::string> text(std::string_view path);

private:
    const nlohmann::json* find(std::string_view path);

    const CloudEvent& event_;
    std::optional<nlohmann::json> data_;
};

}  // namespace taskd::ipc
