// SPDX-License-Identifier: Apache-2.0
#include "core/expectation.h"
#include "daemon/store/columns.h"
#include "daemon/store/unit_of_work.h"

namespace taskd::daemon {

using core::Expectation;

std::optional<Expectation> UnitOfWork::find_expectation(const core::UserId& user,
                                                        const core::SeriesId& series) {
    if (series.empty()) return {};
    Query row(db_, "SELECT expectation FROM expectation WHERE user_id = ? AND series_id = ?",
              user.str(), series.str());
    if (!row.step()) return {};
    return from_column<Expectation>(row.text(0));
}

std::optional<Expectation> UnitOfWork::find_expectation(const core::UserId& user,
                                                        const std::string& name) {
    Query row(db_,
              "SELECT e.expectation FROM expectation e INDEXED BY expectation_name JOIN series s "
              "ON s.user_id = e.user_id AND "
              "s.id = e.series_id WHERE e.user_id = ? AND e.name = ? AND s.ended IS NULL",
              user.str(), name);
    if (!row.step()) return {};
    return from_column<Expectation>(row.text(0));
}

std::vector<Expectation> UnitOfWork::list_expectations(const core::UserId& user,
                                                       const std::string& after,
                                                       std::int64_t limit) {
    std::vector<Expectation> all;
    Query row(db_,
              "SELECT e.expectation FROM expectation e INDEXED BY expectation_name JOIN series s "
              "ON s.user_id = e.user_id AND "
              "s.id = e.series_id WHERE e.user_id = ? AND e.name > ? AND s.ended IS NULL ORDER BY "
              "e.name LIMIT ?",
              user.str(), after, limit);
    while (row.step()) all.push_back(from_column<Expectation>(row.text(0)));
    return all;
}

void UnitOfWork::put_expectation(const core::UserId& user, const Expectation& expectation) {
    const auto before = find_expectation(user, expectation.series);
    Query(db_,
          "INSERT INTO expectation VALUES (?1, ?2, ?3, ?4) ON CONFLICT (user_id, series_id) DO "
          "UPDATE SET expectation = ?4",
          user.str(), expectation.series.str(), expectation.name,
          to_column(std::optional(expectation)))
        .run();
    remember("expectation", expectation.series.str(),
             before ? ipc::to_json(*before) : nlohmann::json());
}

void UnitOfWork::erase_expectation(const core::UserId& user, const core::SeriesId& series) {
    const auto before = find_expectation(user, series);
    if (!before) return;
    Query(db_, "DELETE FROM expectation WHERE user_id = ? AND series_id = ?", user.str(),
          series.str())
        .run();
    remember("expectation", series.str(), ipc::to_json(*before));
}

}  // namespace taskd::daemon
