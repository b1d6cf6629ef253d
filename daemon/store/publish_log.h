// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/topic.h"
#include "daemon/store/database.h"
#include "ipc/event_messages.h"

#include <cstdint>
#include <string>
#include <vector>

namespace taskd::daemon {

/// The log of all users as the publisher reads it: in the order in which events were stored, with a
/// cursor per topic. Kept apart from UnitOfWork, as Maintenance is.
class PublishLog {
public:
    explicit PublishLog(Database& database) : db_(database) {}

    /// Keeps the cursors of these topics and no others; a new one stands at the log's end.
    void keep(const std::vector<std::string>& topics);

    struct Batch {
        std::vector<ipc::CloudEvent> events;
        std::int64_t seq = 0;   ///< the cursor once they are published
        bool has_more = false;  ///< there are events that were not looked at
    };
    /// The next events of `source` behind the topic's cursor that the filter wants: at most
    /// `events_max` and about `bytes_max`, each of a subject of its own, so that the order within a
    /// subject holds however a broker fails. Without any, `seq` is as far as nothing is wanted.
    [[nodiscard]] Batch next(const std::string& topic, const std::string& source,
                             const core::TopicFilter& filter, std::size_t events_max,
                             std::size_t bytes_max);
    [[nodiscard]] std::int64_t cursor(const std::string& topic);
    void advance(const std::string& topic, std::int64_t seq);

    /// About how many events the topic's cursor has not passed, whoever wrote them.
    [[nodiscard]] std::int64_t lag(const std::string& topic);
    /// Events that retention.max_bytes took before the topic had them.
    [[nodiscard]] std::int64_t lost(const std::string& topic);

private:
    Database& db_;
};

}  // namespace taskd::daemon
