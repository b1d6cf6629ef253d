// SPDX-License-Identifier: Apache-2.0
#include "daemon/outbound/smtp.h"

#include "core/text.h"

#include <algorithm>
#include <array>
#include <curl/curl.h>
#include <memory>
#include <new>
#include <stdexcept>
#include <string_view>
#include <sys/socket.h>

namespace taskd::daemon {
namespace {

constexpr std::size_t reply_bytes_max = 512;  // RFC 5321 section 4.5.3.1.5

void use_libcurl() {
    // The first caller initializes; the others wait for it.
    static const CURLcode state = curl_global_init(CURL_GLOBAL_DEFAULT);
    if (state != CURLE_OK) throw std::runtime_error("libcurl can't start");
}

struct Release {
    void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
    void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
template <class T>
using Owned = std::unique_ptr<T, Release>;

std::string part_of(CURLU* url, CURLUPart part) {
    char* text = nullptr;
    if (curl_url_get(url, part, &text, 0) != CURLUE_OK) return "";
    const std::unique_ptr<char, void (*)(void*)> owned(text, curl_free);
    return text;
}

/// What is wrong with a mail server's URL, or "".
std::string fault_of_url(const std::string& text) {
    if (!std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7f'; }))
        return "has a space, a control character or one that is not ASCII";
    use_libcurl();
    const Owned<CURLU> url(curl_url());
    if (!url) throw std::bad_alloc();
    if (const auto error = curl_url_set(url.get(), CURLUPART_URL, text.c_str(), 0);
        error != CURLUE_OK)
        return std::string("is not one (") + curl_url_strerror(error) + ")";
    const std::string scheme = part_of(url.get(), CURLUPART_SCHEME);
    if (scheme != "smtp" && scheme != "smtps") return "has the scheme " + scheme;
    if (text.find('@') != std::string::npos) return "has a user in it, which is smtp.user";
    if (part_of(url.get(), CURLUPART_HOST).empty()) return "has no host";
    if (part_of(url.get(), CURLUPART_PORT) == "0") return "has port 0";
    if (part_of(url.get(), CURLUPART_PATH).size() > 1 ||
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

/// Programs of exec channels must not inherit the connection.
curl_socket_t open_socket(void*, curlsocktype, curl_sockaddr* address) {
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

int must_stop(void* exchange, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    return static_cast<Exchange*>(exchange)->stopping ? 1 : 0;
}

template <class T>
void set(CURL* handle, CURLoption option, T value) {
    if (const auto error = curl_easy_setopt(handle, option, value); error != CURLE_OK)
        throw std::runtime_error(std::string("libcurl: ") + curl_easy_strerror(error));
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
    set(handle, CURLOPT_URL, server.url.c_str());
    set(handle, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    set(handle, CURLOPT_PROXY, "");  // also none from the environment
    set(handle, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
    set(handle, CURLOPT_USE_SSL, use_ssl);
    if (!server.ca_file.empty()) set(handle, CURLOPT_CAINFO, server.ca_file.c_str());
    if (!server.user.empty()) {
        set(handle, CURLOPT_USERNAME, server.user.c_str());
        set(handle, CURLOPT_PASSWORD, server.password.c_str());
    }
    set(handle, CURLOPT_NOSIGNAL, 1L);    // it runs on a worker thread
    set(handle, CURLOPT_QUICK_EXIT, 1L);  // a silent name server is not waited for
    set(handle, CURLOPT_OPENSOCKETFUNCTION, &open_socket);
    set(handle, CURLOPT_TIMEOUT_MS, timeout);
    // The goodbye is not covered by the above; closing at once keeps it under our callbacks.
    set(handle, CURLOPT_SERVER_RESPONSE_TIMEOUT, (timeout + 999) / 1000);
    set(handle, CURLOPT_FORBID_REUSE, 1L);
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

    use_libcurl();
    const std::string text = mail_text(server, mail);
    Exchange exchange{text, stopping};
    std::array<char, CURL_ERROR_SIZE> error{};
    const Owned<curl_slist> recipients(curl_slist_append(nullptr, mail.to.c_str()));
    const Owned<CURL> owned(curl_easy_init());
    CURL* const handle = owned.get();
    if (handle == nullptr || !recipients) throw std::bad_alloc();

    set_server(handle, server);
    set(handle, CURLOPT_MAIL_FROM, mailbox_of(server.from).address.c_str());
    set(handle, CURLOPT_MAIL_RCPT, recipients.get());
    set(handle, CURLOPT_UPLOAD, 1L);
    set(handle, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(text.size()));
    set(handle, CURLOPT_READFUNCTION, &give_text);
    set(handle, CURLOPT_READDATA, &exchange);
    set(handle, CURLOPT_DEBUGFUNCTION, &take_reply);
    set(handle, CURLOPT_DEBUGDATA, &exchange);
    set(handle, CURLOPT_VERBOSE, 1L);
    set(handle, CURLOPT_XFERINFOFUNCTION, &must_stop);
    set(handle, CURLOPT_XFERINFODATA, &exchange);
    set(handle, CURLOPT_NOPROGRESS, 0L);
    set(handle, CURLOPT_ERRORBUFFER, error.data());
    const CURLcode code = curl_easy_perform(handle);
    return outcome_of(code, server, exchange,
                      shown(error[0] != '\0' ? error.data() : curl_easy_strerror(code)));
}

}  // namespace taskd::daemon
