// SPDX-License-Identifier: Apache-2.0
#include "daemon/store/unit_of_work.h"

#include <algorithm>

namespace taskd::daemon {
namespace {

#define LETTER_COLUMNS "id, origin, name, user_seq, type, event, reason, attempts, created"

// One request reads this many rows at most, however rare the type is that it looks for.
constexpr std::int64_t letter_rows_max = 20'000;

DeadLetterRow read_letter(const Query& row) {
    return {row.text(0), row.text(1), row.text(2),    row.integer(3), row.text(4),
            row.text(5), row.text(6), row.integer(7), row.time(8)};
}

}  // namespace

void UnitOfWork::put_dead_letter(const core::UserId& user, const DeadLetterRow& letter) {
    Query(db_,
          "INSERT INTO dead_letter VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
          "ON CONFLICT (user_id, id) DO NOTHING",
          user.str(), letter.id, letter.origin, letter.name, letter.user_seq, letter.type,
          letter.event, letter.reason, letter.attempts, letter.created)
        .run();
}

std::vector<DeadLetterRow> UnitOfWork::find_dead_letters(const core::UserId& user,
                                                         const std::string& id_prefix) {
    std::vector<DeadLetterRow> letters;
    Query row(db_,
              "SELECT " LETTER_COLUMNS
              " FROM dead_letter WHERE user_id = ?1 AND id >= ?2 AND id < ?2 || 'g' LIMIT 2",
              user.str(), id_prefix);
    while (row.step()) letters.push_back(read_letter(row));
    return letters;
}

std::vector<DeadLetterRow> UnitOfWork::list_dead_letters(const core::UserId& user,
                                                         const ipc::DeadLetterFilter& filter,
                                                         const core::TopicFilter& types,
                                                         std::int64_t limit, std::int64_t offset,
                                                         std::int64_t& total) {
    std::vector<DeadLetterRow> letters;
    total = 0;
    Query row(db_,
              "SELECT " LETTER_COLUMNS
              " FROM dead_letter WHERE user_id = ?1 AND (?2 = '' OR origin = ?2) AND "
              "(?3 = '' OR name = ?3) ORDER BY created DESC, id DESC LIMIT ?4",
              user.str(), filter.origin, filter.name, letter_rows_max);
    while (row.step()) {
        if (!types.matches(row.text(4))) continue;
        if (total++ < offset || static_cast<std::int64_t>(letters.size()) >= limit) continue;
        letters.push_back(read_letter(row));
    }
    return letters;
}

std::int64_t UnitOfWork::count_dead_letters(const core::UserId& user, const std::string& origin,
                                            const std::string& name, std::int64_t max) {
    Query row(db_,
              "SELECT count(*) FROM (SELECT 1 FROM dead_letter WHERE user_id = ? AND origin = ? "
              "AND name = ? LIMIT ?)",
              user.str(), origin, name, max);
    return row.step() ? row.integer(0) : 0;
}

void UnitOfWork::erase_dead_letter(const core::UserId& user, const DeadLetterRow& letter) {
    Query(db_, "DELETE FROM dead_letter WHERE user_id = ? AND id = ?", user.str(), letter.id).run();
}

void UnitOfWork::erase_dead_letters_of(const core::UserId& user, const std::string& origin,
                                       const std::string& name) {
    Query(db_, "DELETE FROM dead_letter WHERE user_id = ? AND origin = ? AND name = ?", user.str(),
          origin, name)
        .run();
}

}  // namespace taskd::daemon
