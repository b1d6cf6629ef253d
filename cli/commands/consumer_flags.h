// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/command_line.h"
#include "cli/context.h"
#include "ipc/messages.h"

#include <string>
#include <vector>

namespace taskd::cli {

/// The options that define a consumer, the same for "consumers create" and "events consume".
struct ConsumerFlags {
    std::vector<std::string> types;
    std::vector<std::string> sources;
    std::vector<std::string> subjects;
    std::vector<std::string> where;
    std::string from;
    std::string lease;
    std::string in_flight;
    std::string attempts;
    std::string backoff;
    std::string backoff_max;
    bool replace = false;

    /// Whether anything was said about an existing consumer; `from` is about a new one.
    [[nodiscard]] bool any() const;
};

void add_consumer_flags(CLI::App& app, ConsumerFlags& flags);

/// The request that the options make; what they leave out is as in `existing`, or the default.
///
/// Errors: invalid_argument - names the option.
[[nodiscard]] core::Result<ipc::ConsumerCreate> consumer_request(Context& context,
                                                                 const ConsumerFlags& flags,
                                                                 const std::string& name,
                                                                 const ipc::ConsumerView* existing);

/// The consumer with that name, if there is one.
[[nodiscard]] core::Result<std::optional<ipc::ConsumerView>> find_consumer(ipc::Client& client,
                                                                           const std::string& name);

/// What a consumer takes, on one line: "type task.* subject 12".
[[nodiscard]] std::string filter_words(const ipc::ConsumerView& view);

}  // namespace taskd::cli
