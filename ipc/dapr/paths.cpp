// SPDX-License-Identifier: Apache-2.0
#include "ipc/dapr/paths.h"

#include "core/text.h"

#include <cctype>
#include <optional>

namespace taskd::ipc::dapr {
namespace {

using core::invalid_argument;
using core::Result;

constexpr std::size_t name_bytes_max = 256;
constexpr std::size_t method_bytes_max = 8192;
constexpr std::string_view hex = "0123456789ABCDEF";

bool is_unreserved(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

std::optional<unsigned char> escape_at(std::string_view text, std::size_t at) {
    if (at + 2 >= text.size()) return {};
    const auto digit = [](char c) {
        const auto place = hex.find(static_cast<char>(std::toupper(static_cast<unsigned char>(c))));
        return place == std::string_view::npos ? -1 : static_cast<int>(place);
    };
    const int high = digit(text[at + 1]);
    const int low = digit(text[at + 2]);
    if (high < 0 || low < 0) return {};
    return static_cast<unsigned char>(high * 16 + low);
}

void append_escape(std::string& out, unsigned char byte) {
    out += '%';
    out += hex[byte >> 4U];
    out += hex[byte & 15U];
}

/// A path that people typed: escapes stay, what can't stand in a path is escaped.
Result<std::string> method_path(std::string_view path) {
    std::string out;
    for (std::size_t i = 0; i < path.size(); ++i) {
        const char c = path[i];
        if (c != '%') {
            if (is_unreserved(c) ||
                std::string_view("/!$&'()*+,;=:@").find(c) != std::string_view::npos)
                out += c;
            else
                append_escape(out, static_cast<unsigned char>(c));
            continue;
        }
        const auto byte = escape_at(path, i);
        if (!byte)
            return invalid_argument("method",
                                    "has a \"%\" that begins no escape; a percent sign "
                                    "itself is %25");
        if (*byte == '/' || *byte == '#' || *byte == '?' || *byte < 0x20 || *byte == 0x7F)
            return invalid_argument("method",
                                    "\"" + std::string(path.substr(i, 3)) +
                                        "\" does not reach the app: the sidecar decodes paths; use "
                                        "the query or the body for such a value");
        if (is_unreserved(static_cast<char>(*byte)))
            out += static_cast<char>(*byte);  // so that %2E is seen as the dot that it is
        else
            append_escape(out, *byte);
        i += 2;
    }
    return out;
}

/// The sidecar resolves "." and "..", so they could lead to a route of its own.
bool has_dot_segment(std::string_view path) {
    for (const auto& segment : core::split(path, '/'))
        if (segment == "." || segment == "..") return true;
    return false;
}

Result<void> check_name(const char* field, const std::string& name) {
    if (name.empty() || name.size() > name_bytes_max || core::has_control(name))
        return invalid_argument(field, "\"" + core::clipped(name, 64) +
                                           "\" is not accepted; use 1 to 256 bytes without control "
                                           "characters");
    return {};
}

}  // namespace

std::string encoded(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (is_unreserved(c))
            out += c;
        else
            append_escape(out, static_cast<unsigned char>(c));
    }
    return out;
}

std::string query_text(const QueryFields& fields) {
    std::string out;
    for (const auto& [name, value] : fields)
        out += (out.empty() ? "?" : "&") + encoded(name) + "=" + encoded(value);
    return out;
}

Result<std::string> invoke_path(const std::string& app, const std::string& method,
                                const QueryFields& query) {
    if (auto good = check_name("app", app); !good) return tl::unexpected(good.error());
    std::string_view path = method;
    while (!path.empty() && path.front() == '/') path.remove_prefix(1);
    if (path.empty() || path.size() > method_bytes_max || core::has_control(path))
        return invalid_argument("method", "\"" + core::clipped(method, 64) +
                                              "\" is not accepted; use a path of 1 to 8192 bytes "
                                              "without control characters");
    if (path.find('#') != std::string_view::npos)
        return invalid_argument("method",
                                "has a \"#\", which no request carries; use %23 in the "
                                "query");
    std::string own_query;
    if (const auto mark = path.find('?'); mark != std::string_view::npos) {
        own_query = path.substr(mark + 1);
        path = path.substr(0, mark);
        if (own_query.find(' ') != std::string::npos)
            return invalid_argument("method", "its query has a space; use %20, or --query");
    }
    auto encoded_path = method_path(path);
    if (!encoded_path) return encoded_path;
    if (has_dot_segment(*encoded_path))
        return invalid_argument("method",
                                "has a segment \".\" or \"..\", which would leave the app");
    std::string out = "/v1.0/invoke/" + encoded(app) + "/method/" + *encoded_path;
    if (!own_query.empty()) out += "?" + own_query;
    auto more = query_text(query);
    if (!more.empty() && !own_query.empty()) more.front() = '&';
    return out + more;
}

Result<std::string> publish_path(const std::string& pubsub, const std::string& topic,
                                 PublishRoute route, const QueryFields& query) {
    if (auto good = check_name("pubsub", pubsub); !good) return tl::unexpected(good.error());
    if (auto good = check_name("topic", topic); !good) return tl::unexpected(good.error());
    const char* prefix = route == PublishRoute::single ? "/v1.0/publish/"
                         : route == PublishRoute::bulk ? "/v1.0/publish/bulk/"
                                                       : "/v1.0-alpha1/publish/bulk/";
    return prefix + encoded(pubsub) + "/" + encoded(topic) + query_text(query);
}

}  // namespace taskd::ipc::dapr
