// SPDX-License-Identifier: Apache-2.0
#include "daemon/http/event_routes.h"

#include "core/text.h"
#include "daemon/http/cloudevents_http.h"
#include "daemon/http/http_problem.h"
#include "daemon/http/http_query.h"
#include "ipc/json.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace taskd::daemon {
namespace {

using nlohmann::json;

constexpr const char* stream_type = "text/event-stream";

tl::unexpected<HttpRefusal> refuse(int status, std::string detail) {
    return tl::unexpected(HttpRefusal{status, std::move(detail), {}});
}

tl::unexpected<HttpRefusal> come_back(std::string why) {
    return tl::unexpected(HttpRefusal{503, std::move(why), {{"Retry-After", "1"}}});
}

std::string text_of(const json& value) {
    return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace

bool accepts_event_stream(const HttpRequest& request) {
    for (const auto& [name, value] : request.fields) {
        if (name != "accept") continue;
        for (const auto& range : core::split(value, ',')) {
            auto words = core::split(core::to_lower(range), ';');
            if (core::trim(words.front()) != stream_type) continue;
            const bool is_refused = std::any_of(words.begin() + 1, words.end(), [](auto& word) {
                const auto weight = core::trim(word);  // q=0, q=0.0, ...
                return weight.rfind("q=0", 0) == 0 &&
                       weight.find_first_of("123456789", 3) == std::string_view::npos;
            });
            if (!is_refused) return true;
        }
    }
    return false;
}

std::vector<std::pair<std::string, std::string>> cors_fields(const HttpRequest& request) {
    const std::string* origin = request.field("origin");
    if (origin == nullptr) return {};
    return {{"Access-Control-Allow-Origin", *origin}, {"Vary", "Origin"}};
}

/// Who reads, now and later.
struct EventRoutes::Reader {
    Caller caller;
    CallerNow again;
    std::shared_ptr<const void> ticket{};
};

HttpResult EventRoutes::get(const HttpJob& job) {
    const auto query = HttpQuery::parse(
        job.request.target, {{"after"}, {"type", true}, {"limit"}, {"wait_ms"}, {"ticket"}});
    if (!query) return tl::unexpected(refusal_of(query.error()));
    return accepts_event_stream(job.request) ? stream(job, *query) : page(job, *query);
}

HttpResult EventRoutes::page(const HttpJob& job, const HttpQuery& query) {
    if (query.find("ticket") != nullptr)
        return refuse(400, "ticket: opens a stream only; send Accept: text/event-stream");
    const auto caller = services_.access.identify(job);
    if (!caller) return tl::unexpected(caller.error());
    json params{{"after", 0}, {"types", query.all("type")}};
    for (const char* name : {"after", "limit", "wait_ms"}) {
        const auto number = query.number(name);
        if (!number) return tl::unexpected(refusal_of(number.error()));
        if (*number) params[name] = **number;
    }
    const auto found = calls_.call(*caller, "event.read", params);
    if (!found) return tl::unexpected(found.error());
    return HttpReply{200, text_of(*found)};
}

tl::expected<EventRoutes::Reader, HttpRefusal> EventRoutes::reader(const HttpJob& job,
                                                                   const HttpQuery& query) {
    if (const std::string* ticket = query.find("ticket")) {
        if (job.request.field("authorization") != nullptr)
            return refuse(400, "ticket: comes with an Authorization field; use one of them");
        if (auto use = services_.tickets.use(*ticket))
            return Reader{std::move(use->caller), std::move(use->again), std::move(use->open)};
        return refuse(401, "ticket: is not in force; POST /v1/events/tickets makes one");
    }
    const auto caller = services_.access.identify(job);
    if (!caller) return tl::unexpected(caller.error());
    return Reader{*caller, services_.access.caller_now(job)};
}

/// The number behind which a stream begins: what EventSource saw last, else what was asked for,
/// else the newest there is.
tl::expected<std::int64_t, HttpRefusal> EventRoutes::start_of(const HttpJob& job,
                                                              const HttpQuery& query,
                                                              const Caller& caller) {
    if (const std::string* last = job.request.field("last-event-id")) {
        const auto number = whole_number(*last);
        if (!number || *number < 0 || job.request.count("last-event-id") > 1)
            return refuse(400, "Last-Event-ID: is not the id of an event of this stream");
        return *number;
    }
    const auto after = query.number("after");
    if (!after) return tl::unexpected(refusal_of(after.error()));
    if (*after) return **after;
    const auto newest = calls_.call(caller, "event.list", {{"limit", 1}});
    if (!newest) return tl::unexpected(newest.error());
    return newest->at("head").get<std::int64_t>();
}

HttpResult EventRoutes::stream(const HttpJob& job, const HttpQuery& query) {
    for (const char* name : {"limit", "wait_ms"})
        if (query.find(name) != nullptr)
            return refuse(400, std::string(name) + ": is for pages, and a stream has none");
    auto who = reader(job, query);
    if (!who) return tl::unexpected(who.error());
    auto place = services_.streams.take_place(who->caller.user);
    if (!place) return come_back("as many streams as there can be at once are open");
    const auto after = start_of(job, query, who->caller);
    if (!after) return tl::unexpected(after.error());
    // What event.read would refuse must be known before the head is sent. A wait, however short,
    // also asks for a place among the long polls.
    const auto types = query.all("type");
    const auto tried =
        calls_.call(who->caller, "event.read",
                    {{"after", *after}, {"types", types}, {"limit", 1}, {"wait_ms", 1}});
    if (!tried) {
        HttpRefusal refusal = tried.error();
        const std::pair<std::string, std::string> field{"field", "after"};
        const auto& members = refusal.members;
        if (*after >= 0 && std::find(members.begin(), members.end(), field) != members.end())
            refusal.status = 409;  // past the newest event: of another store than this one
        if (refusal.status == 429) return come_back(refusal.detail);
        return tl::unexpected(refusal);
    }
    HttpReply reply;
    reply.type = stream_type;
    if (job.request.method == "HEAD") return reply;
    reply.stream = services_.streams.open({std::move(who->again), who->caller.user, types, *after,
                                           job.request.minor_version > 0, std::move(place),
                                           std::move(who->ticket)});
    return reply;
}

HttpResult EventRoutes::make_ticket(const HttpJob& job) {
    const auto caller = services_.access.identify(job);
    if (!caller) return tl::unexpected(caller.error());
    if (!job.request.body.empty()) {
        const auto body = ipc::parse_json(job.request.body);
        if (!body || !body->is_object() || !body->empty())
            return refuse(400, "body: a ticket has no options; send {} or nothing");
    }
    const std::string ticket =
        services_.tickets.make(random_, caller->user, services_.access.caller_now(job));
    if (ticket.empty()) return come_back("as many tickets as there can be are in force");
    const auto seconds =
        std::chrono::duration_cast<std::chrono::seconds>(EventTickets::kept).count();
    return HttpReply{201, json{{"ticket", ticket}, {"expires_in", seconds}}.dump()};
}

HttpResult EventRoutes::publish(const HttpJob& job) {
    const auto caller = services_.access.identify(job);
    if (!caller) return tl::unexpected(caller.error());
    const auto call = publish_call(job.request);
    if (!call) return tl::unexpected(call.error());
    const auto result = calls_.call(*caller, "event.publish", call->params);
    if (!result) return tl::unexpected(result.error());
    if (call->is_batch) return HttpReply{200, text_of(*result)};
    const json& event = result->at("events").at(0);
    return HttpReply{event.value("duplicate", false) ? 200 : 201, text_of(event)};
}

}  // namespace taskd::daemon
