// SPDX-License-Identifier: Apache-2.0
#include "daemon/store/unit_of_work.h"

#include <nlohmann/json.hpp>

namespace taskd::daemon {

using nlohmann::json;

UnitOfWork::UnitOfWork(StoreContext& context, core::Timestamp now, core::UserId user,
                       std::string command, std::string rule_chain)
    : context_(context),
      db_(context.database),
      now_(now),
      user_(std::move(user)),
      command_(std::move(command)),
      rule_chain_(std::move(rule_chain)),
      before_(std::make_unique<json>(json::array())) {
    check_alive();
    db_.run("SAVEPOINT unit");
    keys_before_ = db_.event_keys.mark();
}

void UnitOfWork::check_alive() const {
    if (db_.in_transaction()) return;
    throw StoreFailure({core::Reason::unavailable,
                        "the disk failed while a change was undone; nothing was changed",
                        {},
                        {}},
                       false);
}

UnitOfWork::~UnitOfWork() {
    if (released_) return;
    db_.log_heads.clear();
    db_.event_keys.undo(keys_before_);
    if (!db_.in_transaction()) return;
    try {
        db_.run("ROLLBACK TO unit");
        db_.run("RELEASE unit");
    } catch (const StoreFailure&) {
        // Half of the unit would stay otherwise; without its transaction the turn is void.
        db_.rollback();
    }
}

std::vector<Publication> UnitOfWork::release() {
    write_change();
    db_.run("RELEASE unit");
    released_ = true;
    return std::move(publications_);
}

void UnitOfWork::adopt(std::vector<Publication> publications) {
    publications_.insert(publications_.end(), std::make_move_iterator(publications.begin()),
                         std::make_move_iterator(publications.end()));
}

void UnitOfWork::remember(const char* table, const std::string& key, json before) {
    if (command_.empty()) return;
    // The number is taken now, since events refer to it; the row follows when the unit is complete.
    if (!change_id_) change_id_ = ++db_.last_change_id;
    before_->push_back(json::array({table, key, std::move(before)}));
}

void UnitOfWork::write_change() {
    if (!change_id_) return;
    Query(db_, "INSERT INTO change VALUES (?, ?, ?, ?, ?)", *change_id_, user_.str(), now_,
          command_, before_->dump())
        .run();
}

}  // namespace taskd::daemon
