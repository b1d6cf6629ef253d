// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/clock.h"
#include "daemon/job.h"
#include "daemon/roles.h"
#include "daemon/store/publish_log.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace taskd::daemon {

/// Publishes taskd's own events to the topics of `publisher.topics`: at least once, under their own
/// ids, in the order of the log for each subject. The log is the outbox and a row per topic its
/// cursor, which moves when the sidecar has taken a batch; one batch of a topic is under way at a
/// time. What is kept here is lost with the process, and harmless: a batch goes out again.
class Publisher {
public:
    /// What a turn has to do, whose `results` are written already; begin() and end() are told once
    /// it is on disk.
    [[nodiscard]] std::vector<Job> due(PublishLog& log, const Roles& roles,
                                       const std::string& source,
                                       const std::vector<JobResult>& results, core::Monotonic now);

    /// There may be something from before the start.
    void start(const Roles& roles) { is_new_ = !roles.topics.empty(); }
    /// A turn has looked at all topics, and is on disk.
    void looked(core::Monotonic now);
    void begin(const PublishBatch& batch);
    void end(const PublishBatch& batch, const core::Outcome& outcome, core::Monotonic now,
             std::uint64_t random_bits);

    /// When the topics are to be looked at without anything else happening: one that failed is
    /// tried again.
    [[nodiscard]] std::optional<core::Monotonic> next_wait() const;

    [[nodiscard]] std::vector<ipc::TopicView> views(PublishLog& log, const Roles& roles) const;

private:
    [[nodiscard]] bool may_begin(const std::string& topic, const std::vector<JobResult>& results,
                                 core::Monotonic now) const;

    struct State {
        bool is_busy = false;
        std::int64_t failures = 0;  ///< in a row
        std::int64_t published = 0;
        std::string error;
        std::optional<core::Monotonic> hold_until;
    };
    std::map<std::string, State> topics_;
    bool is_new_ = false;    ///< nobody has looked yet
    bool has_more_ = false;  ///< a look did not come to the log's end
};

}  // namespace taskd::daemon
