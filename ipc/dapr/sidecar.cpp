// SPDX-License-Identifier: Apache-2.0
#include "ipc/dapr/sidecar.h"

#include "core/text.h"

#include <charconv>
#include <cstdlib>
#include <optional>
#include <string_view>

namespace taskd::ipc::dapr {
namespace {

using core::invalid_argument;
using core::Result;

constexpr std::size_t socket_path_bytes_max = 107;  // sun_path, with its end

std::optional<std::uint16_t> port_from(std::string_view text) {
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (error != std::errc{} || end != text.data() + text.size() || port == 0) return {};
    return port;
}

tl::unexpected<core::Error> bad_endpoint(const std::string& field, std::string_view found) {
    return invalid_argument(field, "\"" + core::clipped(found, 64) +
                                       "\" is not a sidecar's address; use http://HOST:PORT, "
                                       "https://HOST:PORT or unix:/PATH");
}

Result<Sidecar> read_endpoint(const std::string& field, std::string_view text) {
    Sidecar sidecar;
    const auto given = text;
    // Neither shall break a line of the request.
    if (core::has_control(text) || text.find(' ') != std::string_view::npos)
        return bad_endpoint(field, given);
    if (text.rfind("unix:", 0) == 0) {
        text.remove_prefix(5);
        if (text.rfind("//", 0) == 0) text.remove_prefix(2);
        if (text.empty() || text.front() != '/' || text.size() > socket_path_bytes_max)
            return bad_endpoint(field, given);
        sidecar.socket = text;
        sidecar.host = "localhost";
        return sidecar;
    }
    const auto colon = text.find("://");
    if (colon == std::string_view::npos) return bad_endpoint(field, given);
    sidecar.scheme = core::to_lower(text.substr(0, colon));
    if (sidecar.scheme != "http" && sidecar.scheme != "https") return bad_endpoint(field, given);
    text.remove_prefix(colon + 3);
    sidecar.port = sidecar.scheme == "https" ? 443 : 80;
    if (const auto slash = text.find('/'); slash != std::string_view::npos) {
        sidecar.path = text.substr(slash);
        while (!sidecar.path.empty() && sidecar.path.back() == '/') sidecar.path.pop_back();
        text = text.substr(0, slash);
    }
    if (text.find('@') != std::string_view::npos ||
        sidecar.path.find_first_of("?#") != std::string::npos)
        return bad_endpoint(field, given);
    std::string_view port;
    if (!text.empty() && text.front() == '[') {
        const auto end = text.find(']');
        if (end == std::string_view::npos) return bad_endpoint(field, given);
        sidecar.host = text.substr(1, end - 1);
        port = text.substr(end + 1);
    } else {
        const auto end = std::min(text.find(':'), text.size());
        sidecar.host = text.substr(0, end);
        port = text.substr(end);
    }
    if (sidecar.host.empty()) return bad_endpoint(field, given);
    if (!port.empty()) {
        const auto number = port.front() == ':' ? port_from(port.substr(1)) : std::nullopt;
        if (!number) return bad_endpoint(field, given);
        sidecar.port = *number;
    }
    return sidecar;
}

Result<Sidecar> read_places(const std::string& endpoint, const Environment& environment) {
    if (!endpoint.empty()) return read_endpoint("sidecar", endpoint);
    if (const auto url = environment("DAPR_HTTP_ENDPOINT"); !url.empty())
        return read_endpoint("DAPR_HTTP_ENDPOINT", url);
    Sidecar sidecar;
    sidecar.host = "127.0.0.1";
    if (const auto text = environment("DAPR_HTTP_PORT"); !text.empty()) {
        const auto port = port_from(text);
        if (!port)
            return invalid_argument("DAPR_HTTP_PORT", "\"" + core::clipped(text, 64) +
                                                          "\" is not a port; use 1 to 65535");
        sidecar.port = *port;
    }
    return sidecar;
}

}  // namespace

std::string process_environment(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
}

Result<Sidecar> find_sidecar(const std::string& endpoint, const Environment& environment) {
    auto sidecar = read_places(endpoint, environment);
    if (!sidecar) return sidecar;
    sidecar->token = environment("DAPR_API_TOKEN");
    if (core::has_control(sidecar->token))
        return invalid_argument("DAPR_API_TOKEN",
                                "has control characters, as a line feed at its "
                                "end; a token is one line of text");
    return sidecar;
}

std::string to_text(const Sidecar& sidecar) {
    if (!sidecar.socket.empty()) return "unix:" + sidecar.socket;
    const bool is_v6 = sidecar.host.find(':') != std::string::npos;
    return sidecar.scheme + "://" + (is_v6 ? "[" + sidecar.host + "]" : sidecar.host) + ":" +
           std::to_string(sidecar.port) + sidecar.path;
}

}  // namespace taskd::ipc::dapr
