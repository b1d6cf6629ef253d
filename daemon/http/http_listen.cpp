// SPDX-License-Identifier: Apache-2.0
#include "daemon/http/http_listen.h"

#include "core/text.h"

#include <arpa/inet.h>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

namespace taskd::daemon {
namespace {

using core::Error;
using core::Reason;
using core::Result;

constexpr int backlog = 1024;
constexpr std::string_view unix_prefix = "unix:";
constexpr const char* accepted = "use 127.0.0.1:8377, [::1]:8377 or unix:/path";

tl::unexpected<Error> failed(const std::string& address, const std::string& what) {
    return tl::unexpected(
        Error{Reason::unavailable, "http.listen: " + address + ": " + what, "http.listen", {}});
}

tl::unexpected<Error> refused(const std::string& word, const std::string& why) {
    return core::invalid_argument("http.listen", "\"" + core::clipped(word, 128) + "\" " + why,
                                  accepted);
}

bool is_loopback(const in6_addr& address) {
    if (IN6_IS_ADDR_V4MAPPED(&address)) return address.s6_addr[12] == 127;
    return IN6_IS_ADDR_LOOPBACK(&address);
}

Result<ListenAddress> parse_one(const std::string& word) {
    ListenAddress address;
    address.text = word;
    if (word.rfind(unix_prefix, 0) == 0) {
        address.path = word.substr(unix_prefix.size());
        if (address.path.empty() || address.path.front() != '/')
            return refused(word, "does not name an absolute path");
        if (address.path.size() >= sizeof(sockaddr_un::sun_path))
            return refused(word, "is longer than the 107 bytes that a socket's path may have");
        return address;
    }
    const auto colon = word.rfind(':');
    if (colon == std::string::npos) return refused(word, "has no port");
    address.host = word.substr(0, colon);
    const std::string port = word.substr(colon + 1);
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), address.port);
    if (port.empty() || error != std::errc{} || end != port.data() + port.size())
        return refused(word, "has no port from 0 to 65535");
    if (address.host.size() > 2 && address.host.front() == '[' && address.host.back() == ']') {
        address.host = address.host.substr(1, address.host.size() - 2);
        in6_addr number{};
        if (inet_pton(AF_INET6, address.host.c_str(), &number) != 1)
            return refused(word, "has no IPv6 address in its brackets");
        address.is_ipv6 = true;
        address.is_loopback = is_loopback(number);
        return address;
    }
    // A name could mean another address tomorrow; the file says which one it is.
    if (address.host == "localhost") address.host = "127.0.0.1";
    in_addr number{};
    if (inet_pton(AF_INET, address.host.c_str(), &number) != 1)
        return refused(word, "has no IP address before the port");
    address.is_loopback = (ntohl(number.s_addr) >> 24U) == 127;
    return address;
}

sockaddr_un unix_address(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    return address;
}

/// Whether somebody accepts connections there.
bool somebody_listens(const std::string& path) {
    const UniqueFd probe(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const auto address = unix_address(path);
    return connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ||
           errno == EAGAIN;  // its queue is full
}

}  // namespace

Result<std::vector<ListenAddress>> parse_listen(const std::string& text, bool allow_remote) {
    std::vector<ListenAddress> addresses;
    for (const auto& part : core::split(text, ',')) {
        auto address = parse_one(std::string(core::trim(part)));
        if (!address) return tl::unexpected(address.error());
        if (!address->is_loopback && !allow_remote)
            return core::invalid_argument(
                "http.listen", address->text + " can be reached from other machines",
                "listen on 127.0.0.1 or [::1], or set http.allow_remote = true");
        addresses.push_back(std::move(*address));
    }
    if (addresses.size() > http_listeners_max)
        return core::invalid_argument("http.listen", "names more than 16 addresses");
    return addresses;
}

Result<Listener> Listener::open(const ListenAddress& address, bool for_everyone) {
    Listener listener;
    listener.is_loopback_ = address.is_loopback;
    auto opened = address.path.empty() ? listener.open_tcp(address)
                                       : listener.open_unix(address, for_everyone);
    if (!opened) return tl::unexpected(opened.error());
    return listener;
}

Result<void> Listener::open_tcp(const ListenAddress& address) {
    fd_ = UniqueFd(socket(address.is_ipv6 ? AF_INET6 : AF_INET,
                          SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (fd_.get() < 0) return failed(address.text, std::strerror(errno));
    const int on = 1;
    setsockopt(fd_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_storage storage{};
    socklen_t length = 0;
    auto* as_v4 = reinterpret_cast<sockaddr_in*>(&storage);
    auto* as_v6 = reinterpret_cast<sockaddr_in6*>(&storage);
    if (address.is_ipv6) {
        setsockopt(fd_.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
        as_v6->sin6_family = AF_INET6;
        as_v6->sin6_port = htons(address.port);
        inet_pton(AF_INET6, address.host.c_str(), &as_v6->sin6_addr);
        length = sizeof *as_v6;
    } else {
        as_v4->sin_family = AF_INET;
        as_v4->sin_port = htons(address.port);
        inet_pton(AF_INET, address.host.c_str(), &as_v4->sin_addr);
        length = sizeof *as_v4;
    }
    auto* any = reinterpret_cast<sockaddr*>(&storage);
    if (bind(fd_.get(), any, length) != 0 || ::listen(fd_.get(), backlog) != 0 ||
        getsockname(fd_.get(), any, &length) != 0)
        return failed(address.text, std::strerror(errno));
    const auto port = ntohs(address.is_ipv6 ? as_v6->sin6_port : as_v4->sin_port);
    name_ =
        (address.is_ipv6 ? "[" + address.host + "]" : address.host) + ":" + std::to_string(port);
    return {};
}

Result<void> Listener::open_unix(const ListenAddress& address, bool for_everyone) {
    auto lock = LockFile::take(address.path + ".lock");
    // Not the error of the daemon's own lock: whoever starts a daemon would take that one's holder
    // for the daemon that they want.
    if (!lock) return failed(address.text, lock.error().message);
    lock_ = std::move(*lock);
    struct stat found {};
    if (lstat(address.path.c_str(), &found) == 0) {
        if (!S_ISSOCK(found.st_mode))
            return failed(address.text, "is there already and is no socket");
        if (somebody_listens(address.path))
            return failed(address.text, "another process listens there");
        unlink(address.path.c_str());
    }
    fd_ = UniqueFd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const auto name = unix_address(address.path);
    if (fd_.get() < 0 ||
        bind(fd_.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0)
        return failed(address.text, std::strerror(errno));
    // From here on the file is ours to remove.
    path_ = address.path;
    if (lstat(path_.c_str(), &found) == 0) inode_ = found.st_ino;
    if (chmod(path_.c_str(), for_everyone ? 0666 : 0600) != 0 || ::listen(fd_.get(), backlog) != 0)
        return failed(address.text, std::strerror(errno));
    name_ = address.text;
    return {};
}

Listener::~Listener() {
    if (path_.empty() || fd_.get() < 0) return;
    struct stat found {};
    // Only the file that this one made: an administrator may have put another in its place.
    if (lstat(path_.c_str(), &found) == 0 && found.st_ino == inode_) unlink(path_.c_str());
}

}  // namespace taskd::daemon
