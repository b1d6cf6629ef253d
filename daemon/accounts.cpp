// SPDX-License-Identifier: Apache-2.0
#include "daemon/accounts.h"

#include <grp.h>
#include <map>
#include <pwd.h>
#include <unistd.h>

namespace taskd::daemon {

// getpwnam and its like are called on the main thread only, at the start and on SIGHUP.

std::string login_name(uid_t uid) {
    const passwd* entry = getpwuid(uid);
    return entry != nullptr ? entry->pw_name : "uid-" + std::to_string(uid);
}

core::Result<std::vector<Account>> admitted_accounts(const std::string& group,
                                                     std::size_t users_max) {
    const ::group* entry = getgrnam(group.c_str());
    if (entry == nullptr)
        return core::failed_precondition("admission.group",
                                         "admission.group: there is no group \"" + group + "\"",
                                         "addgroup --system " + group);
    const gid_t gid = entry->gr_gid;
    std::vector<std::string> names;
    for (char** member = entry->gr_mem; *member != nullptr; ++member) names.emplace_back(*member);

    std::map<uid_t, std::string> users;
    for (const auto& name : names)
        if (const passwd* user = getpwnam(name.c_str()); user != nullptr)
            users.emplace(user->pw_uid, user->pw_name);
    setpwent();
    while (const passwd* user = getpwent())
        if (user->pw_gid == gid) users.emplace(user->pw_uid, user->pw_name);
    endpwent();
    for (const uid_t uid : {uid_t{0}, geteuid()}) users.emplace(uid, login_name(uid));
    if (users.size() > users_max)
        return tl::unexpected(core::Error{
            core::Reason::resource_exhausted,
            "admission.users_max: the group " + group + " has " + std::to_string(users.size()) +
                " users with root, more than the " + std::to_string(users_max) + " that are served",
            "admission.users_max",
            {}});
    std::vector<Account> accounts;
    for (const auto& [uid, name] : users)
        accounts.push_back({uid, core::UserId{name}, uid == 0 || uid == geteuid()});
    return accounts;
}

}  // namespace taskd::daemon
