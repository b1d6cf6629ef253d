// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/ids.h"
#include "core/result.h"

#include <string>
#include <sys/types.h>
#include <vector>

namespace taskd::daemon {

/// A user that a system daemon serves.
struct Account {
    uid_t uid = 0;
    core::UserId user;         ///< login name
    bool is_operator = false;  ///< root, and the daemon's own
};

/// The login name of a uid, or uid-<n> without one.
[[nodiscard]] std::string login_name(uid_t uid);

/// root, the daemon's own uid, and the members of `group`, whether by the group's list or as their
/// primary group; by uid.
///
/// Errors: failed_precondition on `admission.group` - there is no such group; resource_exhausted on
///         `admission.users_max` - it has more members.
[[nodiscard]] core::Result<std::vector<Account>> admitted_accounts(const std::string& group,
                                                                   std::size_t users_max);

}  // namespace taskd::daemon
