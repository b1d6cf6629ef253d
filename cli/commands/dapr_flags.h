// SPDX-License-Identifier: Apache-2.0
// The commands that call through a Dapr sidecar. taskctl knows their options; taskctl-dapr does
// what they say, so that taskctl does without an HTTP library.
#pragma once

#include "cli/command_line.h"
#include "cli/commands/event_from_flags.h"

#include <functional>
#include <string>
#include <vector>

namespace taskd::cli {

/// Of every call.
struct CallFlags {
    std::string sidecar;
    std::string retries;
    bool dry_run = false;
    bool verbose = false;
    bool durable = false;
    std::string keep_trying;
};

struct InvokeFlags {
    CallFlags call;
    std::string key;
    std::string verb;
    std::string data;
    std::vector<std::string> headers;
    std::vector<std::string> query;
    bool include = false;
};

struct PublishFlags {
    CallFlags call;
    EventFlags event;
    std::vector<std::string> metadata;
    bool raw = false;
};

struct DaprRuns {
    std::function<int(Context&, const InvokeFlags&, const Words&)> invoke;
    std::function<int(Context&, const PublishFlags&, const Words&)> publish;
};

void register_dapr(CommandLine& line, DaprRuns runs);

/// Becomes taskctl-dapr with the arguments of `line`; returns only if that fails.
[[nodiscard]] int become_taskctl_dapr(Context& context, const CommandLine& line);

}  // namespace taskd::cli
