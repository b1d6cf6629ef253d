// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/context.h"
#include "ipc/messages.h"

#include <nlohmann/json_fwd.hpp>

#include <string>

namespace taskd::cli {

/// Prints all of a consumer; `json` is it as it came.
void show_consumer(Context& context, const nlohmann::json& json, const ipc::ConsumerView& view);

/// "1m30s", "250ms".
[[nodiscard]] std::string span_words(std::int64_t milliseconds);

}  // namespace taskd::cli
