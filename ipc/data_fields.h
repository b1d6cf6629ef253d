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

private:
    const CloudEvent& event_;
    std::optional<nlohmann::json> data_;
};

}  // namespace taskd::ipc
