// SPDX-License-Identifier: Apache-2.0
#include "daemon/http/backend_routes.h"

#include "core/instant_text.h"
#include "core/text.h"
#include "daemon/http/http_problem.h"
#include "daemon/http/http_query.h"
#include "ipc/json.h"

#include <nlohmann/json.hpp>

namespace taskd::daemon {
namespace {

using nlohmann::json;

constexpr int status_created = 201;
constexpr std::string_view users_prefix = "/api/users/";
constexpr std::string_view tasks_prefix = "/api/tasks/";
constexpr std::string_view baggage_name = "user_id=";

tl::unexpected<HttpRefusal> refuse(const core::Error& error) {
    return tl::unexpected(refusal_of(error, 400));
}

tl::expected<json, HttpRefusal> read_object(const HttpJob& job) {
    auto body = ipc::parse_json(job.request.body);
    if (!body) return refuse(body.error());
    if (!body->is_object())
        return tl::unexpected(HttpRefusal{400, "the body is not a JSON object", {}});
    return std::move(*body);
}

/// A member that is a text; "" where there is none.
tl::expected<std::string, HttpRefusal> text_of(const json& body, const char* name) {
    const auto found = body.find(name);
    if (found == body.end() || found->is_null()) return std::string();
    if (!found->is_string()) return refuse(core::invalid_argument(name, "must be a text").value());
    return found->get<std::string>();
}

/// W3C baggage: a list of name=value with properties behind semicolons.
std::string user_of_baggage(const HttpJob& job) {
    const auto* baggage = job.request.field("baggage");
    if (baggage == nullptr || job.request.count("baggage") > 1) return {};
    for (const auto& member : core::split(*baggage, ',')) {
        auto text = core::trim(member);
        text = core::trim(text.substr(0, text.find(';')));
        if (text.substr(0, baggage_name.size()) != baggage_name) continue;
        auto user = percent_decoded(text.substr(baggage_name.size()), false).value_or("");
        return core::is_utf8(user) ? user : "";
    }
    return {};
}

/// Whose request it is: as the request says, else as the baggage of the call does. The loop decides
/// whether the caller may name that user.
tl::expected<std::string, HttpRefusal> user_of(const HttpJob& job, const Caller& caller,
                                               const std::string& named) {
    if (!named.empty()) return named;
    if (!caller.may_name_users) return std::string();
    auto user = user_of_baggage(job);
    if (user.empty())
        return refuse(
            core::invalid_argument("user_id", "is missing; it says whose task this is").value());
    return user;
}

/// A refusal names the field that the caller wrote.
HttpRefusal in_their_words(HttpRefusal refusal) {
    for (const auto& [ours, theirs] : {std::pair{std::string_view("summary"), "title"},
                                       std::pair{std::string_view("notes"), "description"},
                                       std::pair{std::string_view("due"), "next_occurrence"}})
        for (auto& [name, value] : refusal.members)
            if (name == "field" && value == ours) {
                if (refusal.detail.rfind(ours, 0) == 0)
                    refusal.detail.replace(0, ours.size(), theirs);
                value = theirs;
                return refusal;
            }
    return refusal;
}

/// The task in the words of the services that are out there.
json shown(const json& task) {
    json out{{"id", task["id"]},
             {"title", task["summary"]},
             {"user_id", task["user_id"]},
             {"status", task["status"]},
             {"completed", task.value("status", "") == "completed"},
             {"recurring_pattern", nullptr},
             {"next_occurrence", nullptr},
             {"parent_task_id", nullptr},
             {"reminder_sent", task.value("reminder_sent", false)},
             {"created_at", task["created"]},
             {"completed_at", nullptr}};
    for (const char* name : {"recurring_pattern", "parent_task_id"})
        if (task.contains(name)) out[name] = task[name];
    if (task.contains("due")) out["next_occurrence"] = task["due"]["at"];
    if (task.contains("completed")) out["completed_at"] = task["completed"];
    for (const char* name : {"next_occurrence", "created_at", "completed_at"})
        if (const auto at =
                core::parse_utc(out[name].is_string() ? out[name].get<std::string>() : ""))
            out[name] = core::instant_text(*at);
    return out;
}

}  // namespace

tl::expected<Caller, HttpRefusal> BackendRoutes::identify(const HttpJob& job) const {
    if (job.request.field("authorization") != nullptr) return services_.access.identify(job);
    if (auto good = dapr_.check_token(job); !good) return tl::unexpected(good.error());
    Caller sidecar{services_.dapr.owner};
    sidecar.may_name_users = true;
    return sidecar;
}

HttpResult BackendRoutes::add_task(const HttpJob& job) {
    const auto caller = identify(job);
    if (!caller) return tl::unexpected(caller.error());
    const auto body = read_object(job);
    if (!body) return tl::unexpected(body.error());
    json params = json::object();
    std::string named;
    std::string key;
    std::string due;
    for (const auto& [name, into] :
         {std::pair{"user_id", &named}, std::pair{"idempotency_key", &key},
          std::pair{"next_occurrence", &due}}) {
        auto text = text_of(*body, name);
        if (!text) return tl::unexpected(text.error());
        *into = std::move(*text);
    }
    const auto user = user_of(job, *caller, named);
    if (!user) return tl::unexpected(user.error());
    if (!user->empty()) params["user_id"] = *user;
    if (const auto* header = job.request.field("idempotency-key"); header != nullptr) key = *header;
    if (!core::is_utf8(key))
        return refuse(core::invalid_argument("Idempotency-Key", "is not UTF-8").value());
    if (!key.empty()) params["idempotency_key"] = key;
    if (!due.empty()) params["due"] = due;
    // What the names are here; wrong types are refused where everything is checked.
    for (const auto& [theirs, ours] :
         {std::pair{"title", "summary"}, std::pair{"description", "notes"},
          std::pair{"recurring_pattern", "recurring_pattern"},
          std::pair{"parent_task_id", "parent_task_id"}})
        if (body->contains(theirs) && !(*body)[theirs].is_null()) params[ours] = (*body)[theirs];
    params["tz_default"] = "UTC";
    auto added = calls_.call(*caller, "task.add", params);
    if (!added) return tl::unexpected(in_their_words(added.error()));
    return HttpReply{status_created, shown((*added)["task"]).dump()};
}

HttpResult BackendRoutes::list_tasks(const HttpJob& job) {
    const auto caller = identify(job);
    if (!caller) return tl::unexpected(caller.error());
    const auto query =
        HttpQuery::parse(job.request.target, {{"user_id"}, {"limit"}, {"offset"}, {"status"}});
    if (!query) return refuse(query.error());
    const auto* named = query->find("user_id");
    const auto user = user_of(job, *caller, named == nullptr ? "" : *named);
    if (!user) return tl::unexpected(user.error());
    json params{{"sort", "number"}, {"statuses", json::array()}};
    if (!user->empty()) params["user_id"] = *user;
    if (const auto* status = query->find("status")) params["statuses"].push_back(*status);
    for (const char* name : {"limit", "offset"}) {
        const auto number = query->number(name);
        if (!number) return refuse(number.error());
        if (*number) params[name] = **number;
    }
    const auto page = calls_.call(*caller, "task.list", params);
    if (!page) return tl::unexpected(page.error());
    json tasks = json::array();
    for (const auto& task : (*page)["tasks"]) tasks.push_back(shown(task));
    return HttpReply{200, json{{"tasks", tasks}, {"total", (*page)["total"]}}.dump()};
}

HttpResult BackendRoutes::get_user(const HttpJob& job) {
    const auto caller = identify(job);
    if (!caller) return tl::unexpected(caller.error());
    const auto id = percent_decoded(job.request.path().substr(users_prefix.size()), false);
    if (!id || id->empty() || !core::is_utf8(*id) || core::has_control(*id))
        return refuse(core::invalid_argument("id", "is not a user's id").value());
    const auto found = calls_.call(*caller, "user.get", {{"user_id", *id}});
    if (!found) return tl::unexpected(found.error());
    if (!found->value("is_known", false))
        return tl::unexpected(HttpRefusal{404, "there is no user " + core::clipped(*id, 64), {}});
    const auto text = [&](const char* name) {
        const auto value = found->value(name, "");
        return value.empty() ? json() : json(value);
    };
    return HttpReply{200, json{{"id", *id},
                               {"email", text("email")},
                               {"time_zone", text("zone")},
                               {"quiet_hours", text("quiet_hours")}}
                              .dump()};
}

HttpResult BackendRoutes::reminder_sent(const HttpJob& job) {
    const auto caller = identify(job);
    if (!caller) return tl::unexpected(caller.error());
    const auto body = read_object(job);
    if (!body) return tl::unexpected(body.error());
    const auto named = text_of(*body, "user_id");
    if (!named) return tl::unexpected(named.error());
    const auto user = user_of(job, *caller, *named);
    if (!user) return tl::unexpected(user.error());
    auto path = job.request.path().substr(tasks_prefix.size());
    path.remove_suffix(std::string_view("/reminder-sent").size());
    const auto id = percent_decoded(path, false);
    if (!id || !core::is_utf8(*id))
        return refuse(core::invalid_argument("id", "is not a task's id").value());
    const auto sent = body->find("reminder_sent");
    if (sent == body->end() || !sent->is_boolean())
        return refuse(
            core::invalid_argument("reminder_sent", "is missing; use true or false").value());
    json params{{"task", *id}, {"reminder_sent", *sent}};
    if (!user->empty()) params["user_id"] = *user;
    if (const auto* key = job.request.field("idempotency-key"); key != nullptr) {
        if (!core::is_utf8(*key))
            return refuse(core::invalid_argument("Idempotency-Key", "is not UTF-8").value());
        params["idempotency_key"] = *key;
    }
    const auto changed = calls_.call(*caller, "task.update", params);
    if (!changed) return tl::unexpected(changed.error());
    return HttpReply{200, shown((*changed)["task"]).dump()};
}

}  // namespace taskd::daemon
