// SPDX-License-Identifier: Apache-2.0
#include "daemon/store/publish_log.h"

#include "daemon/store/event_rows.h"

#include <algorithm>
#include <set>

namespace taskd::daemon {
namespace {

constexpr std::int64_t rows_max = 2000;  // looked at in one turn, however rare what is wanted is

}  // namespace

void PublishLog::keep(const std::vector<std::string>& topics) {
    std::vector<std::string> gone;
    {
        Query row(db_, "SELECT topic FROM publisher");
        while (row.step())
            if (std::find(topics.begin(), topics.end(), row.text(0)) == topics.end())
                gone.push_back(row.text(0));
    }
    for (const auto& topic : gone) Query(db_, "DELETE FROM publisher WHERE topic = ?", topic).run();
    for (const auto& topic : topics)
        Query(db_, "INSERT OR IGNORE INTO publisher (topic, seq) VALUES (?, ?)", topic,
              db_.last_event_seq)
            .run();
}

std::int64_t PublishLog::cursor(const std::string& topic) {
    Query row(db_, "SELECT seq FROM publisher WHERE topic = ?", topic);
    return row.step() ? row.integer(0) : db_.last_event_seq;
}

PublishLog::Batch PublishLog::next(const std::string& topic, const std::string& source,
                                   const core::TopicFilter& filter, std::size_t events_max,
                                   std::size_t bytes_max) {
    Batch batch;
    batch.seq = cursor(topic);
    if (batch.seq >= db_.last_event_seq) return batch;
    std::size_t bytes = 0;
    std::int64_t rows = 0;
    std::set<std::string> subjects;
    Query row(db_, "SELECT " EVENT_COLUMNS ", seq FROM event WHERE seq > ? ORDER BY seq LIMIT ?",
              batch.seq, rows_max);
    while (row.step()) {
        const bool wanted = row.text(3) == source && filter.matches(row.text(4));
        if (wanted) {
            const bool fits = batch.events.size() < events_max && bytes < bytes_max &&
                              subjects.insert(row.text(0) + "\n" + row.text(5)).second;
            if (!fits) break;
            batch.events.push_back(read_event(row));
            bytes += batch.events.back().data.size();
        }
        batch.seq = row.integer(10);
        ++rows;
    }
    batch.has_more = rows == rows_max;
    return batch;
}

void PublishLog::advance(const std::string& topic, std::int64_t seq) {
    Query(db_, "UPDATE publisher SET seq = max(seq, ?2) WHERE topic = ?1", topic, seq).run();
}

std::int64_t PublishLog::lag(const std::string& topic) {
    return std::max<std::int64_t>(0, db_.last_event_seq - cursor(topic));
}

std::int64_t PublishLog::lost(const std::string& topic) {
    Query row(db_, "SELECT lost FROM publisher WHERE topic = ?", topic);
    return row.step() ? row.integer(0) : 0;
}

}  // namespace taskd::daemon
