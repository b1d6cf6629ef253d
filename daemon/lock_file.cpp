// SPDX-License-Identifier: Apache-2.0
#include "daemon/lock_file.h"

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>

namespace taskd::daemon {
namespace {

constexpr int looks_max = 100;  // a second in all, for a holder that is about to write its pid
constexpr timespec between_looks{0, 10'000'000};

tl::unexpected<core::Error> cant_lock(const std::string& path, const std::string& why) {
    return tl::unexpected(core::Error{core::Reason::unavailable, path + ": " + why, {}, {}});
}

std::string read_pid(int fd) {
    std::array<char, 32> pid{};
    const auto length = pread(fd, pid.data(), pid.size() - 1, 0);
    std::string holder(pid.data(), length > 0 ? static_cast<std::size_t>(length) : 0);
    while (!holder.empty() && holder.back() == '\n') holder.pop_back();
    return holder;
}

/// Who holds the lock. Just after it was taken the file still has the pid of the one before, or
/// none: so whoever is named there has to be alive.
std::string read_holder(int fd) {
    std::string holder;
    for (int look = 0; look < looks_max; ++look) {
        holder = read_pid(fd);
        pid_t pid = 0;
        std::from_chars(holder.data(), holder.data() + holder.size(), pid);
        if (pid > 0 && (kill(pid, 0) == 0 || errno == EPERM)) break;
        nanosleep(&between_looks, nullptr);
    }
    return holder;
}

}  // namespace

core::Result<LockFile> LockFile::take(const std::string& path) {
    // Nobody removes the file: between removing and taking another process could hold a file that
    // is no longer there.
    UniqueFd fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (fd.get() < 0)
        return cant_lock(path, errno == ELOOP ? "is a symbolic link, which is not followed; "
                                                "remove it"
                                              : std::strerror(errno));
    if (flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
        const std::string holder = read_holder(fd.get());
        return core::failed_precondition("lock", "another taskd (pid " + holder + ") holds " + path,
                                         holder);
    }
    const std::string pid = std::to_string(getpid()) + "\n";
    if (ftruncate(fd.get(), 0) != 0 ||
        pwrite(fd.get(), pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size()))
        return cant_lock(path, std::strerror(errno));
    return LockFile(std::move(fd));
}

}  // namespace taskd::daemon
