// SPDX-License-Identifier: Apache-2.0
#include "daemon/outbound/webhook.h"

#include "core/base64.h"
#include "core/circuit_breaker.h"
#include "core/clean_text.h"
#include "core/text.h"
#include "daemon/outbound/curl_handle.h"
#include "daemon/outbound/mail.h"
#include "daemon/outbound/webhook_settings.h"
#include "ipc/dapr/call.h"

#include <algorithm>
#include <array>
#include <exception>
#include <memory>
#include <new>
#include <openssl/hmac.h>
#include <stdexcept>

namespace taskd::daemon {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t output_bytes_max = 4096;
constexpr std::size_t body_bytes_max = 64 * 1024;  // read; more says nothing new
constexpr std::size_t head_bytes_max = 64 * 1024;  // with those of interim answers and trailers
constexpr std::size_t target_bytes_max = 500;      // shown of what a redirect points to
constexpr std::size_t id_bytes_max = 200;
constexpr milliseconds timeout_max{std::chrono::hours{24}};  // libcurl takes no more than 24 days
constexpr milliseconds look_every{100};                      // at `stopping`

bool is_visible(char c) {
    return c > ' ' && c < '\x7f';
}

/// Where a redirect points to, without a user or password; "" where that can't be said.
std::string target_of(const std::string& url, const std::string& location) {
    const auto target = curl::new_url();
    constexpr unsigned flags = CURLU_NON_SUPPORT_SCHEME | CURLU_URLENCODE;
    if (location.empty() ||
        curl_url_set(target.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK ||
        curl_url_set(target.get(), CURLUPART_URL, location.c_str(), flags) != CURLUE_OK)
        return "";
    for (const auto part : {CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_OPTIONS})
        (void)curl_url_set(target.get(), part, nullptr, 0);
    return core::clipped(core::cleaned(curl::part_of(target.get(), CURLUPART_URL)),
                         target_bytes_max);
}

/// One conversation, as libcurl's callbacks see it.
struct Exchange {
    const NetworkRules& networks;
    CURL* handle = nullptr;
    std::string refused{};           // the last address that the rules did not allow
    bool has_tried = false;          // one that they allow
    std::size_t head_bytes = 0;      // of all lines so far
    std::string phrase{};            // after the status
    ipc::dapr::Headers headers{};    // those that are read
    bool head_is_complete = false;   // of the final answer
    std::string body{};              // its first body_bytes_max
    std::exception_ptr exception{};  // libcurl is C: none may pass through it
};

curl_socket_t open_socket(void* exchange, curlsocktype purpose, curl_sockaddr* address) noexcept {
    auto& seen = *static_cast<Exchange*>(exchange);
    try {
        if (purpose != CURLSOCKTYPE_IPCXN) return CURL_SOCKET_BAD;
        if (!seen.networks.allows(address->addr)) {
            seen.refused = address_text(address->addr);
            return CURL_SOCKET_BAD;
        }
        seen.has_tried = true;
        return curl::open_socket(*address);
    } catch (...) {
        seen.exception = std::current_exception();
        return CURL_SOCKET_BAD;
    }
}

void take_head_line(Exchange& seen, std::string_view line) {
    if (seen.head_is_complete) return;  // a trailer
    if (line.rfind("HTTP/", 0) == 0) {
        seen.headers.clear();
        constexpr std::size_t before_phrase = std::string_view("HTTP/1.1 200 ").size();
        seen.phrase = line.size() > before_phrase ? shown(line.substr(before_phrase)) : "";
        return;
    }
    if (core::trim(line).empty()) {
        long status = 0;
        curl_easy_getinfo(seen.handle, CURLINFO_RESPONSE_CODE, &status);
        seen.head_is_complete = status >= 200 || status == 101;  // not an interim answer
        return;
    }
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) return;
    const std::string name = core::to_lower(line.substr(0, colon));
    if (name == "retry-after" || name == "location")
        seen.headers.emplace_back(name, core::trim(line.substr(colon + 1)));
}

std::size_t take_head(const char* data, std::size_t size, std::size_t count,
                      void* exchange) noexcept {
    auto& seen = *static_cast<Exchange*>(exchange);
    try {
        const std::string_view line(data, size * count);
        seen.head_bytes += line.size();
        if (seen.head_bytes > head_bytes_max) return 0;
        take_head_line(seen, line);
        return size * count;
    } catch (...) {
        seen.exception = std::current_exception();
        return 0;
    }
}

std::size_t take_body(const char* data, std::size_t size, std::size_t count,
                      void* exchange) noexcept {
    auto& seen = *static_cast<Exchange*>(exchange);
    try {
        const std::string_view part(data, size * count);
        seen.body += part.substr(0, body_bytes_max - seen.body.size());
        return seen.body.size() < body_bytes_max ? part.size() : 0;
    } catch (...) {
        seen.exception = std::current_exception();
        return 0;
    }
}

std::int64_t timestamp_of(const WebRequest& request) {
    return std::chrono::floor<seconds>(request.now).time_since_epoch().count();
}

curl::Owned<curl_slist> header_lines(const WebRequest& request) {
    curl::Owned<curl_slist> list;
    // What libcurl would add by itself.
    curl::add(list, "Expect:");
    curl::add(list, "Content-Type:");
    for (const auto& [name, value] : request.headers) {
        std::string line = name + ": ";
        line += core::trim(value);
        // Its way to say that a header is empty, and not to be left out.
        curl::add(list, core::trim(value).empty() ? name + ";" : line);
    }
    const auto timestamp = timestamp_of(request);
    curl::add(list, "Idempotency-Key: " + request.id);
    curl::add(list, "webhook-id: " + request.id);
    curl::add(list, "webhook-timestamp: " + std::to_string(timestamp));
    if (!request.secret.empty())
        curl::add(list, "webhook-signature: " +
                            webhook_signature(request.secret, request.id, timestamp, request.body));
    return list;
}

void set_connection(CURL* handle, const WebRequest& request, const WebClient& client,
                    Exchange& exchange) {
    curl::set(handle, CURLOPT_PROTOCOLS_STR, "http,https");
    curl::set(handle, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    curl::set(handle, CURLOPT_PROXY, "");  // also none from the environment
    curl::set(handle, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
    curl::set(handle, CURLOPT_FOLLOWLOCATION, 0L);
    curl::set(handle, CURLOPT_SSL_VERIFYPEER, 1L);
    curl::set(handle, CURLOPT_SSL_VERIFYHOST, 2L);
    curl::set(handle, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    if (!client.ca_file.empty()) {
        curl::set(handle, CURLOPT_CAINFO, client.ca_file.c_str());
        // Or the system's directory of authorities would stay trusted beside it.
        curl::set(handle, CURLOPT_CAPATH, static_cast<const char*>(nullptr));
    }
    curl::set(handle, CURLOPT_OPENSOCKETFUNCTION, &open_socket);
    curl::set(handle, CURLOPT_OPENSOCKETDATA, &exchange);
    curl::set(handle, CURLOPT_NOSIGNAL, 1L);  // it runs on a worker thread
    // Or a name server that is silent would hold us longer than any timeout.
    curl::set(handle, CURLOPT_QUICK_EXIT, 1L);
    curl::set(handle, CURLOPT_TIMEOUT_MS,
              static_cast<long>(
                  std::clamp<milliseconds>(request.timeout, milliseconds{1}, timeout_max).count()));
}

void set_request(CURL* handle, const WebRequest& request, curl_slist* headers) {
    curl::set(handle, CURLOPT_URL, request.url.c_str());
    curl::set(handle, CURLOPT_POST, 1L);
    curl::set(handle, CURLOPT_POSTFIELDS, request.body.c_str());
    curl::set(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    curl::set(handle, CURLOPT_HTTPHEADER, headers);
    curl::set(handle, CURLOPT_USERAGENT, "taskd");
}

void set_answer(CURL* handle, Exchange& exchange) {
    curl::set(handle, CURLOPT_HEADERFUNCTION, &take_head);
    curl::set(handle, CURLOPT_HEADERDATA, &exchange);
    curl::set(handle, CURLOPT_WRITEFUNCTION, &take_body);
    curl::set(handle, CURLOPT_WRITEDATA, &exchange);
}

/// curl_easy_perform, but it looks at `stopping` more often than once in a second.
CURLcode perform(CURL* handle, const std::atomic<bool>& stopping) {
    // CURLM is void, and so is CURL.
    const std::unique_ptr<CURLM, CURLMcode (*)(CURLM*)> multi(curl_multi_init(),
                                                              &curl_multi_cleanup);
    if (!multi) throw std::bad_alloc();
    const auto check = [](CURLMcode code) {
        if (code == CURLM_OUT_OF_MEMORY) throw std::bad_alloc();
        if (code != CURLM_OK)
            throw std::runtime_error(std::string("libcurl: ") + curl_multi_strerror(code));
    };
    check(curl_multi_add_handle(multi.get(), handle));
    const auto remove = [&](CURL* added) { curl_multi_remove_handle(multi.get(), added); };
    const std::unique_ptr<CURL, decltype(remove)> added(handle, remove);
    for (int running = 1; !stopping;) {
        check(curl_multi_perform(multi.get(), &running));
        if (running == 0) {
            int left = 0;
            const CURLMsg* const message = curl_multi_info_read(multi.get(), &left);
            if (message == nullptr) throw std::runtime_error("libcurl: no result");
            return message->data.result;
        }
        check(curl_multi_poll(multi.get(), nullptr, 0, static_cast<int>(look_every.count()),
                              nullptr));
    }
    return CURLE_ABORTED_BY_CALLBACK;
}

std::string in_words(milliseconds time) {
    if (time % seconds{1} == milliseconds{0}) return std::to_string(time / seconds{1}) + " s";
    return std::to_string(time.count()) + " ms";
}

/// The answer's body as text.
std::string output_of(const std::string& body) {
    std::string lines;
    for (std::size_t i = 0; i < body.size(); ++i)
        if (body[i] != '\r' || i + 1 == body.size() || body[i + 1] != '\n') lines += body[i];
    return core::clipped(core::cleaned(lines, "\n\t"), output_bytes_max);
}

core::Outcome answered(const Exchange& exchange, const WebRequest& request) {
    long code = 0;
    curl_easy_getinfo(exchange.handle, CURLINFO_RESPONSE_CODE, &code);
    const int status = static_cast<int>(code);
    core::Outcome outcome;
    outcome.status = status;
    outcome.succeeded = status >= 200 && status < 300;
    outcome.retryable = outcome.succeeded || core::is_retryable_status(status);
    outcome.blames_callee = status == 408 || (status >= 500 && status < 600);
    outcome.result = "HTTP " + std::to_string(status);
    outcome.output = output_of(exchange.body);
    if (outcome.succeeded) return outcome;

    if (!exchange.phrase.empty()) outcome.result += " " + exchange.phrase;
    if (status >= 300 && status < 400) {
        const auto target =
            target_of(request.url, ipc::dapr::header_of(exchange.headers, "location"));
        if (!target.empty())
            outcome.result += ": redirects to " + target + ", which is not followed";
    }
    if (outcome.retryable)
        outcome.retry_after = ipc::dapr::retry_after({status, exchange.headers, ""}, request.now);
    return outcome;
}

/// Without an answer; it may have been taken all the same.
core::Outcome unanswered(CURLcode code, const Exchange& exchange, const WebRequest& request,
                         const std::string& error) {
    if (code == CURLE_ABORTED_BY_CALLBACK) return {false, true, "interrupted: taskd stopped", ""};
    const std::string refused = exchange.refused.empty() ? ""
                                                         : "the address " + exchange.refused +
                                                               " is not among webhook.networks";
    if (!refused.empty() && !exchange.has_tried) return {false, false, refused, ""};
    core::Outcome outcome{false, true, "no answer: " + error, refused};
    outcome.blames_callee = code != CURLE_SSL_CACERT_BADFILE;  // that is ours
    if (code == CURLE_OPERATION_TIMEDOUT)
        outcome.result = "timed out after " + in_words(request.timeout);
    else if (exchange.head_bytes > head_bytes_max)
        outcome.result = "no answer: its head has more than 64 KiB";
    else if (code == CURLE_OUT_OF_MEMORY)  // which libcurl also says of a line without an end
        outcome.result = "no answer: its head has too long a line, or memory ran out";
    else if (exchange.head_bytes == 0 &&
             (code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_CONNECT ||
              code == CURLE_SSL_CONNECT_ERROR || code == CURLE_PEER_FAILED_VERIFICATION ||
              code == CURLE_SSL_CACERT_BADFILE))
        outcome.result = "no connection: " + error;
    return outcome;
}

/// What is wrong with a request, or nothing.
core::Result<void> check(const WebRequest& request) {
    if (auto checked = check_webhook_url("url", request.url); !checked) return checked;
    if (request.headers.size() > webhook_headers_max)
        return core::invalid_argument("headers", std::to_string(request.headers.size()) +
                                                     " are more than " +
                                                     std::to_string(webhook_headers_max));
    for (const auto& [name, value] : request.headers)
        if (auto checked = check_webhook_header("headers", name, value); !checked) return checked;
    if (request.id.empty() || request.id.size() > id_bytes_max ||
        !std::all_of(request.id.begin(), request.id.end(),
                     [](char c) { return is_visible(c) && c != '.'; }))
        return core::invalid_argument(
            "id", "\"" + shown(request.id) + "\" is no id of a delivery; use up to " +
                      std::to_string(id_bytes_max) + " visible ASCII characters without \".\"");
    return {};
}

core::Outcome attempt(const WebRequest& request, const WebClient& client,
                      const std::atomic<bool>& stopping) {
    if (const auto checked = check(request); !checked)
        return {false, false, checked.error().message, ""};
    std::array<char, CURL_ERROR_SIZE> error{};
    Exchange exchange{client.networks};
    const auto headers = header_lines(request);
    const auto owned = curl::new_handle();
    CURL* const handle = owned.get();
    exchange.handle = handle;

    set_connection(handle, request, client, exchange);
    set_request(handle, request, headers.get());
    set_answer(handle, exchange);
    curl::set(handle, CURLOPT_ERRORBUFFER, error.data());
    const CURLcode code = perform(handle, stopping);
    if (exchange.exception) std::rethrow_exception(exchange.exception);
    if (exchange.head_is_complete) return answered(exchange, request);
    return unanswered(code, exchange, request,
                      shown(error[0] != '\0' ? error.data() : curl_easy_strerror(code)));
}

}  // namespace

std::string webhook_signature(std::string_view secret, std::string_view id, std::int64_t timestamp,
                              std::string_view body) {
    std::string text(id);
    text += "." + std::to_string(timestamp) + ".";
    text += body;
    std::array<unsigned char, EVP_MAX_MD_SIZE> code{};
    unsigned length = 0;
    if (HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
             reinterpret_cast<const unsigned char*>(text.data()), text.size(), code.data(),
             &length) == nullptr)
        throw std::bad_alloc();  // SHA-256 is always there
    return "v1," + core::base64({reinterpret_cast<const char*>(code.data()), length});
}

core::Outcome send_webhook(const WebRequest& request, const WebClient& client,
                           const std::atomic<bool>& stopping) {
    try {
        return attempt(request, client, stopping);
    } catch (const std::bad_alloc&) {
        throw;
    } catch (const std::exception& error) {
        // Ours, and not the other side's; maybe it is gone next time.
        return {false, true, shown(error.what()), ""};
    }
}

}  // namespace taskd::daemon
