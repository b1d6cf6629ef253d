// SPDX-License-Identifier: Apache-2.0
#include "daemon/store/event_keys.h"

#include "core/uuid.h"
#include "daemon/store/database.h"

#include <algorithm>

namespace taskd::daemon {

void EventKeys::add(std::int64_t hash, std::int64_t seq) {
    if (!is_read_) read_newest();
    newest_.emplace_back(hash, seq);
    by_hash_.emplace(hash, seq);
}

std::vector<std::int64_t> EventKeys::find(std::int64_t hash) {
    if (!is_read_) read_newest();
    std::vector<std::int64_t> found;
    const auto [first, last] = by_hash_.equal_range(hash);
    for (auto one = first; one != last; ++one) found.push_back(one->second);
    Query row(db_, "SELECT seq FROM event_key WHERE hash = ?", hash);
    while (row.step()) found.push_back(row.integer(0));
    return found;
}

void EventKeys::erase(std::int64_t hash, std::int64_t seq) {
    Query(db_, "DELETE FROM event_key WHERE hash = ? AND seq = ?", hash, seq).run();
}

void EventKeys::undo(const Mark& mark) {
    if (mark.generation != generation_) {
        is_read_ = false;
        return;
    }
    for (; newest_.size() > mark.size; newest_.pop_back()) {
        const auto [hash, seq] = newest_.back();
        auto one = by_hash_.equal_range(hash).first;
        while (one->second != seq) ++one;
        by_hash_.erase(one);
    }
}

void EventKeys::write() {
    if (!is_read_) read_newest();
    if (newest_.empty()) return;
    const auto last = newest_.back().second;
    ++generation_;
    std::sort(newest_.begin(), newest_.end());
    for (const auto& [hash, seq] : newest_)
        Query(db_, "INSERT INTO event_key VALUES (?, ?)", hash, seq).run();
    Query(db_,
          "INSERT INTO meta VALUES ('event_keys_seq', ?1) ON CONFLICT (key) DO UPDATE SET value = "
          "?1",
          std::to_string(last))
        .run();
    newest_.clear();
    by_hash_.clear();
}

void EventKeys::read_newest() {
    ++generation_;
    newest_.clear();
    by_hash_.clear();
    Query row(db_,
              "SELECT user_id, source, dedup_key, seq FROM event WHERE seq > (SELECT CAST(value AS "
              "INTEGER) FROM meta WHERE key = 'event_keys_seq') ORDER BY seq");
    while (row.step()) {
        const auto hash = dedup_hash(row.text(0), row.text(1), row.text(2));
        newest_.emplace_back(hash, row.integer(3));
        by_hash_.emplace(hash, row.integer(3));
    }
    is_read_ = true;
}

std::int64_t dedup_hash(const std::string& user, const std::string& source,
                        const std::string& dedup_key) {
    // Lengths keep the parts apart. SHA-1: nobody makes keys that share a hash, which would all be
    // looked at.
    const auto digest = core::name_digest(std::to_string(user.size()) + ":" + user +
                                          std::to_string(source.size()) + ":" + source + dedup_key);
    return static_cast<std::int64_t>(digest);
}

}  // namespace taskd::daemon
