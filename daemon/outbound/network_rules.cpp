// SPDX-License-Identifier: Apache-2.0
#include "daemon/outbound/network_rules.h"

#include "core/check.h"
#include "core/text.h"
#include "daemon/outbound/mail.h"

#include <algorithm>
#include <arpa/inet.h>
#include <charconv>
#include <cstring>
#include <netinet/in.h>
#include <optional>
#include <string_view>

namespace taskd::daemon {
namespace {

using Ip = NetworkRules::Ip;
using Network = NetworkRules::Network;

constexpr unsigned ipv4_bits = 32;
constexpr unsigned ipv6_bits = 128;

std::optional<Ip> ip_of(const std::string& text) {
    Ip ip;
    ip.is_ipv4 = text.find(':') == std::string::npos;
    if (inet_pton(ip.is_ipv4 ? AF_INET : AF_INET6, text.c_str(), ip.bytes.data()) != 1) return {};
    return ip;
}

std::optional<Ip> ip_of(const sockaddr& address) {
    Ip ip;
    if (address.sa_family == AF_INET) {
        ip.is_ipv4 = true;
        const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
        std::memcpy(ip.bytes.data(), &v4.sin_addr, sizeof(v4.sin_addr));
        return ip;
    }
    if (address.sa_family == AF_INET6) {
        const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
        std::memcpy(ip.bytes.data(), &v6.sin6_addr, sizeof(v6.sin6_addr));
        return ip;
    }
    return {};
}

/// `ip` with nothing but zeros after its first `bits`.
Ip masked(Ip ip, unsigned bits) {
    for (unsigned i = 0; i < ip.bytes.size(); ++i) {
        const unsigned kept = std::clamp(bits, i * 8, i * 8 + 8) - i * 8;
        ip.bytes[i] &= static_cast<std::uint8_t>(0xff00U >> kept);
    }
    return ip;
}

bool contains(const Network& network, const Ip& ip) {
    return network.start.is_ipv4 == ip.is_ipv4 &&
           masked(ip, network.bits).bytes == network.start.bytes;
}

bool contains(const std::vector<Network>& networks, const Ip& ip) {
    return std::any_of(networks.begin(), networks.end(),
                       [&](const Network& network) { return contains(network, ip); });
}

/// What is wrong with a word for a network, or "" and the network.
std::string_view read_network(const std::string& word, Network& network) {
    const auto slash = word.find('/');
    const auto ip = ip_of(word.substr(0, slash));
    if (!ip) return "is no network";
    const unsigned bits_max = ip->is_ipv4 ? ipv4_bits : ipv6_bits;
    unsigned bits = bits_max;
    if (slash != std::string::npos) {
        const char* const first = word.data() + slash + 1;
        const char* const last = word.data() + word.size();
        const auto [end, error] = std::from_chars(first, last, bits);
        if (error != std::errc{} || end != last) return "has no number of bits after its /";
        if (bits > bits_max)
            return ip->is_ipv4 ? "has more than 32 bits" : "has more than 128 bits";
    }
    if (masked(*ip, bits).bytes != ip->bytes)
        return "has an address with more bits than its prefix";
    network = {*ip, bits};
    return "";
}

std::vector<Network> known_networks(std::initializer_list<const char*> words) {
    std::vector<Network> networks;
    for (const char* word : words)
        core::check(read_network(word, networks.emplace_back()).empty(), "a network is written so");
    return networks;
}

/// IPv6 prefixes of 96 bits before an IPv4 address that is the host which is reached.
const std::vector<Network>& embedding() {
    static const auto networks = known_networks({"::ffff:0:0/96", "64:ff9b::/96"});
    return networks;
}

/// The address that is judged.
Ip reached(const Ip& ip) {
    if (!contains(embedding(), ip)) return ip;
    Ip inner;
    inner.is_ipv4 = true;
    std::copy(ip.bytes.begin() + 12, ip.bytes.end(), inner.bytes.begin());
    return inner;
}

bool is_public(const Ip& ip) {
    static const auto global_unicast = known_networks({"0.0.0.0/0", "2000::/3"});
    static const auto special = known_networks({
        "0.0.0.0/8",        // "this network"; connects to this host
        "10.0.0.0/8",       // private
        "100.64.0.0/10",    // shared by customers of a provider
        "127.0.0.0/8",      // loopback
        "169.254.0.0/16",   // link-local; metadata of clouds
        "172.16.0.0/12",    // private
        "192.0.0.0/24",     // protocol assignments
        "192.0.2.0/24",     // documentation
        "192.88.99.0/24",   // relays of 6to4
        "192.168.0.0/16",   // private
        "198.18.0.0/15",    // benchmarking
        "198.51.100.0/24",  // documentation
        "203.0.113.0/24",   // documentation
        "224.0.0.0/4",      // multicast
        "240.0.0.0/4",      // reserved, and broadcast
        "2001::/23",        // protocol assignments: Teredo, benchmarking, ORCHID, ...
        "2001:db8::/32",    // documentation
        "2002::/16",        // 6to4
        "3fff::/20",        // documentation
    });
    return contains(global_unicast, ip) && !contains(special, ip);
}

}  // namespace

std::string address_text(const sockaddr& address) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    const auto ip = ip_of(address);
    if (!ip) return "";
    inet_ntop(address.sa_family, ip->bytes.data(), text.data(), text.size());
    return text.data();
}

core::Result<NetworkRules> NetworkRules::parse(const std::string& field, const std::string& text) {
    const std::string advice = "; use any, public or networks such as 10.0.0.0/8 and fd00::/8";
    NetworkRules rules;
    std::string spaced = text;
    std::replace(spaced.begin(), spaced.end(), ',', ' ');
    const auto words = core::words_of(spaced);
    if (words.empty()) return core::invalid_argument(field, "is empty" + advice);
    if (words.size() > words_max)
        return core::invalid_argument(
            field,
            std::to_string(words.size()) + " words are more than " + std::to_string(words_max));
    for (const auto& word : words) {
        if (word == "any") {
            rules.any_ = true;
            continue;
        }
        if (word == "public") {
            rules.public_ = true;
            continue;
        }
        Network network;
        std::string_view fault = "has a control character or is not UTF-8";
        if (!core::has_control(word)) fault = read_network(word, network);
        if (fault.empty() && contains(embedding(), network.start))
            fault = "stands for IPv4 networks, which are written as such";
        if (!fault.empty())
            return core::invalid_argument(field,
                                          "\"" + shown(word) + "\" " + std::string(fault) + advice);
        rules.networks_.push_back(network);
    }
    return rules;
}

bool NetworkRules::allows(const sockaddr& address) const {
    const auto ip = ip_of(address);
    if (!ip) return false;
    const Ip host = reached(*ip);
    return any_ || (public_ && is_public(host)) || contains(networks_, host);
}

}  // namespace taskd::daemon
