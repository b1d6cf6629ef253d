// SPDX-License-Identifier: Apache-2.0
#include "daemon/admissions.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>

namespace taskd::daemon {
namespace {

using core::Error;
using core::Reason;
using core::Result;

constexpr mode_t directory_mode = 0755;
constexpr mode_t socket_mode = 0666;

tl::unexpected<Error> failed(const std::string& path) {
    return tl::unexpected(Error{Reason::unavailable,
                                "endpoint: " + path + ": " + std::string(std::strerror(errno)),
                                "endpoint",
                                {}});
}

/// A directory of ours at `path`, made if need be; nothing else that stands there is used.
Result<void> own_directory(const std::string& path) {
    if (mkdir(path.c_str(), directory_mode) != 0 && errno != EEXIST) return failed(path);
    struct stat status {};
    if (lstat(path.c_str(), &status) != 0) return failed(path);
    if (!S_ISDIR(status.st_mode) || status.st_uid != geteuid())
        return tl::unexpected(Error{Reason::permission_denied,
                                    "endpoint: " + path + " is not a directory of this daemon",
                                    "endpoint", "remove it"});
    // The umask has taken what users need to get to their sockets.
    if (chmod(path.c_str(), directory_mode) != 0) return failed(path);
    return {};
}

void remove_directory(const std::string& path) {
    for (const char* name : {"/requests.sock", "/events.sock"}) unlink((path + name).c_str());
    rmdir(path.c_str());
}

/// The uid of a directory's name "u1000"; none for others.
std::optional<uid_t> uid_of(const std::string& name) {
    if (name.size() < 2 || name.size() > 11 || name[0] != 'u' ||
        !std::all_of(name.begin() + 1, name.end(), [](char c) { return c >= '0' && c <= '9'; }))
        return {};
    return static_cast<uid_t>(std::stoull(name.substr(1)));
}

}  // namespace

void Admissions::add(const Admission& admission) {
    numbers_[admission.uid] = sockets_.add(admission);
    UserSockets& added = sockets_.users().at(numbers_[admission.uid]);
    bus_.add(admission.caller.user, added.events, engine_.event_head(admission.caller.user));
    const std::lock_guard lock(mutex_);
    callers_[admission.uid] = admission.caller;
}

void Admissions::admit_owner(const Admission& owner) {
    add(owner);
}

Result<void> Admissions::open(const Account& account, const std::string& root) {
    const std::string directory = root + "/u" + std::to_string(account.uid);
    auto endpoint = ipc::Endpoint::make(directory);
    if (!endpoint) return tl::unexpected(endpoint.error());
    if (auto made = own_directory(directory); !made) return made;
    Caller caller{account.user, account.is_operator};
    caller.events_endpoint = endpoint->events();
    try {
        add({*endpoint, account.uid, std::move(caller), {}});
    } catch (const zmq::error_t& failure) {
        return tl::unexpected(Error{
            Reason::unavailable, "endpoint: " + directory + ": " + failure.what(), "endpoint", {}});
    }
    for (const char* name : {"/requests.sock", "/events.sock"})
        if (chmod((directory + name).c_str(), socket_mode) != 0) return failed(directory + name);
    return {};
}

void Admissions::close(uid_t uid) {
    const auto number = numbers_.at(uid);
    const auto& admission = sockets_.users().at(number).admission;
    const std::string directory = admission.endpoint.directory();
    bus_.remove(admission.caller.user);
    // Polls of HTTP's callers would be answered with news otherwise.
    for (auto& reply : engine_.dismiss_polls_of(admission.caller.user))
        dismissed_.push_back(std::move(reply));
    log_->info("user_left user={} uid={}", field(admission.caller.user.str()), uid);
    sockets_.remove(number);
    numbers_.erase(uid);
    remove_directory(directory);
    const std::lock_guard lock(mutex_);
    callers_.erase(uid);
}

Result<void> Admissions::admit(const std::vector<Account>& accounts, const std::string& root) {
    const auto wanted = [&](uid_t uid) {
        return std::find_if(accounts.begin(), accounts.end(),
                            [&](const Account& account) { return account.uid == uid; });
    };
    // Who left, and who is called something else now: a name is whose rows one sees.
    std::vector<uid_t> gone;
    for (const auto& [uid, number] : numbers_) {
        const auto account = wanted(uid);
        if (account == accounts.end() ||
            account->user != sockets_.users().at(number).admission.caller.user)
            gone.push_back(uid);
    }
    for (const uid_t uid : gone) close(uid);
    // What an earlier run left for a user who is not served: taskctl would look there.
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(root, error))
        if (const auto uid = uid_of(entry.path().filename()); uid && wanted(*uid) == accounts.end())
            remove_directory(entry.path());
    Result<void> all_opened;
    for (const auto& account : accounts) {
        if (numbers_.contains(account.uid)) continue;
        auto opened = open(account, root);
        if (opened)
            log_->info("user_served user={} uid={}", field(account.user.str()), account.uid);
        else if (all_opened)
            all_opened = std::move(opened);  // what stands in one user's way is not the others'
    }
    return all_opened;
}

std::optional<Caller> Admissions::caller_of(uid_t uid) const {
    const std::lock_guard lock(mutex_);
    const auto found = callers_.find(uid);
    if (found == callers_.end()) return {};
    return found->second;
}

bool Admissions::admits(const core::UserId& user) const {
    const std::lock_guard lock(mutex_);
    return std::any_of(callers_.begin(), callers_.end(),
                       [&](const auto& one) { return one.second.user == user; });
}

}  // namespace taskd::daemon
