// SPDX-License-Identifier: Apache-2.0
// libzmq's listener ends the process when accept4 has no descriptor left (EMFILE): whoever may
// connect could end the daemon by holding connections. An executable's symbol comes before a
// library's, so libzmq calls this one, and takes ECONNABORTED for a client that went away.
//
// It belongs to the executable itself: from a static library the linker would not take it, as
// libc's is there too.
#include <cerrno>
#include <fcntl.h>
#include <mutex>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace {

int real_accept4(int socket, sockaddr* address, socklen_t* length, int flags) {
    return static_cast<int>(syscall(SYS_accept4, socket, address, length, flags));
}

/// A descriptor that is held for the time when there is no other.
class Spare {
public:
    Spare() : fd_(open()) {}

    /// Takes a connection off the queue and drops it. Left there it would wake the listener for
    /// ever, and its client would wait for an answer.
    void drop_connection(int socket) {
        const std::lock_guard lock(mutex_);
        if (fd_ >= 0) close(fd_);
        const int dropped = real_accept4(socket, nullptr, nullptr, SOCK_CLOEXEC);
        if (dropped >= 0) close(dropped);
        // Another thread may have been faster; the next call then finds nothing to close.
        fd_ = open();
    }

private:
    static int open() { return ::open("/dev/null", O_RDONLY | O_CLOEXEC); }

    std::mutex mutex_;
    int fd_;
};

Spare spare;  // before main, while there are descriptors

}  // namespace

extern "C" int accept4(int socket, sockaddr* address, socklen_t* length, int flags) {
    const int accepted = real_accept4(socket, address, length, flags);
    if (accepted >= 0 || (errno != EMFILE && errno != ENFILE)) return accepted;
    spare.drop_connection(socket);
    errno = ECONNABORTED;
    return -1;
}
