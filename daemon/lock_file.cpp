// SPDX-License-Identifier: Apache-2.0
#include "daemon/lock_file.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/file.h>

namespace taskd::daemon {

core::Result<LockFile> LockFile::take(const std::string& path) {
    // Nobody removes the file: between removing and taking another process could hold a file that
    // is no longer there.
    UniqueFd fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (fd.get() < 0)
        return tl::unexpected(
            core::Error{core::Reason::unavailable, path + ": " + std::strerror(errno), "lock", {}});
    if (flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
        std::array<char, 32> pid{};
        const auto length = pread(fd.get(), pid.data(), pid.size() - 1, 0);
        std::string holder(pid.data(), length > 0 ? static_cast<std::size_t>(length) : 0);
        while (!holder.empty() && holder.back() == '\n') holder.pop_back();
        return core::failed_precondition("lock", "another taskd (pid " + holder + ") holds " + path,
                                         holder);
    }
    const std::string pid = std::to_string(getpid()) + "\n";
    if (ftruncate(fd.get(), 0) != 0 ||
        pwrite(fd.get(), pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size()))
        return tl::unexpected(
            core::Error{core::Reason::unavailable, path + ": " + std::strerror(errno), "lock", {}});
    return LockFile(std::move(fd));
}

}  // namespace taskd::daemon
