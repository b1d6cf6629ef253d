// SPDX-License-Identifier: Apache-2.0
#include "daemon/outbound/webhook_settings.h"

#include "core/base64.h"
#include "core/http_token.h"
#include "core/text.h"
#include "daemon/outbound/curl_handle.h"
#include "daemon/outbound/mail.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

namespace taskd::daemon {
namespace {

constexpr std::size_t header_name_bytes_max = 100;
constexpr std::size_t header_value_bytes_max = 4096;
constexpr std::size_t key_bytes_min = 24;  // Standard Webhooks: 192 to 512 bits
constexpr std::size_t key_bytes_max = 64;
constexpr std::size_t word_bytes_min = 16;  // of a secret that is no base64
constexpr std::size_t word_bytes_max = 256;

// Of the connection, of the message's framing, or ours.
constexpr std::array reserved_headers{
    "connection", "content-length",   "expect",     "host",
    "keep-alive", "idempotency-key",  "te",         "trailer",
    "upgrade",    "proxy-connection", "user-agent", "transfer-encoding"};

bool is_visible(char c) {
    return c > ' ' && c < '\x7f';
}

/// What is wrong with a URL, or "".
std::string fault_of_url(const std::string& text) {
    if (text.size() > webhook_url_bytes_max)
        return "has more than " + std::to_string(webhook_url_bytes_max) + " bytes";
    if (!std::all_of(text.begin(), text.end(), is_visible))
        return "has a space, a control character or one that is not ASCII, which are written as "
               "%20 and the like";
    const auto slashes = text.find("://");
    const std::string scheme = core::to_lower(text.substr(0, slashes));
    if (slashes == std::string::npos || (scheme != "http" && scheme != "https"))
        return "does not begin with http:// or https://";
    const auto host_start = slashes + 3;
    const auto host = text.substr(host_start, text.find_first_of("/?#", host_start) - host_start);
    if (host.find('@') != std::string::npos)
        return "has a user or a password in it, which would be shown";
    if (host.empty()) return "has no host";
    if (text.find('#') != std::string::npos) return "has a fragment (#...), which is never sent";
    const auto url = curl::new_url();
    if (const auto error =
            curl_url_set(url.get(), CURLUPART_URL, text.c_str(), CURLU_DISALLOW_USER);
        error != CURLUE_OK)
        return std::string("is not one (") + curl_url_strerror(error) + ")";
    if (curl::part_of(url.get(), CURLUPART_PORT) == "0") return "has port 0";
    return "";
}

}  // namespace

core::Result<void> check_webhook_url(const std::string& field, const std::string& url) {
    const auto fault = fault_of_url(url);
    if (fault.empty()) return {};
    // Before an @ there may be a password.
    const bool may_show = url.find('@') == std::string::npos;
    return core::invalid_argument(
        field, (may_show ? "\"" + shown(url) + "\"" : std::string("the URL")) + " " + fault +
                   "; use one such as https://example.org/hook");
}

core::Result<void> check_webhook_header(const std::string& field, const std::string& name,
                                        const std::string& value) {
    if (!core::is_http_token(name) || name.size() > header_name_bytes_max)
        return core::invalid_argument(
            field, "\"" + shown(name) + "\" is no name of a header; use letters, digits and -");
    const std::string lower = core::to_lower(name);
    if (lower.rfind("webhook-", 0) == 0 ||
        std::find(reserved_headers.begin(), reserved_headers.end(), lower) !=
            reserved_headers.end())
        return core::invalid_argument(field, name + " is set by taskd itself");
    if (value.size() > header_value_bytes_max)
        return core::invalid_argument(field, name + " has a value of more than " +
                                                 std::to_string(header_value_bytes_max) + " bytes");
    if (!std::all_of(value.begin(), value.end(),
                     [](char c) { return is_visible(c) || c == ' ' || c == '\t'; }))
        return core::invalid_argument(
            field, name + " has a value with a control character or one that is not ASCII");
    return {};
}

core::Result<std::string> read_webhook_secret(const std::string& field, const std::string& text) {
    constexpr std::string_view prefix = "whsec_";
    if (text.rfind(prefix, 0) == 0) {
        const std::string encoded = text.substr(prefix.size());
        if (encoded.size() <= word_bytes_max) {
            const auto key = core::from_base64(encoded);
            if (key && key->size() >= key_bytes_min && key->size() <= key_bytes_max) return *key;
        }
        return core::invalid_argument(
            field,
            "after whsec_ is no base64 of 24 to 64 bytes; make one with: echo whsec_$(openssl "
            "rand -base64 32)");
    }
    if (text.size() < word_bytes_min || text.size() > word_bytes_max ||
        !std::all_of(text.begin(), text.end(), is_visible))
        return core::invalid_argument(
            field,
            "the secret is neither whsec_ with base64 nor 16 to 256 visible ASCII characters");
    return text;
}

}  // namespace taskd::daemon
