// SPDX-License-Identifier: Apache-2.0
#include "cli/dapr/durable.h"

#include "cli/name_value.h"
#include "core/span.h"
#include "core/text.h"
#include "ipc/dapr/paths.h"

#include <nlohmann/json.hpp>

namespace taskd::cli {
namespace {

using core::Result;
using std::chrono::milliseconds;

/// 0 where nothing was said.
Result<std::int64_t> patience_of(const CallFlags& flags) {
    if (flags.keep_trying.empty()) return 0;
    const auto span = core::parse_span("keep-trying", flags.keep_trying);
    if (!span) return tl::unexpected(span.error());
    return milliseconds{*span}.count();
}

Result<void> check(const CallFlags& flags, const std::string& body) {
    const auto refuse = [](const char* flag) {
        return core::invalid_argument(flag, "does not go with --durable: taskd makes the call");
    };
    if (!flags.sidecar.empty()) return refuse("sidecar");
    if (!flags.retries.empty()) return refuse("retries");
    if (flags.dry_run) return refuse("dry-run");
    if (!core::is_utf8(body))
        return core::invalid_argument("data", "is no text; --durable keeps text (UTF-8) only");
    return {};
}

template <class Call>
int keep(Context& context, const CallFlags& flags, const std::string& key, Call call,
         const std::string& what) {
    if (auto good = check(flags, call.body); !good) return context.fail(good.error());
    const auto patience = patience_of(flags);
    if (!patience) return context.fail(patience.error());
    call.keep_trying_ms = *patience;
    auto client = context.client(key);
    if (!client) return context.fail(client.error());
    const auto answer = client->call(call);
    if (!answer) return context.fail(answer.error());
    Screen& screen = context.screen();
    const auto& delivery = answer->value;
    if (screen.json()) {
        screen.print_json(answer->json);
    } else if (screen.quiet()) {
        screen.print(delivery.id.str() + "\n");
    } else {
        const auto time = std::chrono::duration_cast<std::chrono::seconds>(
            delivery.expires.value_or(delivery.created) - delivery.created);
        screen.print("taskd keeps " + what + " and tries for " + core::format_span(time) +
                     ": delivery " + delivery.id.str() + "\n");
        screen.hint("taskctl wait " + delivery.id.str() + " tells what becomes of it");
    }
    context.note_replay(answer->replayed);
    return 0;
}

}  // namespace

int keep_invoke(Context& context, const InvokeFlags& flags, const Words& words,
                const ipc::dapr::Request& request) {
    ipc::DaprInvoke call;
    call.app = words[0];
    call.path = words[1];
    for (const auto& field : flags.query) {
        const auto pair = name_and_value("query", field);
        if (!pair) return context.fail(pair.error());
        auto text = ipc::dapr::query_text({*pair});
        if (call.path.find('?') != std::string::npos) text.front() = '&';
        call.path += text;
    }
    call.verb = request.verb;
    call.body = request.body.value_or("");
    for (const auto& [name, value] : request.headers)
        if (core::to_lower(name) == "idempotency-key")
            call.call_key = value;
        else
            call.headers.push_back(name + ": " + value);
    // Without a key of the user's, taskd makes one: a repeated command is another call.
    const auto key = key_from(flags.key);
    if (key.empty()) call.call_key.clear();
    return keep(context, flags.call, key, std::move(call),
                visible(request.verb + " " + words[1]) + " of " + visible(words[0]));
}

int keep_publish(Context& context, const PublishFlags& flags, ipc::DaprPublish publish,
                 const std::string& what) {
    return keep(context, flags.call, {}, std::move(publish), what);
}

}  // namespace taskd::cli
