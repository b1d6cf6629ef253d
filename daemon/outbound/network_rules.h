// SPDX-License-Identifier: Apache-2.0
// Which addresses of the network a webhook may reach, so that who may name a URL can't make taskd
// knock on the doors of the network that it runs in.
#pragma once

#include "core/result.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <sys/socket.h>
#include <vector>

namespace taskd::daemon {

/// The numbers of an address, for people; "" for what is neither IPv4 nor IPv6.
[[nodiscard]] std::string address_text(const sockaddr& address);

/// Which addresses a webhook may connect to. Without parse() none.
///
/// An IPv6 address that only stands for an IPv4 one is judged as the latter, since that is the host
/// that is reached: IPv4-mapped (::ffff:0:0/96) and NAT64's well-known prefix (64:ff9b::/96).
class NetworkRules {
public:
    /// Shape:  words with spaces or commas between them: "any"; "public"; networks such as
    ///         10.0.0.0/8 and fd00::/8, or one address. One that fits is enough.
    ///         "public" is every address that is globally reachable. 6to4 (2002::/16) and Teredo
    ///         (in 2001::/23) are not, whatever they embed: both are obsolete, and where a packet
    ///         to them ends is up to whatever gateway there is. Nor are the anycasts of protocols
    ///         (192.0.0.0/24, 2001::/23), where no web server is, and IPv6 outside 2000::/3.
    /// Errors: invalid_argument on `field` - no word, one that is none of these, or more than
    ///         words_max; a network with bits after its prefix, which is a typing error mostly; one
    ///         of IPv6 for what is judged as IPv4.
    /// Source: RFC 6890 and IANA's special-purpose address registries; RFC 4291 section 2.5.5.2,
    ///         RFC 6052 section 2.1 (embedded IPv4), RFC 7526 (end of 6to4).
    [[nodiscard]] static core::Result<NetworkRules> parse(const std::string& field,
                                                          const std::string& text);

    [[nodiscard]] bool allows(const sockaddr& address) const;

    static constexpr std::size_t words_max = 100;

    struct Ip {
        bool is_ipv4 = false;
        std::array<std::uint8_t, 16> bytes{};  ///< 4 of them for IPv4
    };
    struct Network {
        Ip start;
        unsigned bits = 0;
    };

private:
    bool any_ = false;
    bool public_ = false;
    std::vector<Network> networks_;
};

}  // namespace taskd::daemon
