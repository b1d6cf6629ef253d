// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/result.h"
#include "daemon/lock_file.h"
#include "daemon/unique_fd.h"

#include <cstdint>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace taskd::daemon {

inline constexpr std::size_t http_listeners_max = 16;

/// One word of `http.listen`.
struct ListenAddress {
    std::string text;  ///< as typed
    std::string path;  ///< of a Unix socket; "" for TCP
    std::string host;  ///< numeric, without brackets
    std::uint16_t port = 0;
    bool is_ipv6 = false;
    bool is_loopback = true;
};

/// Reads "127.0.0.1:8377,[::1]:0,unix:/run/taskd/http.sock".
///
/// Errors: invalid_argument on `http.listen` - no such form, a name instead of a number, or an
///         address that other machines reach while `allow_remote` is false.
[[nodiscard]] core::Result<std::vector<ListenAddress>> parse_listen(const std::string& text,
                                                                    bool allow_remote);

/// A listening socket. A Unix one has a lock beside it for as long as it lives, so that two daemons
/// never take it from each other, and its file goes away with it.
class Listener {
public:
    /// Binds and listens. `for_everyone` makes a Unix socket 0666: the peer's uid decides. A stale
    /// socket file is replaced; a live one, or a file of another kind, is not.
    ///
    /// Errors: unavailable on `http.listen` - in use, not permitted, no such directory, or another
    ///         taskd has it, whose pid is named.
    [[nodiscard]] static core::Result<Listener> open(const ListenAddress& address,
                                                     bool for_everyone);
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;
    Listener(Listener&&) noexcept = default;
    Listener& operator=(Listener&&) = delete;
    ~Listener();

    [[nodiscard]] int fd() const { return fd_.get(); }
    [[nodiscard]] bool is_unix() const { return !path_.empty(); }
    [[nodiscard]] bool is_loopback() const { return is_loopback_; }
    /// Where it really listens: with the port that the kernel chose for 0.
    [[nodiscard]] const std::string& name() const { return name_; }

private:
    Listener() = default;
    [[nodiscard]] core::Result<void> open_unix(const ListenAddress& address, bool for_everyone);
    [[nodiscard]] core::Result<void> open_tcp(const ListenAddress& address);

    UniqueFd fd_;
    std::optional<LockFile> lock_;
    std::string path_;
    std::string name_;
    ino_t inode_ = 0;
    bool is_loopback_ = true;
};

}  // namespace taskd::daemon
