// SPDX-License-Identifier: Apache-2.0
#include "daemon/store/unit_of_work.h"

namespace taskd::daemon {

std::optional<UnitOfWork::StoredReply> UnitOfWork::find_reply(const core::UserId& user,
                                                              const std::string& key) {
    Query row(db_, "SELECT digest, body FROM reply WHERE user_id = ? AND key = ? AND expires > ?",
              user.str(), key, now_);
    if (!row.step()) return {};
    return StoredReply{row.text(0), row.text(1)};
}

void UnitOfWork::put_reply(const core::UserId& user, const std::string& key,
                           const std::string& digest, const std::string& body,
                           core::Timestamp expires) {
    // REPLACE: an expired reply that retention has not taken yet gives way.
    Query(db_, "INSERT OR REPLACE INTO reply VALUES (?, ?, ?, ?, ?)", user.str(), key, digest, body,
          expires)
        .run();
}

}  // namespace taskd::daemon
