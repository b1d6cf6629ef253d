// SPDX-License-Identifier: Apache-2.0
#include "daemon/store/unit_of_work.h"

#include <nlohmann/json.hpp>

namespace taskd::daemon {
namespace {

using core::Consumer;
using core::Unsettled;
using core::UnsettledState;
using nlohmann::json;
using std::chrono::milliseconds;

#define CONSUMER_COLUMNS                                                         \
    "user_id, name, filter, lease_ms, max_in_flight, attempts_max, backoff_ms, " \
    "backoff_max_ms, position, fence, created, next_ms"
#define UNSETTLED_COLUMNS \
    "user_seq, subject, state, due_ms, member, fence, attempts, reason, coalesce(event, '')"

std::string filter_column(const core::EventFilter::Words& filter) {
    return json{{"types", filter.types},
                {"sources", filter.sources},
                {"subjects", filter.subjects},
                {"where", filter.where}}
        .dump();
}

Consumer read_consumer(const Query& row) {
    using Words = std::vector<std::string>;
    const auto filter = json::parse(row.text(2));
    Consumer consumer;
    consumer.user = core::UserId{row.text(0)};
    consumer.name = row.text(1);
    consumer.filter = {filter["types"].get<Words>(), filter["sources"].get<Words>(),
                       filter["subjects"].get<Words>(), filter["where"].get<Words>()};
    consumer.lease = milliseconds{row.integer(3)};
    consumer.max_in_flight = row.integer(4);
    consumer.retry.attempts_max = static_cast<int>(row.integer(5));
    consumer.retry.initial = milliseconds{row.integer(6)};
    consumer.retry.max = milliseconds{row.integer(7)};
    consumer.position = row.integer(8);
    consumer.fence = row.integer(9);
    consumer.created = row.time(10);
    consumer.next = row.optional_time(11);
    return consumer;
}

Unsettled read_unsettled(const Query& row) {
    return {row.integer(0), row.text(1), core::unsettled_state_from(row.text(2)),
            row.time(3),    row.text(4), row.integer(5),
            row.integer(6), row.text(7), row.text(8)};
}

std::vector<Unsettled> read_all(Query&& row) {
    std::vector<Unsettled> rows;
    while (row.step()) rows.push_back(read_unsettled(row));
    return rows;
}

}  // namespace

std::optional<Consumer> UnitOfWork::find_consumer(const core::UserId& user,
                                                  const std::string& name) {
    Query row(db_, "SELECT " CONSUMER_COLUMNS " FROM consumer WHERE user_id = ? AND name = ?",
              user.str(), name);
    if (!row.step()) return {};
    return read_consumer(row);
}

std::vector<Consumer> UnitOfWork::list_consumers(const core::UserId& user) {
    std::vector<Consumer> consumers;
    Query row(db_, "SELECT " CONSUMER_COLUMNS " FROM consumer WHERE user_id = ? ORDER BY name",
              user.str());
    while (row.step()) consumers.push_back(read_consumer(row));
    return consumers;
}

void UnitOfWork::insert_consumer(const Consumer& consumer) {
    Query(db_, "INSERT INTO consumer VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
          consumer.user.str(), consumer.name, filter_column(consumer.filter),
          std::int64_t{consumer.lease.count()}, consumer.max_in_flight, consumer.retry.attempts_max,
          std::int64_t{consumer.retry.initial.count()}, std::int64_t{consumer.retry.max.count()},
          consumer.position, consumer.fence, consumer.created, consumer.next)
        .run();
}

void UnitOfWork::update_consumer(const Consumer& before, const Consumer& after) {
    if (before == after) return;
    Query(db_,
          "UPDATE consumer SET filter = ?3, lease_ms = ?4, max_in_flight = ?5, attempts_max = ?6, "
          "backoff_ms = ?7, backoff_max_ms = ?8, position = ?9, fence = ?10, next_ms = ?11 "
          "WHERE user_id = ?1 AND name = ?2",
          after.user.str(), after.name, filter_column(after.filter),
          std::int64_t{after.lease.count()}, after.max_in_flight, after.retry.attempts_max,
          std::int64_t{after.retry.initial.count()}, std::int64_t{after.retry.max.count()},
          after.position, after.fence, after.next)
        .run();
    move_timer(TimerKind::consumer, after.user, after.name, before.next, after.next);
}

void UnitOfWork::erase_consumer(const Consumer& consumer) {
    erase_all_unsettled(consumer);
    move_timer(TimerKind::consumer, consumer.user, consumer.name, consumer.next, {});
    Query(db_, "DELETE FROM consumer WHERE user_id = ? AND name = ?", consumer.user.str(),
          consumer.name)
        .run();
}

std::optional<Unsettled> UnitOfWork::find_unsettled(const Consumer& consumer,
                                                    std::int64_t user_seq) {
    Query row(db_,
              "SELECT " UNSETTLED_COLUMNS
              " FROM in_flight WHERE user_id = ? AND consumer = ? AND user_seq = ?",
              consumer.user.str(), consumer.name, user_seq);
    if (!row.step()) return {};
    return read_unsettled(row);
}

std::vector<Unsettled> UnitOfWork::ready_unsettled(const Consumer& consumer, std::int64_t limit) {
    return read_all(
        Query(db_,
              "SELECT " UNSETTLED_COLUMNS
              " FROM in_flight f WHERE user_id = ?1 AND consumer = ?2 AND state <> 'leased' "
              "AND due_ms <= ?3 AND (subject = '' OR NOT EXISTS (SELECT 1 FROM in_flight e WHERE "
              "e.user_id = ?1 AND e.consumer = ?2 AND e.subject = f.subject AND e.subject <> '' "
              "AND e.user_seq < f.user_seq)) ORDER BY user_seq LIMIT ?4",
              consumer.user.str(), consumer.name, now_, limit));
}

std::vector<Unsettled> UnitOfWork::leased_to(const Consumer& consumer, const std::string& member) {
    return read_all(Query(db_,
                          "SELECT " UNSETTLED_COLUMNS
                          " FROM in_flight WHERE user_id = ? AND consumer = ? AND "
                          "state = 'leased' AND member = ? ORDER BY user_seq",
                          consumer.user.str(), consumer.name, member));
}

std::vector<Unsettled> UnitOfWork::lapsed_leases(const Consumer& consumer) {
    return read_all(Query(db_,
                          "SELECT " UNSETTLED_COLUMNS
                          " FROM in_flight WHERE user_id = ? AND consumer = ? AND "
                          "state = 'leased' AND due_ms <= ? ORDER BY user_seq",
                          consumer.user.str(), consumer.name, now_));
}

bool UnitOfWork::is_subject_busy(const Consumer& consumer, const std::string& subject) {
    if (subject.empty()) return false;
    Query row(db_,
              "SELECT 1 FROM in_flight WHERE user_id = ? AND consumer = ? AND subject = ? AND "
              "subject <> '' LIMIT 1",
              consumer.user.str(), consumer.name, subject);
    return row.step();
}

std::optional<std::int64_t> UnitOfWork::first_unsettled(const Consumer& consumer) {
    Query row(db_,
              "SELECT user_seq FROM in_flight WHERE user_id = ? AND consumer = ? AND "
              "event IS NULL ORDER BY user_seq LIMIT 1",
              consumer.user.str(), consumer.name);
    if (!row.step()) return {};
    return row.integer(0);
}

std::optional<core::Timestamp> UnitOfWork::next_due(const Consumer& consumer) {
    std::optional<core::Timestamp> next;
    for (const char* state : {"leased", "waiting"}) {
        Query row(db_,
                  "SELECT due_ms FROM in_flight WHERE user_id = ? AND consumer = ? AND state = ? "
                  "AND due_ms > ? ORDER BY due_ms LIMIT 1",
                  consumer.user.str(), consumer.name, state, now_);
        if (row.step() && (!next || row.time(0) < *next)) next = row.time(0);
    }
    return next;
}

void UnitOfWork::shorten_waits(const Consumer& consumer) {
    for (const auto& [state, longest] :
         {std::pair("leased", consumer.lease), std::pair("waiting", consumer.retry.max)})
        Query(db_,
              "UPDATE in_flight SET due_ms = ?4 WHERE user_id = ?1 AND consumer = ?2 AND "
              "state = ?3 AND due_ms > ?4",
              consumer.user.str(), consumer.name, state, now_ + longest)
            .run();
}

void UnitOfWork::insert_unsettled(const Consumer& consumer, const Unsettled& row) {
    Query(db_, "INSERT INTO in_flight VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, nullif(?, ''))",
          consumer.user.str(), consumer.name, row.user_seq, row.subject,
          std::string(core::to_string(row.state)), row.due, row.member, row.fence, row.attempts,
          row.reason, row.event)
        .run();
}

void UnitOfWork::update_unsettled(const Consumer& consumer, const Unsettled& row) {
    Query(db_,
          "UPDATE in_flight SET state = ?4, due_ms = ?5, member = ?6, fence = ?7, attempts = ?8, "
          "reason = ?9 WHERE user_id = ?1 AND consumer = ?2 AND user_seq = ?3",
          consumer.user.str(), consumer.name, row.user_seq, std::string(core::to_string(row.state)),
          row.due, row.member, row.fence, row.attempts, row.reason)
        .run();
}

void UnitOfWork::erase_unsettled(const Consumer& consumer, std::int64_t user_seq) {
    Query(db_, "DELETE FROM in_flight WHERE user_id = ? AND consumer = ? AND user_seq = ?",
          consumer.user.str(), consumer.name, user_seq)
        .run();
}

void UnitOfWork::erase_all_unsettled(const Consumer& consumer) {
    Query(db_, "DELETE FROM in_flight WHERE user_id = ? AND consumer = ?", consumer.user.str(),
          consumer.name)
        .run();
}

UnitOfWork::UnsettledCounts UnitOfWork::count_unsettled(const Consumer& consumer) {
    UnsettledCounts counts;
    Query row(db_,
              "SELECT state, count(*) FROM in_flight WHERE user_id = ? AND consumer = ? "
              "GROUP BY state",
              consumer.user.str(), consumer.name);
    while (row.step()) {
        const auto state = core::unsettled_state_from(row.text(0));
        (state == UnsettledState::leased    ? counts.leased
         : state == UnsettledState::waiting ? counts.waiting
                                            : counts.held) = row.integer(1);
    }
    Query member(db_,
                 "SELECT DISTINCT member FROM in_flight WHERE user_id = ? AND consumer = ? AND "
                 "state = 'leased' ORDER BY member",
                 consumer.user.str(), consumer.name);
    while (member.step()) counts.members.push_back(member.text(0));
    return counts;
}

}  // namespace taskd::daemon
