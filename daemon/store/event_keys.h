// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace taskd::daemon {

class Database;

/// Which events have a key: hashes of (user, source, key), and where each event is. Those of the
/// log's newest events are in memory; a full memory goes to the table event_key in one sorted
/// batch, so that a page is written for many random keys and not for each (measured: a third of an
/// event's whole cost). After a start the memory is read from the log, where the keys themselves
/// are.
class EventKeys {
public:
    explicit EventKeys(Database& database) : db_(database) {}
    EventKeys(const EventKeys&) = delete;
    EventKeys& operator=(const EventKeys&) = delete;

    void add(std::int64_t hash, std::int64_t seq);

    /// The numbers of events whose key may be the one with this hash.
    [[nodiscard]] std::vector<std::int64_t> find(std::int64_t hash);

    /// Takes one out of the table; it must have been written.
    void erase(std::int64_t hash, std::int64_t seq);

    /// What a unit or turn that is undone has added goes away with it.
    struct Mark {
        std::uint64_t generation = 0;
        std::size_t size = 0;
    };
    [[nodiscard]] Mark mark() const { return {generation_, newest_.size()}; }
    void undo(const Mark& mark);

    /// A write of so many takes about 10 ms. The simulation makes it small.
    std::size_t in_memory_max = 8192;

    [[nodiscard]] bool is_full() const { return newest_.size() >= in_memory_max; }
    void write();

private:
    void read_newest();

    Database& db_;
    std::vector<std::pair<std::int64_t, std::int64_t>> newest_;  // hash, seq; as they came
    std::unordered_multimap<std::int64_t, std::int64_t> by_hash_;
    bool is_read_ = false;
    std::uint64_t generation_ = 0;  // rises when what is in memory is not merely added to
};

/// On disk in event_key: do not change.
[[nodiscard]] std::int64_t dedup_hash(const std::string& user, const std::string& source,
                                      const std::string& dedup_key);

}  // namespace taskd::daemon
