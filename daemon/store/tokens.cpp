// SPDX-License-Identifier: Apache-2.0
#include "core/rfc3339.h"
#include "daemon/store/maintenance.h"
#include "daemon/store/unit_of_work.h"

#include <nlohmann/json.hpp>

namespace taskd::daemon {
namespace {

#define TOKEN_COLUMNS "user_id, id, name, hash, scope, created, expires"

Token read_token(const Query& row) {
    return {
        core::UserId{row.text(0)}, row.text(1), row.text(2), row.text(3), row.text(4), row.time(5),
        row.optional_time(6)};
}

/// Without the hash: a token that was revoked can't be brought back by undoing.
nlohmann::json change_of(const Token& token) {
    return {{"id", token.id},
            {"name", token.name},
            {"scope", token.scope},
            {"created", core::format_utc(token.created)}};
}

}  // namespace

std::vector<Token> UnitOfWork::list_tokens(const core::UserId& user) {
    std::vector<Token> tokens;
    Query row(db_,
              "SELECT " TOKEN_COLUMNS
              " FROM token WHERE user_id = ? AND (expires IS NULL OR expires > ?) ORDER BY id",
              user.str(), now_);
    while (row.step()) tokens.push_back(read_token(row));
    return tokens;
}

void UnitOfWork::insert_token(const Token& token) {
    remember("token", token.id, nullptr);
    Query(db_, "INSERT INTO token (" TOKEN_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?)",
          token.user.str(), token.id, token.name, token.hash, token.scope, token.created,
          token.expires)
        .run();
}

void UnitOfWork::erase_token(const Token& token) {
    remember("token", token.id, change_of(token));
    Query(db_, "DELETE FROM token WHERE user_id = ? AND id = ?", token.user.str(), token.id).run();
}

std::vector<Token> Maintenance::tokens(core::Timestamp now) {
    std::vector<Token> tokens;
    Query row(db_, "SELECT " TOKEN_COLUMNS " FROM token WHERE expires IS NULL OR expires > ?", now);
    while (row.step()) tokens.push_back(read_token(row));
    return tokens;
}

}  // namespace taskd::daemon
