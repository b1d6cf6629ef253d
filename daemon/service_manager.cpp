// SPDX-License-Identifier: Apache-2.0
#include "daemon/service_manager.h"

#include <systemd/sd-daemon.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <system_error>

namespace taskd::daemon {
namespace {

using core::Result;
using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr std::string_view ipc_scheme = "ipc://";

std::string path_of(const std::string& address) {
    return address.substr(ipc_scheme.size());
}

tl::unexpected<core::Error> refuse(const std::string& what, const ipc::Endpoint& endpoint) {
    return core::invalid_argument(
        "LISTEN_FDS", what,
        "the socket unit must have ListenStream=" + path_of(endpoint.requests()) + " and " +
            path_of(endpoint.events()));
}

/// The path that a listening Unix stream socket is bound to, "" for anything else.
std::string listening_path(int fd) {
    if (sd_is_socket(fd, AF_UNIX, SOCK_STREAM, 1) <= 0) return {};
    sockaddr_un address{};
    socklen_t size = sizeof address;
    if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return {};
    if (size <= offsetof(sockaddr_un, sun_path) || address.sun_path[0] == '\0') return {};
    return {static_cast<const char*>(address.sun_path),
            strnlen(static_cast<const char*>(address.sun_path), sizeof address.sun_path)};
}

/// Puts a descriptor where it belongs.
Result<void> take(int fd, const ipc::Endpoint& endpoint, PassedSockets& passed) {
    const std::string which = "descriptor " + std::to_string(fd);
    const std::string path = listening_path(fd);
    if (path.empty()) return refuse(which + " is no listening Unix stream socket", endpoint);
    const std::string listens = which + " listens on " + path;
    int* const slot = path == path_of(endpoint.requests()) ? &passed.requests
                      : path == path_of(endpoint.events()) ? &passed.events
                                                           : nullptr;
    if (slot == nullptr)
        return refuse(listens + ", which is no socket of " + endpoint.directory(), endpoint);
    if (*slot >= 0) return refuse(listens + " a second time", endpoint);
    // libzmq accepts after poll and must not wait there; systemd passes blocking sockets.
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    *slot = fd;
    return {};
}

}  // namespace

ServiceManager::ServiceManager() {
    std::uint64_t interval = 0;
    if (sd_watchdog_enabled(0, &interval) <= 0) return;
    // At least a millisecond, or a nonsensical interval would keep the loop spinning.
    feed_every_ = std::max(std::chrono::duration_cast<milliseconds>(microseconds{interval} / 2),
                           milliseconds{1});
    next_feed_ = core::Monotonic{0};  // at the first turn
}

void ServiceManager::ready(std::string status) {
    status_ = std::move(status);
    reloaded();
}

void ServiceManager::reloaded() {
    sd_notify(0, ("READY=1\nSTATUS=" + status_).c_str());
}

void ServiceManager::reloading() {
    sd_notify(0, "RELOADING=1\nSTATUS=reading the configuration again");
}

void ServiceManager::stopping() {
    sd_notify(0, "STOPPING=1\nSTATUS=stopping");
}

void ServiceManager::feed(core::Monotonic now) {
    if (!next_feed_ || now < *next_feed_) return;
    sd_notify(0, "WATCHDOG=1");
    next_feed_ = now + feed_every_;
}

void forget_service_manager() {
    for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC", "LISTEN_PID",
                             "LISTEN_FDS", "LISTEN_FDNAMES"})
        unsetenv(name);
}

Result<PassedSockets> take_passed_sockets(const ipc::Endpoint& endpoint) {
    PassedSockets passed;
    const int count = sd_listen_fds(1);
    if (count < 0) throw std::system_error(-count, std::generic_category(), "LISTEN_FDS");
    for (int fd = SD_LISTEN_FDS_START; fd < SD_LISTEN_FDS_START + count; ++fd)
        if (auto taken = take(fd, endpoint, passed); !taken) return tl::unexpected(taken.error());
    if (count > 0 && (passed.requests < 0 || passed.events < 0))
        return refuse(std::string("no descriptor listens on ") +
                          path_of(passed.requests < 0 ? endpoint.requests() : endpoint.events()),
                      endpoint);
    return passed;
}

}  // namespace taskd::daemon
