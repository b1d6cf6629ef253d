// SPDX-License-Identifier: Apache-2.0
#include "daemon/dispatcher.h"

#include "core/text.h"
#include "core/uuid.h"
#include "daemon/handlers/admin_handlers.h"
#include "daemon/handlers/call_handlers.h"
#include "daemon/handlers/channel_handlers.h"
#include "daemon/handlers/command_handlers.h"
#include "daemon/handlers/consumer_handlers.h"
#include "daemon/handlers/dead_letter_handlers.h"
#include "daemon/handlers/delivery_handlers.h"
#include "daemon/handlers/event_handlers.h"
#include "daemon/handlers/event_rule_handlers.h"
#include "daemon/handlers/expectation_handlers.h"
#include "daemon/handlers/explain_handlers.h"
#include "daemon/handlers/reminder_handlers.h"
#include "daemon/handlers/run_handlers.h"
#include "daemon/handlers/series_handlers.h"
#include "daemon/handlers/snooze_handlers.h"
#include "daemon/handlers/task_handlers.h"
#include "daemon/handlers/token_handlers.h"
#include "daemon/handlers/user_handlers.h"
#include "ipc/json.h"
#include "ipc/rpc.h"

#include <algorithm>

namespace taskd::daemon {
namespace {

using core::Error;
using core::Reason;
using core::Result;
using nlohmann::json;

struct Method {
    std::string_view name;
    bool writes;
    bool operators_only;
    /// The parameters as the method understands them: without what it ignores, defaults left out.
    Result<json> (*normal)(const json& params);
    Result<json> (*run)(const json& params, Handling& h);
};

/// A typed handler as the table holds it: decode, call, encode.
template <class Request, Result<typename Request::Reply> (*handler)(const Request&, Handling&)>
Method row(bool operators_only = false) {
    return {Request::method, Request::writes, operators_only,
            [](const json& params) -> Result<json> {
                const auto request = ipc::from_json<Request>(params);
                if (!request) return tl::unexpected(request.error());
                return ipc::to_json(*request);
            },
            [](const json& params, Handling& h) -> Result<json> {
                const auto request = ipc::from_json<Request>(params);
                if (!request) return tl::unexpected(request.error());
                const auto reply = handler(*request, h);
                if (!reply) return tl::unexpected(reply.error());
                return ipc::to_json(*reply);
            }};
}

const std::vector<Method>& methods() {
    static const std::vector<Method> table{
        row<ipc::TaskAdd, add_task>(),
        row<ipc::TaskGet, get_task>(),
        row<ipc::TaskExplain, explain_task>(),
        row<ipc::TaskList, list_tasks>(),
        row<ipc::TaskUpdate, update_task>(),
        row<ipc::TaskStart, start_task>(),
        row<ipc::TaskComplete, complete_task>(),
        row<ipc::TaskCancel, cancel_task>(),
        row<ipc::TaskReopen, reopen_task>(),
        row<ipc::TaskDelete, delete_task>(),
        row<ipc::TaskRestore, restore_task>(),
        row<ipc::TaskFacets, list_facets>(),
        row<ipc::AgendaGet, get_agenda>(),
        row<ipc::SeriesList, list_series>(),
        row<ipc::SeriesGet, get_series>(),
        row<ipc::SeriesPreview, preview_series>(),
        row<ipc::SeriesPause, pause_series>(),
        row<ipc::SeriesResume, resume_series>(),
        row<ipc::SeriesEnd, end_series>(),
        row<ipc::SeriesUpdate, update_series>(),
        row<ipc::SeriesSplit, split_series>(),
        row<ipc::SeriesSkip, skip_slot>(),
        row<ipc::SeriesMove, move_slot>(),
        row<ipc::ReminderSnooze, snooze_reminder>(),
        row<ipc::ReminderAcknowledge, acknowledge_reminder>(),
        row<ipc::ChannelSet, set_channel>(),
        row<ipc::ChannelList, list_channels>(),
        row<ipc::ChannelRemove, remove_channel>(),
        row<ipc::DeliveryList, list_deliveries>(),
        row<ipc::ChannelTest, test_channel>(),
        row<ipc::ReminderDefaultList, list_reminder_defaults>(),
        row<ipc::ReminderDefaultSet, set_reminder_default>(),
        row<ipc::DeliveryGet, get_delivery>(),
        row<ipc::DeliveryRetry, retry_delivery>(),
        row<ipc::DaprInvoke, keep_invoke>(),
        row<ipc::DaprPublish, keep_publish>(),
        row<ipc::DaprBreaker, use_breaker>(),
        row<ipc::EventPublish, publish_events>(),
        row<ipc::EventRead, read_events>(),
        row<ipc::EventList, list_events>(),
        row<ipc::BusEndpoint, bus_endpoint>(),
        row<ipc::ConsumerCreate, create_consumer>(),
        row<ipc::ConsumerFetch, fetch_events>(),
        row<ipc::ConsumerAck, ack_events>(),
        row<ipc::ConsumerNack, nack_events>(),
        row<ipc::ConsumerExtend, extend_leases>(),
        row<ipc::ConsumerReset, reset_consumer>(),
        row<ipc::ConsumerList, list_consumers>(),
        row<ipc::ConsumerRemove, remove_consumer>(),
        row<ipc::DeadLetterList, list_dead_letters>(),
        row<ipc::DeadLetterRetry, retry_dead_letters>(),
        row<ipc::DeadLetterDrop, drop_dead_letters>(),
        row<ipc::CommandRuns, list_runs>(),
        row<ipc::CommandTrigger, trigger_command>(),
        row<ipc::CommandBackfill, backfill_commands>(),
        row<ipc::ExpectationSet, set_expectation>(),
        row<ipc::ExpectationPing, ping>(),
        row<ipc::ExpectationList, list_expectations>(),
        row<ipc::ExpectationRemove, remove_expectation>(),
        row<ipc::RuleSet, set_rule>(),
        row<ipc::RuleList, list_rules>(),
        row<ipc::RulePause, pause_rule>(),
        row<ipc::RuleResume, resume_rule>(),
        row<ipc::RuleRemove, remove_rule>(),
        row<ipc::RunClaim, claim_run>(),
        row<ipc::RunExtend, extend_run>(),
        row<ipc::RunFinish, finish_run>(),
        row<ipc::RunGet, get_run>(),
        row<ipc::RunList, list_runs>(),
        row<ipc::RunForget, forget_run>(),
        row<ipc::UserGet, get_user>(),
        row<ipc::UserSet, set_user>(),
        row<ipc::AdminHealth, admin_health>(),
        row<ipc::GapList, list_gaps>(),
        row<ipc::AdminConfig, admin_config>(true),
        row<ipc::AdminBackup, admin_backup>(true),
        row<ipc::AdminShutdown, admin_shutdown>(true),
        row<ipc::AdminStats, admin_stats>(true),
        row<ipc::TokenCreate, create_token>(),
        row<ipc::TokenList, list_tokens>(),
        row<ipc::TokenRevoke, revoke_token>(),
    };
    return table;
}

/// What the request itself says about how to treat it, beside the method's own parameters.
struct Envelope {
    std::string idempotency_key;
    std::int64_t deadline_ms = 0;
    std::string user_id;
};

template <class T>
Result<void> take(const json& params, const char* name, T& into) {
    const auto found = params.find(name);
    if (found == params.end() || found->is_null()) return {};
    if constexpr (std::is_same_v<T, std::string>) {
        if (!found->is_string()) return core::invalid_argument(name, "must be a text");
    } else {
        if (!found->is_number_integer())
            return core::invalid_argument(name, "must be a whole number of milliseconds");
    }
    into = found->get<T>();
    return {};
}

Result<Envelope> read_envelope(const json& params, const Method& method) {
    Envelope envelope;
    if (auto good = take(params, "idempotency_key", envelope.idempotency_key); !good)
        return tl::unexpected(good.error());
    if (auto good = take(params, "deadline_ms", envelope.deadline_ms); !good)
        return tl::unexpected(good.error());
    if (auto good = take(params, "user_id", envelope.user_id); !good)
        return tl::unexpected(good.error());
    const auto& key = envelope.idempotency_key;
    if (key.size() > 255 || core::has_control(key))
        return core::invalid_argument("idempotency_key",
                                      "must be 1 to 255 bytes without control characters");
    if (params.contains("idempotency_key") && key.empty())
        return core::invalid_argument("idempotency_key", "is empty; leave it out or give one");
    if (!method.writes) envelope.idempotency_key.clear();
    if (envelope.user_id.size() > 128 || core::has_control(envelope.user_id))
        return core::invalid_argument("user_id",
                                      "must be 1 to 128 bytes without control characters");
    return envelope;
}

/// Covers what the caller asked for: without the envelope, and without the zone and the environment
/// that were only looked up for them, so that the same job on another machine asks the same.
std::string digest_of(std::string_view method, json normal) {
    normal.erase("tz_default");
    if (const auto command = normal.find("command");
        command != normal.end() && command->is_object()) {
        command->erase("directory_default");
        command->erase("environment_default");
    }
    return core::uuid_v5(std::string(method) + "\n" + normal.dump());
}

/// A message that quotes the middle of a cut text may hold half a character; it is replaced, so
/// that no refusal can fail for its own wording.
std::string text_of(const json& value) {
    return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

/// What a key remembers of a result. A secret is shown once: whoever repeats the request learns
/// what was made, and not the secret, which then is on no disk.
std::string stored_text(json result) {
    result.erase("secret");
    // What a run printed is kept once, with the run.
    if (const auto output = result.find("output"); output != result.end() && output->is_array())
        result.erase(output);
    return text_of({{"result", std::move(result)}});
}

/// Method and outcome of a request for the counters; a word that a client invents is "unknown".
std::pair<std::string_view, std::string_view> outcome_of(const json& message,
                                                         const std::optional<json>& reply,
                                                         bool is_parked) {
    std::string_view method = "unknown";
    if (const auto name = message.is_object() ? message.find("method") : message.end();
        message.is_object() && name != message.end() && name->is_string())
        for (const auto& known : methods())
            if (known.name == name->get_ref<const std::string&>()) method = known.name;
    if (!reply) return {method, is_parked ? "ok" : "notification"};
    const auto error = reply->find("error");
    if (error == reply->end()) return {method, "ok"};
    return {method, core::to_string(ipc::error_from(*error).reason)};
}

/// Refusals that stay true when the request is sent again; the others may be a matter of moment.
bool is_remembered(Reason reason) {
    return reason == Reason::not_found || reason == Reason::conflict ||
           reason == Reason::failed_precondition;
}

json replayed(const json& id, const std::string& body) {
    json stored = json::parse(body);
    if (stored.contains("error")) {
        stored["error"]["data"]["replayed"] = true;
        return {{"jsonrpc", "2.0"}, {"id", id}, {"error", std::move(stored["error"])}};
    }
    stored["result"]["replayed"] = true;
    return ipc::result_reply(id, std::move(stored["result"]));
}

Error unknown_method(const std::string& name) {
    const auto near = core::nearest(name, method_names());
    return {Reason::invalid_argument, "method: \"" + name.substr(0, 64) + "\" is not a method",
            "method", near.empty() ? "see taskd-protocol(7)" : "did you mean \"" + near + "\"?"};
}

}  // namespace

std::vector<std::string> method_names() {
    std::vector<std::string> names;
    for (const auto& method : methods()) names.emplace_back(method.name);
    return names;
}

std::optional<json> Dispatcher::run_one(const json& message, const Request& request,
                                        core::Timestamp now, core::Monotonic monotonic,
                                        bool may_wait, Dispatched& out) {
    static const json none;
    static const json no_params = json::object();
    const auto field = [&](const char* name) -> const json& {
        const auto found = message.is_object() ? message.find(name) : message.end();
        return message.is_object() && found != message.end() ? *found : none;
    };
    const json& id = field("id");
    const json& name = field("method");
    const bool answered = !message.is_object() || message.contains("id") || !name.is_string();
    const auto reply = [&](json object) {
        return answered ? std::optional<json>(std::move(object)) : std::nullopt;
    };
    const auto refuse = [&](const Error& error) { return reply(ipc::error_reply(id, error)); };

    const bool id_good = id.is_null() || id.is_string() || id.is_number();
    if (field("jsonrpc") != "2.0" || !name.is_string() || !id_good)
        return ipc::error_reply(
            id_good ? id : json(),
            {Reason::invalid_argument,
             "request: not a JSON-RPC 2.0 request; it needs \"jsonrpc\":\"2.0\", "
             "\"method\" and \"id\"",
             "request",
             {}});
    const json& params = field("params").is_null() ? no_params : field("params");
    if (!params.is_object())
        return refuse({Reason::invalid_argument, "params: must be an object", "params", {}});

    const auto method = std::find_if(methods().begin(), methods().end(), [&](const Method& known) {
        return known.name == name.get_ref<const std::string&>();
    });
    if (method == methods().end()) return refuse(unknown_method(name.get<std::string>()));
    const auto envelope = read_envelope(params, *method);
    if (!envelope) return refuse(envelope.error());
    if (!envelope->user_id.empty() && envelope->user_id != request.caller.user.str() &&
        !request.caller.is_operator && !request.caller.may_name_users)
        return refuse({Reason::permission_denied,
                       "user_id: only an operator may name another user",
                       "user_id",
                       {}});
    if (method->operators_only && !request.caller.is_operator)
        return refuse(
            {Reason::permission_denied, std::string(method->name) + " is for operators", {}, {}});
    if (envelope->deadline_ms < 0 ||
        (envelope->deadline_ms > 0 &&
         monotonic > request.received + std::chrono::milliseconds{envelope->deadline_ms}))
        return refuse({Reason::deadline_exceeded,
                       "the deadline passed before the request was run; "
                       "nothing was changed",
                       "deadline_ms",
                       {}});

    const core::UserId user =
        envelope->user_id.empty() ? request.caller.user : core::UserId{envelope->user_id};
    const std::string& key = envelope->idempotency_key;
    const core::Timestamp expires = now + settings_.idempotency_ttl;
    std::string digest;
    if (!key.empty()) {
        auto normal = method->normal(params);
        if (!normal) return refuse(normal.error());
        digest = digest_of(method->name, std::move(*normal));
    }
    try {
        Error refused;
        std::vector<std::pair<core::UserId, DeadLetterRow>> dead_letters;
        {
            UnitOfWork unit(context_, now, user,
                            method->writes ? std::string(method->name) : std::string());
            const auto stored = key.empty() ? std::nullopt : unit.find_reply(user, key);
            switch (
                core::seen_before(stored ? std::optional(stored->digest) : std::nullopt, digest)) {
            case core::Seen::replay:
                return reply(replayed(id, stored->body));
            case core::Seen::conflict:
                return refuse({Reason::conflict,
                               "idempotency_key: \"" + key +
                                   "\" was used for another request before; nothing was changed",
                               "idempotency_key", "use a new key for a new request"});
            case core::Seen::fresh:
                break;
            }
            Handling h{unit,
                       user,
                       settings_,
                       identity_,
                       standing_,
                       request.received,
                       envelope->deadline_ms,
                       {}};
            h.caller = request.caller;
            auto result = method->run(params, h);
            if (result) {
                if (!key.empty()) unit.put_reply(user, key, digest, stored_text(*result), expires);
                for (auto& published : unit.release())
                    out.publications.push_back(std::move(published));
                out.shutdown = out.shutdown || h.shutdown;
                if (h.backup && !(may_wait && answered))
                    return refuse({Reason::invalid_argument,
                                   "method: admin.backup is asked for alone, not in a batch",
                                   "method",
                                   {}});
                if (h.backup) {
                    out.backup = std::move(h.backup);
                    out.poll_id = id;
                    return {};
                }
                for (auto& change : h.token_changes) out.token_changes.push_back(std::move(change));
                for (auto& consumer : h.stirred)
                    out.stirred.emplace_back(user, std::move(consumer));
                out.large_logs.insert(out.large_logs.end(), h.large_logs.begin(),
                                      h.large_logs.end());
                out.copies_missed += h.copies_missed;
                if (h.poll && may_wait && answered) {
                    out.poll = std::move(h.poll);
                    out.poll_id = id;
                    return {};
                }
                return reply(ipc::result_reply(id, std::move(*result)));
            }
            refused = result.error();
            dead_letters = std::move(h.dead_letters);
        }
        // The request's savepoint is rolled back; what is remembered is only the answer.
        const bool remember = !key.empty() && is_remembered(refused.reason);
        if (remember || !dead_letters.empty()) {
            UnitOfWork unit(context_, now, user, "");
            for (const auto& [owner, letter] : dead_letters) unit.put_dead_letter(owner, letter);
            if (remember)
                unit.put_reply(user, key, digest, text_of({{"error", ipc::error_json(refused)}}),
                               expires);
            (void)unit.release();
        }
        return refuse(refused);
    } catch (const StoreFailure& failure) {
        if (!context_.database.in_transaction()) throw TurnVoid{failure.error()};
        // What it refused for its own sake (a constraint) says nothing of the next change.
        if (failure.error().reason != Reason::internal) out.store_failure = failure.error().message;
        return refuse(failure.error());
    } catch (const std::exception& failure) {
        if (!context_.database.in_transaction())
            throw TurnVoid{{Reason::internal, failure.what(), {}, {}}};
        return refuse({Reason::internal, std::string("internal: ") + failure.what(), {}, {}});
    }
}

Dispatched Dispatcher::run(const Request& request, core::Timestamp now, core::Monotonic monotonic) {
    Dispatched out;
    const auto message = ipc::parse_json(request.body);
    if (!message) {
        out.reply = text_of(ipc::error_reply(nullptr, message.error()));
        out.outcomes.emplace_back("unknown", core::to_string(message.error().reason));
        return out;
    }
    if (!message->is_array()) {
        const auto reply = run_one(*message, request, now, monotonic, true, out);
        out.outcomes.push_back(outcome_of(*message, reply, out.poll.has_value()));
        if (reply) out.reply = text_of(*reply);
        return out;
    }
    if (message->empty() || message->size() > ipc::batch_max) {
        out.reply =
            text_of(ipc::error_reply(nullptr, {Reason::invalid_argument,
                                               "request: a batch holds 1 to 100 requests, not " +
                                                   std::to_string(message->size()),
                                               "request",
                                               {}}));
        return out;
    }
    json replies = json::array();
    for (const auto& one : *message) {
        auto reply = run_one(one, request, now, monotonic, false, out);
        out.outcomes.push_back(outcome_of(one, reply, false));
        if (reply) replies.push_back(std::move(*reply));
    }
    if (!replies.empty()) out.reply = text_of(replies);
    return out;
}

}  // namespace taskd::daemon
