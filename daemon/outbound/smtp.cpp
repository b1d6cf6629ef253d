// SPDX-License-Identifier: Apache-2.0
#include "daemon/outbound/smtp.h"

#include "core/text.h"
#include "daemon/outbound/curl_handle.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace taskd::daemon {
namespace {

constexpr std::size_t reply_bytes_max = 512;  // RFC 5321 section 4.5.3.1.5

/// What is wrong with a mail server's URL, or "".
std::string fault_of_url(const std::string& text) {
    if (!std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7f'; }))
        return "has a space, a control character or one that is not ASCII";
    const auto url = curl::new_url();
    if (const auto error = curl_url_set(url.get(), CURLUPART_URL, text.c_str(), 0);
        error != CURLUE_OK)
        return std::string("is not one (") + curl_url_strerror(error) + ")";
    const std::string scheme = curl::part_of(url.get(), CURLUPART_SCHEME);
    if (scheme != "smtp" && scheme != "smtps") return "has the scheme " + scheme;
    if (text.find('@') != std::string::npos) return "has a user in it, which is smtp.user";
    if (curl::part_of(url.get(), CURLUPART_HOST).empty()) return "has no host";
    if (curl::part_of(url.get(), CURLUPART_PORT) == "0") return "has port 0";
    if (curl::part_of(url.get(), CURLUPART_PATH).size() > 1 ||
        text.find_first_of("?#;") != std::string::npos)
        return "has more than a host and a port";
    return "";
}

/// One conversation, as libcurl's callbacks see it.
struct Exchange {
    std::string_view left;  // of the message
    const std::atomic<bool>& stopping;
    std::string reply{};  // the server's last line
    bool has_quit = false;
};

std::size_t give_text(char* buffer, std::size_t size, std::size_t count, void* exchange) {
    auto& left = static_cast<Exchange*>(exchange)->left;
    const auto length = left.copy(buffer, size * count);
    left.remove_prefix(length);
    return length;
}

/// Sees what libcurl would print if it were verbose; passwords too, so nothing is kept but replies.
int take_reply(CURL*, curl_infotype type, char* data, std::size_t size, void* exchange) {
    auto& seen = *static_cast<Exchange*>(exchange);
    const std::string_view line(data, size);
    // By then all is decided, and what a server answers to it is no reason.
    if (type == CURLINFO_HEADER_OUT && line == "QUIT\r\n") seen.has_quit = true;
    if (type == CURLINFO_HEADER_IN && !seen.has_quit) seen.reply = line.substr(0, reply_bytes_max);
    return 0;
}

curl_socket_t open_socket(void*, curlsocktype, curl_sockaddr* address) {
    return curl::open_socket(*address);
}

int must_stop(void* exchange, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    return static_cast<Exchange*>(exchange)->stopping ? 1 : 0;
}

void set_server(CURL* handle, const MailServer& server) {
    using Tls = MailServer::Tls;
    // Who can cut a STARTTLS out of the server's greeting would be told the password.
    const bool must_encrypt = server.tls == Tls::required ||
                              (server.tls == Tls::opportunistic && !server.password.empty());
    const long use_ssl = must_encrypt             ? CURLUSESSL_ALL
                         : server.tls == Tls::off ? CURLUSESSL_NONE
                                                  : CURLUSESSL_TRY;
    const auto timeout = std::max<long>(1, server.timeout.count());
    curl::set(handle, CURLOPT_URL, server.url.c_str());
    curl::set(handle, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    curl::set(handle, CURLOPT_PROXY, "");  // also none from the environment
    curl::set(handle, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
    curl::set(handle, CURLOPT_USE_SSL, use_ssl);
    if (!server.ca_file.empty()) curl::set(handle, CURLOPT_CAINFO, server.ca_file.c_str());
    if (!server.user.empty()) {
        curl::set(handle, CURLOPT_USERNAME, server.user.c_str());
        curl::set(handle, CURLOPT_PASSWORD, server.password.c_str());
    }
    curl::set(handle, CURLOPT_NOSIGNAL, 1L);    // it runs on a worker thread
    curl::set(handle, CURLOPT_QUICK_EXIT, 1L);  // a silent name server is not waited for
    curl::set(handle, CURLOPT_OPENSOCKETFUNCTION, &open_socket);
    curl::set(handle, CURLOPT_TIMEOUT_MS, timeout);
    // The goodbye is not covered by the above; closing at once keeps it under our callbacks.
    curl::set(handle, CURLOPT_SERVER_RESPONSE_TIMEOUT, (timeout + 999) / 1000);
    curl::set(handle, CURLOPT_FORBID_REUSE, 1L);
}

core::Outcome outcome_of(CURLcode code, const MailServer& server, const Exchange& exchange,
                         const std::string& error) {
    const std::string reply = shown(exchange.reply);
    if (code == CURLE_OK) return {true, true, reply, ""};
    if (code == CURLE_ABORTED_BY_CALLBACK) return {false, true, "interrupted: taskd stopped", ""};
    if (code == CURLE_OPERATION_TIMEDOUT)
        return {false, true, "timed out after " + std::to_string(server.timeout.count()) + " ms",
                error};
    // A password that is being changed says nothing of the mail.
    if (code == CURLE_LOGIN_DENIED) return {false, true, reply, error};
    if (reply[0] == '4' || reply[0] == '5') return {false, reply[0] == '4', reply, error};
    // libcurl says "Requested SSL level failed".
    if (code == CURLE_USE_SSL_FAILED) return {false, true, "the server offers no STARTTLS", error};
    return {false, true, error, ""};
}

}  // namespace

core::Result<MailServer> check_server(MailServer server) {
    if (const auto fault = fault_of_url(server.url); !fault.empty()) {
        // Before an @ there may be a password.
        const bool may_show = server.url.find('@') == std::string::npos;
        return core::invalid_argument(
            "smtp.url", (may_show ? "\"" + shown(server.url) + "\"" : std::string("the URL")) +
                            " " + fault + "; use smtp://host[:port] or smtps://host[:port]");
    }
    const auto mailbox = mailbox_of(server.from);
    if (core::has_control(mailbox.name))
        return core::invalid_argument("smtp.from",
                                      "\"" + shown(mailbox.name) +
                                          "\" has a control character or is not UTF-8; use "
                                          "a name such as taskd <taskd@example.org>");
    if (auto address = check_address("smtp.from", mailbox.address); !address)
        return tl::unexpected(address.error());
    return server;
}

std::string mail_text(const MailServer& server, const Mail& mail) {
    return message_of(server.from, mail);
}

core::Outcome send_mail(const MailServer& server, const Mail& mail,
                        const std::atomic<bool>& stopping) {
    if (const auto checked = check_server(server); !checked)
        return {false, false, checked.error().message, ""};
    if (const auto checked = check_address("to", mail.to); !checked)
        return {false, false, checked.error().message, ""};

    const std::string text = mail_text(server, mail);
    Exchange exchange{text, stopping};
    std::array<char, CURL_ERROR_SIZE> error{};
    curl::Owned<curl_slist> recipients;
    curl::add(recipients, mail.to);
    const auto owned = curl::new_handle();
    CURL* const handle = owned.get();

    set_server(handle, server);
    curl::set(handle, CURLOPT_MAIL_FROM, mailbox_of(server.from).address.c_str());
    curl::set(handle, CURLOPT_MAIL_RCPT, recipients.get());
    curl::set(handle, CURLOPT_UPLOAD, 1L);
    curl::set(handle, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(text.size()));
    curl::set(handle, CURLOPT_READFUNCTION, &give_text);
    curl::set(handle, CURLOPT_READDATA, &exchange);
    curl::set(handle, CURLOPT_DEBUGFUNCTION, &take_reply);
    curl::set(handle, CURLOPT_DEBUGDATA, &exchange);
    curl::set(handle, CURLOPT_VERBOSE, 1L);
    curl::set(handle, CURLOPT_XFERINFOFUNCTION, &must_stop);
    curl::set(handle, CURLOPT_XFERINFODATA, &exchange);
    curl::set(handle, CURLOPT_NOPROGRESS, 0L);
    curl::set(handle, CURLOPT_ERRORBUFFER, error.data());
    const CURLcode code = curl_easy_perform(handle);
    return outcome_of(code, server, exchange,
                      shown(error[0] != '\0' ? error.data() : curl_easy_strerror(code)));
}

}  // namespace taskd::daemon
