// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <functional>
#include <istream>

namespace taskd::cli {

/// `taskctl preview --jsonl`: one request per line, one answer per line, in order; a bad line is
/// answered with its error and the stream goes on. Both are described in taskctl(1).
///
/// Shape:  calls `answer` once per line that is not empty; a line may have at most 1 MiB.
void preview_stream(std::istream& requests,
                    const std::function<void(const nlohmann::json&)>& answer);

}  // namespace taskd::cli
