// SPDX-License-Identifier: Apache-2.0
#include "daemon/http/http_problem.h"

#include <nlohmann/json.hpp>

#include <array>
#include <ctime>

namespace taskd::daemon {
namespace {

constexpr std::array<std::pair<int, std::string_view>, 23> phrases{{
    {200, "OK"},
    {201, "Created"},
    {204, "No Content"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {411, "Length Required"},
    {413, "Content Too Large"},
    {415, "Unsupported Media Type"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
    {507, "Insufficient Storage"},
}};

}  // namespace

std::string_view http_reason_phrase(int status) {
    for (const auto& [code, phrase] : phrases)
        if (code == status) return phrase;
    return "Error";
}

std::string problem_json(const HttpRefusal& refusal) {
    // about:blank: the status says it all, and the title is its name (RFC 9457 section 4.2.1).
    nlohmann::json problem{{"type", "about:blank"},
                           {"title", http_reason_phrase(refusal.status)},
                           {"status", refusal.status},
                           {"detail", refusal.detail}};
    for (const auto& [name, value] : refusal.members) problem[name] = value;
    return problem.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string problem_response(const HttpRefusal& refusal) {
    const std::string body = problem_json(refusal);
    std::string out = "HTTP/1.1 " + std::to_string(refusal.status) + " " +
                      std::string(http_reason_phrase(refusal.status)) +
                      "\r\nConnection: close\r\nContent-Type: application/problem+json"
                      "\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nDate: " +
                      http_date() + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
    for (const auto& [name, value] : refusal.fields)
        out.append(name).append(": ").append(value).append("\r\n");
    return out + "\r\n" + body;
}

HttpRefusal refusal_of(const core::Error& error, int status) {
    HttpRefusal refusal{status, error.message, {}};
    refusal.members.emplace_back("reason", core::to_string(error.reason));
    if (!error.field.empty()) refusal.members.emplace_back("field", error.field);
    if (!error.hint.empty()) refusal.members.emplace_back("hint", error.hint);
    if (status == 503) refusal.fields.emplace_back("Retry-After", "1");
    return refusal;
}

HttpRefusal refusal_of(const core::Error& error) {
    return refusal_of(error, http_status(error.reason));
}

int http_status(core::Reason reason) {
    switch (reason) {
    case core::Reason::invalid_argument:
        return 400;
    case core::Reason::unauthenticated:
        return 401;
    case core::Reason::permission_denied:
        return 403;
    case core::Reason::not_found:
        return 404;
    case core::Reason::conflict:
    case core::Reason::failed_precondition:
        return 409;
    case core::Reason::resource_exhausted:
        return 429;
    case core::Reason::unavailable:
        return 503;
    case core::Reason::deadline_exceeded:
        return 504;
    case core::Reason::internal:
    case core::Reason::data_loss:
    case core::Reason::unknown:
        return 500;
    }
    return 500;
}

std::string http_date() {
    const std::time_t now = std::time(nullptr);
    std::tm utc{};
    gmtime_r(&now, &utc);
    std::array<char, 40> text{};
    // The daemon never sets a locale, so the names are the English ones that the format wants.
    std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &utc);
    return text.data();
}

}  // namespace taskd::daemon
