// SPDX-License-Identifier: Apache-2.0
#include "daemon/handlers/notification_role.h"

#include "core/text.h"
#include "core/uuid.h"
#include "daemon/handlers/call_steps.h"
#include "daemon/handlers/delivery_handlers.h"
#include "daemon/handlers/event_fields.h"
#include "daemon/outbound/smtp.h"
#include "ipc/dapr/paths.h"
#include "ipc/dapr/trace.h"
#include "ipc/json.h"

namespace taskd::daemon {
namespace {

using core::Call;
using core::Result;
using nlohmann::json;

constexpr std::size_t due_bytes_max = 64;

/// What the steps pass on.
struct Notice {
    std::string key;  ///< of the event
    core::ForeignId task;
    std::string title;
    std::string due_at;
    std::int64_t user_seq = 0;
};

std::string to_context(const Notice& notice) {
    return json{{"key", notice.key},
                {"task", notice.task.str()},
                {"title", notice.title},
                {"due_at", notice.due_at},
                {"user_seq", notice.user_seq}}
        .dump();
}

Notice from_context(const std::string& text) {
    const auto found = json::parse(text);
    return {found.at("key").get<std::string>(),
            core::ForeignId{found.at("task").get<std::string>()},
            found.at("title").get<std::string>(), found.at("due_at").get<std::string>(),
            found.at("user_seq").get<std::int64_t>()};
}

std::string filled(const std::string& pattern, const Notice& notice, const core::UserId& user) {
    std::string out;
    for (std::size_t i = 0; i < pattern.size();) {
        bool found = false;
        for (const auto& [name, value] :
             {std::pair{std::string_view("{title}"), notice.title},
              std::pair{std::string_view("{due_at}"), notice.due_at},
              std::pair{std::string_view("{task_id}"), to_text(notice.task)},
              std::pair{std::string_view("{user_id}"), user.str()}})
            if (!found && pattern.compare(i, name.size(), name) == 0) {
                out += value;
                i += name.size();
                found = true;
            }
        if (!found) out += pattern[i++];
    }
    return out;
}

/// A step's own key: the same event gives the same, whatever is repeated.
std::string step_key(const char* step, const Notice& notice) {
    return std::string(step) + "/" + notice.key;
}

std::string idempotency_key(const char* step, const Notice& notice, Handling& h) {
    return core::uuid_v5(std::string(step) + "\n" + h.user.str() + "\n" + notice.key);
}

/// A call of the backend for this user.
Result<Call> backend_call(const char* verb, const std::string& method, Handling& h) {
    const auto path = ipc::dapr::invoke_path(h.settings.roles.backend_app, method, {});
    if (!path) return tl::unexpected(path.error());
    Call call;
    call.target = h.settings.roles.backend_app;
    call.method = std::string(verb) + " " + method;
    call.verb = verb;
    call.path = *path;
    call.headers = {{"baggage", ipc::dapr::user_baggage(h.user.str())}};
    return call;
}

std::string sent_method(const Notice& notice) {
    return "api/tasks/" + ipc::dapr::encoded(to_text(notice.task)) + "/reminder-sent";
}

Result<void> send(const std::string& address, const Notice& notice, Handling& h) {
    if (auto good = check_address("email", address); !good) return good;
    Call call;
    call.kind = Call::Kind::email;
    call.target = address;
    call.method = filled(h.settings.roles.subject, notice, h.user);
    call.body = filled(h.settings.roles.text, notice, h.user);
    call.key = idempotency_key(step_mailed, notice, h);
    call.step = step_mailed;
    call.context = to_context(notice);
    (void)keep_call(std::move(call), step_key(step_mailed, notice), notice.user_seq,
                    h.settings.roles.keep_trying, h);
    return {};
}

}  // namespace

Result<void> notify(const ipc::CloudEvent& event, Handling& h) {
    const auto fields = read_fields(event);
    if (!fields) return tl::unexpected(fields.error());
    Notice notice;
    std::string key = event.id;
    const auto data = json::parse(event.data, nullptr, false);
    if (const auto id = data.find("event_id"); id != data.end() && id->is_string())
        key = id->get<std::string>();
    notice.key = core::uuid_v5(event.source + "\n" + key);
    notice.task = fields->task;
    notice.user_seq = event.userseq;
    for (const auto& [name, into] :
         {std::pair{"title", &notice.title}, std::pair{"due_at", &notice.due_at}}) {
        auto text = fields->text(name);
        if (!text) return tl::unexpected(text.error());
        *into = std::move(*text);
    }
    notice.title = core::clipped(notice.title, core::summary_bytes_max);
    notice.due_at = core::clipped(notice.due_at, due_bytes_max);
    if (notice.title.empty())
        return core::invalid_argument("title", "is missing; it says what the reminder is about");

    const auto& roles = h.settings.roles;
    // What can't be told afterwards is refused before anything is sent.
    if (!roles.backend_app.empty())
        if (const auto told = backend_call("POST", sent_method(notice), h); !told)
            return core::invalid_argument(
                "task_id",
                "\"" + core::clipped(to_text(notice.task), 64) + "\" can't be part of a path");
    if (roles.backend_app.empty()) {
        const auto address = h.unit.user_settings(h.user).email;
        if (address.empty())
            return core::invalid_argument(
                "email", "user \"" + core::clipped(h.user.str(), 64) + "\" has no address");
        return send(address, notice, h);
    }
    if (const auto known = h.standing.addresses.find(h.user, h.received))
        return send(*known, notice, h);
    auto call = backend_call("GET", "api/users/" + ipc::dapr::encoded(h.user.str()), h);
    if (!call) return tl::unexpected(call.error());
    call->step = step_address;
    call->context = to_context(notice);
    call->key = idempotency_key(step_address, notice, h);
    (void)keep_call(std::move(*call), step_key(step_address, notice), notice.user_seq,
                    roles.keep_trying, h);
    return {};
}

Result<void> mail_to_address(const core::Delivery& delivery, const core::Outcome& outcome,
                             Handling& h) {
    const auto answer = json::parse(outcome.answer, nullptr, false);
    std::string address;
    if (answer.is_object() && answer.contains("email") && answer["email"].is_string())
        address = answer["email"].get<std::string>();
    if (address.empty())
        return core::failed_precondition("email", "user \"" + core::clipped(h.user.str(), 64) +
                                                      "\" has no address, says app " +
                                                      delivery.call->target);
    if (auto sent = send(address, from_context(delivery.call->context), h); !sent) return sent;
    h.standing.addresses.put(h.user, address, h.received + h.settings.roles.address_ttl);
    return {};
}

Result<void> tell_backend(const core::Delivery& delivery, Handling& h) {
    const auto notice = from_context(delivery.call->context);
    if (h.settings.roles.backend_app.empty()) {
        const auto task = h.unit.find_task(h.user, core::TaskId{to_text(notice.task)});
        if (!task || task->reminder_sent) return {};
        auto after = *task;
        after.reminder_sent = true;
        after.revision += 1;
        after.modified = h.unit.now();
        h.unit.update_task(*task, after);
        h.unit.append_event(h.user, {"task.updated", after.id.str(), after});
        return {};
    }
    auto call = backend_call("POST", sent_method(notice), h);
    if (!call) return tl::unexpected(call.error());
    call->headers.emplace_back("Content-Type", "application/json");
    call->body = R"({"reminder_sent":true})";
    call->key = idempotency_key("notification.told", notice, h);
    (void)keep_call(std::move(*call), step_key("notification.told", notice), notice.user_seq,
                    h.settings.roles.keep_trying, h);
    return {};
}

void tell_notification_app(const ipc::CloudEvent& event, Handling& h) {
    const auto& app = h.settings.roles.notification_app;
    if (app.empty()) return;
    const auto path = ipc::dapr::invoke_path(app, "api/events/task-events", {});
    if (!path) return;  // the configuration was checked
    Call call;
    call.target = app;
    call.method = "POST api/events/task-events";
    call.verb = "POST";
    call.path = *path;
    call.headers = {{"Content-Type", "application/cloudevents+json"},
                    {"baggage", ipc::dapr::user_baggage(h.user.str())}};
    call.body = ipc::to_text(event);
    (void)keep_call(std::move(call), "reminder/" + event.id, event.userseq,
                    h.settings.roles.keep_trying, h);
}

}  // namespace taskd::daemon
