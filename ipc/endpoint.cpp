// SPDX-License-Identifier: Apache-2.0
#include "ipc/endpoint.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace taskd::ipc {
namespace {

constexpr std::size_t socket_path_bytes_max = 107;  // sockaddr_un.sun_path with its NUL

}  // namespace

core::Result<Endpoint> Endpoint::make(const std::string& directory) {
    if (directory.empty() || directory.front() != '/')
        return core::invalid_argument("endpoint",
                                      "\"" + directory + "\" is not an absolute directory path");
    Endpoint endpoint(directory);
    const auto longest = directory.size() + std::strlen("/requests.sock");
    if (longest > socket_path_bytes_max)
        return core::invalid_argument(
            "endpoint", directory + " is too long for a socket: " + std::to_string(longest) +
                            " bytes, at most 107 fit");
    return endpoint;
}

bool Endpoint::is_listening() const {
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return false;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = directory_ + "/requests.sock";
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    const int connected = connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
    const bool listening = connected == 0 || errno == EAGAIN;  // EAGAIN: its backlog is full
    close(fd);
    return listening;
}

core::Result<void> Endpoint::check_owner() const {
    struct stat status {};
    if (lstat(directory_.c_str(), &status) != 0) return {};
    if (S_ISDIR(status.st_mode) && status.st_uid == geteuid() && (status.st_mode & 022U) == 0)
        return {};
    return tl::unexpected(
        core::Error{core::Reason::permission_denied,
                    "endpoint: " + directory_ +
                        " is not a directory that only you can write to; its sockets "
                        "can't be trusted",
                    "endpoint", "remove it, or set XDG_RUNTIME_DIR"});
}

std::string personal_directory() {
    // The environment is read before any thread is started.
    const char* runtime = std::getenv("XDG_RUNTIME_DIR");
    if (runtime != nullptr && runtime[0] == '/') return std::string(runtime) + "/taskd";
    return "/tmp/taskd-" + std::to_string(geteuid());
}

}  // namespace taskd::ipc
