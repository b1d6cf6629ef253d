// SPDX-License-Identifier: Apache-2.0
// What publishing says of each event, and at the end.
#pragma once

#include "cli/context.h"
#include "cli/progress.h"
#include "ipc/messages.h"

#include <nlohmann/json.hpp>

#include <cstdint>

namespace taskd::cli {

class PublishReport {
public:
    PublishReport(Context& context, bool imported);

    /// What became of an event; `line` 0 for one that stood in no file.
    void add(std::int64_t line, const ipc::PublishResult& result);
    /// An event that could not be read.
    void add_unreadable(std::int64_t line, const core::Error& error);
    /// A word about how far it is, on a terminal, when it takes long.
    void show_progress() { progress_.show(published_ + duplicates_); }
    /// The summary; the exit status.
    int finish();

    [[nodiscard]] int status() const { return status_; }

private:
    void refuse(std::int64_t line, const core::Error& error);
    void print(std::int64_t line, const ipc::PublishResult& result);

    Context& context_;
    bool imported_;
    Progress progress_;
    std::int64_t published_ = 0;
    std::int64_t duplicates_ = 0;
    std::int64_t refused_ = 0;
    int status_ = 0;
    nlohmann::json events_ = nlohmann::json::array();  ///< with -o json: one object at the end
};

}  // namespace taskd::cli
