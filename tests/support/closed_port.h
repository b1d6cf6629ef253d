// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/unique_fd.h"

#include <catch2/catch.hpp>

#include <netinet/in.h>
#include <string>
#include <sys/socket.h>

namespace taskd::test {

/// A port of 127.0.0.1 that is bound and not listened on: connections are refused.
class ClosedPort {
public:
    ClosedPort() : socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof(address);
        auto* const any = reinterpret_cast<sockaddr*>(&address);
        REQUIRE(bind(socket_.get(), any, size) == 0);
        REQUIRE(getsockname(socket_.get(), any, &size) == 0);
        port_ = ntohs(address.sin_port);
    }
    /// `scheme`://127.0.0.1:PORT
    [[nodiscard]] std::string url(const std::string& scheme) const {
        return scheme + "://127.0.0.1:" + std::to_string(port_);
    }

private:
    daemon::UniqueFd socket_;
    int port_ = 0;
};

}  // namespace taskd::test
