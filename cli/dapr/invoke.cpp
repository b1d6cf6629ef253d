// SPDX-License-Identifier: Apache-2.0
#include "cli/dapr/caller.h"
#include "cli/dapr/commands.h"
#include "cli/dapr/durable.h"
#include "cli/input_file.h"
#include "cli/name_value.h"
#include "core/base64.h"
#include "core/http_token.h"
#include "core/text.h"
#include "core/uuid.h"
#include "ipc/dapr/paths.h"
#include "ipc/json.h"

#include <nlohmann/json.hpp>

#include <array>
#include <unistd.h>

namespace taskd::cli {
namespace {

using core::invalid_argument;
using core::Result;
using ipc::dapr::Request;
using ipc::dapr::Response;

constexpr std::size_t data_bytes_max = std::size_t{64} << 20U;
constexpr std::array<const char*, 8> verbs{"GET",   "HEAD",   "POST",    "PUT",
                                           "PATCH", "DELETE", "OPTIONS", "TRACE"};

Result<std::string> verb_of(const InvokeFlags& flags) {
    if (flags.verb.empty()) return flags.data.empty() ? "GET" : "POST";
    auto verb = flags.verb;
    for (auto& c : verb) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    for (const auto* known : verbs)
        if (verb == known) return verb;
    return invalid_argument("verb", "\"" + core::clipped(visible(flags.verb), 64) +
                                        "\" is not accepted; use GET, HEAD, POST, PUT, PATCH, "
                                        "DELETE, OPTIONS or TRACE");
}

bool changes_something(const std::string& verb) {
    return verb == "POST" || verb == "PUT" || verb == "PATCH" || verb == "DELETE";
}

Result<void> add_headers(const InvokeFlags& flags, Request& request) {
    for (const auto& given : flags.headers) {
        const auto colon = given.find(':');
        const auto name = std::string(core::trim(given.substr(0, colon)));
        if (colon == std::string::npos || !core::is_http_token(name))
            return invalid_argument("header", "\"" + core::clipped(visible(given), 64) +
                                                  "\" is not accepted; use NAME:VALUE");
        const auto value = std::string(core::trim(given.substr(colon + 1)));
        if (core::has_control(value))
            return invalid_argument("header", name + " has control characters");
        const auto lower = core::to_lower(name);
        if (lower == "content-length" || lower == "transfer-encoding" || lower == "host" ||
            lower == "dapr-app-id" || lower == "dapr-api-token")
            return invalid_argument("header", name + " is set by taskctl itself");
        request.headers.emplace_back(name, value);
    }
    return {};
}

Result<void> add_body(const InvokeFlags& flags, Request& request) {
    if (flags.data.empty()) {
        if (request.verb == "POST" || request.verb == "PUT" || request.verb == "PATCH")
            request.body = "";
        return {};
    }
    if (request.verb == "GET" || request.verb == "HEAD")
        return invalid_argument("data", "does not go with " + request.verb + "; use POST or PUT");
    std::string bytes = flags.data;
    if (bytes == "-" || bytes[0] == '@') {
        auto file = InputFile::open("data", bytes == "-" ? bytes : bytes.substr(1));
        if (!file) return tl::unexpected(file.error());
        auto all = file->all(data_bytes_max);
        if (!all) return tl::unexpected(all.error());
        bytes = std::move(*all);
    }
    if (ipc::dapr::header_of(request.headers, "Content-Type").empty()) {
        if (!nlohmann::json::accept(bytes))
            return invalid_argument(
                "data",
                nlohmann::json(core::clipped(visible(core::trim(bytes)), 64)).dump() +
                    " is not JSON",
                "a text is JSON in quotes, '\"like this\"'; for anything else "
                "say what it is: -H content-type:text/plain");
        request.headers.emplace_back("Content-Type", "application/json");
    }
    request.body = std::move(bytes);
    return {};
}

Result<Request> request_from(const InvokeFlags& flags, const Words& words) {
    Request request;
    auto verb = verb_of(flags);
    if (!verb) return tl::unexpected(verb.error());
    request.verb = std::move(*verb);
    ipc::dapr::QueryFields query;
    for (const auto& field : flags.query) {
        auto pair = name_and_value("query", field);
        if (!pair) return tl::unexpected(pair.error());
        query.push_back(std::move(*pair));
    }
    auto path = ipc::dapr::invoke_path(words[0], words[1], query);
    if (!path) return tl::unexpected(path.error());
    request.path = std::move(*path);
    if (auto good = add_headers(flags, request); !good) return tl::unexpected(good.error());
    if (auto good = add_body(flags, request); !good) return tl::unexpected(good.error());
    const auto key = key_from(flags.key);
    if (core::has_control(key))
        return invalid_argument("idempotency-key", "has control characters");
    if (ipc::dapr::header_of(request.headers, "Idempotency-Key").empty()) {
        ipc::SystemRandom random;
        if (!key.empty())
            request.headers.emplace_back("Idempotency-Key", key);
        else if (changes_something(request.verb))
            request.headers.emplace_back("Idempotency-Key", core::uuid_v4(random));
    }
    return request;
}

/// Bytes as they are for a file or a pipe; on a terminal nothing that could drive it.
std::string for_screen(std::string_view part, bool on_terminal) {
    if (!on_terminal) return std::string(part);
    std::string out;
    for (std::size_t at = 0; at < part.size();) {
        const auto end = std::min(part.find('\n', at), part.size());
        out += visible(part.substr(at, end - at));
        if (end < part.size()) out += '\n';
        at = end + 1;
    }
    return out;
}

std::string head_text(const Response& response) {
    std::string text = "HTTP/1.1 " + std::to_string(response.status) + "\n";
    for (const auto& [name, value] : response.headers) text += name + ": " + value + "\n";
    return text + "\n";
}

int print_json(Context& context, Caller& caller, const std::string& app,
               const ipc::dapr::CallResult& result) {
    const int status = result.answer.response ? 0 : caller.explain(result, app);
    if (!result.answer.response) return status;
    const Response& response = *result.answer.response;
    nlohmann::json object{{"status", response.status}, {"attempts", result.attempts}};
    object["from"] = result.verdict == ipc::dapr::Verdict::sidecar_error ? "sidecar" : "app";
    auto& headers = object["headers"] = nlohmann::json::object();
    for (const auto& [name, value] : response.headers) headers[core::to_lower(name)] = value;
    auto body = nlohmann::json::parse(response.body, nullptr, false);
    if (!body.is_discarded())
        object["body"] = std::move(body);
    else if (core::is_utf8(response.body))
        object["body"] = response.body;
    else
        object["body_base64"] = core::base64(response.body);
    context.screen().print_json(object);
    return caller.explain(result, app);
}

}  // namespace

int invoke(Context& context, const InvokeFlags& flags, const Words& words) {
    auto request = request_from(flags, words);
    if (!request) return context.fail(request.error());
    if (flags.call.durable) return keep_invoke(context, flags, words, *request);
    if (!flags.call.keep_trying.empty())
        return context.fail(invalid_argument("keep-trying", "goes with --durable only").value());
    auto caller = Caller::make(context, flags.call);
    if (!caller) return context.fail(caller.error());
    Screen& screen = context.screen();
    if (flags.call.dry_run) {
        screen.print(caller->curl(*request) + "\n");
        return 0;
    }
    const bool on_terminal = isatty(STDOUT_FILENO) != 0;
    const auto print_head = [&](const Response& response) {
        if (flags.include) screen.print(for_screen(head_text(response), on_terminal));
    };
    // What succeeds goes out as it comes; the rest is looked at first, and may be tried again.
    const ipc::dapr::BodySink sink{[&](const Response& head) {
                                       if (head.status >= 400) return false;
                                       print_head(head);
                                       return true;
                                   },
                                   [&](std::string_view part) {
                                       screen.print(for_screen(part, on_terminal));
                                       screen.flush();
                                       return true;
                                   }};
    const auto result = caller->call(*request, screen.json() ? nullptr : &sink, words[0]);
    if (screen.json()) return print_json(context, *caller, words[0], result);
    const auto& response = result.answer.response;
    const bool shown =
        result.answer.streamed ||
        (response && response->status < 400 && response->status != 204 && request->verb != "HEAD");
    if (response && !shown) {
        print_head(*response);
        // The sidecar's own words stand in the message.
        if (result.verdict != ipc::dapr::Verdict::sidecar_error || flags.include)
            screen.print(for_screen(response->body, on_terminal));
        screen.flush();
    }
    return caller->explain(result, words[0]);
}

}  // namespace taskd::cli
