// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/commands.h"
#include "cli/commands/consumer_flags.h"
#include "cli/consume_loop.h"
#include "cli/process_name.h"
#include "cli/spawn.h"
#include "core/text.h"

#include <algorithm>
#include <memory>

namespace taskd::cli {
namespace {

using core::Result;
using std::chrono::milliseconds;

constexpr std::int64_t concurrency_max = 64;
constexpr std::int64_t batch_max = 1000;

struct Given {
    std::string group;
    ConsumerFlags flags;
    std::string concurrency;
    std::string batch;
    std::string drop_on;
    std::string retry_on;
    std::string stop_on;
    bool once = false;
};

Result<ConsumeRules> rules_from(const Given& given) {
    ConsumeRules rules;
    const std::array<std::tuple<const char*, const std::string*, CodeSet*>, 3> sets{
        {{"drop-on", &given.drop_on, &rules.drop},
         {"retry-on", &given.retry_on, &rules.retry},
         {"stop-on", &given.stop_on, &rules.stop}}};
    for (const auto& [name, text, set] : sets) {
        if (text->empty()) continue;
        const auto parsed = CodeSet::parse(name, *text);
        if (!parsed) return tl::unexpected(parsed.error());
        *set = *parsed;
    }
    for (const auto& one : sets)
        for (const auto& other : sets) {
            const int both = std::get<2>(one)->common_with(*std::get<2>(other));
            if (std::get<2>(one) == std::get<2>(other) || both == 0) continue;
            return core::invalid_argument(std::get<0>(one), std::to_string(both) + " stands in --" +
                                                                std::get<0>(other) +
                                                                " too; a status means one thing");
        }
    return rules;
}

Result<ConsumeLoop::Options> options_from(const Given& given, const Words& words) {
    ConsumeLoop::Options options;
    if (given.group.empty())
        return core::invalid_argument("group", "is missing; say --group NAME",
                                      "members that name the same group share its events");
    const auto rules = rules_from(given);
    if (!rules) return tl::unexpected(rules.error());
    options.rules = *rules;
    if (!given.concurrency.empty()) {
        const auto number = number_from("concurrency", given.concurrency, 1, concurrency_max);
        if (!number) return tl::unexpected(number.error());
        options.concurrency = *number;
    }
    if (!given.batch.empty()) {
        const auto number = number_from("batch", given.batch, 1, batch_max);
        if (!number) return tl::unexpected(number.error());
        options.batch = *number;
    }
    options.once = given.once;
    options.command = {words, given.group, options.batch > 1};
    return options;
}

/// The group as it is from now on: made, changed, or found as it was.
Result<ipc::ConsumerView> join(Context& context, const Given& given,
                               const ConsumeLoop::Options& options) {
    auto client = context.client({}, Context::Start::once);
    if (!client) return tl::unexpected(client.error());
    auto existing = find_consumer(*client, given.group);
    if (!existing) return tl::unexpected(existing.error());
    if (*existing && !given.flags.any()) return std::move(**existing);
    auto request =
        consumer_request(context, given.flags, given.group, *existing ? &**existing : nullptr);
    if (!request) return tl::unexpected(request.error());
    if (!*existing && given.flags.in_flight.empty())
        request->max_in_flight =
            std::max(request->max_in_flight,
                     std::min<std::int64_t>(options.concurrency * options.batch, batch_max));
    auto answer = client->call(*request);
    if (answer) return std::move(answer->value.consumer);
    core::Error error = answer.error();
    if (error.reason == core::Reason::conflict)
        error.hint =
            "leave these options out to take the group as it is, or change it with --replace";
    return tl::unexpected(error);
}

/// Exit status of a failure before the first event.
int status_before(const core::Error& error) {
    const int status = consume_status(error);
    return status == consume_no_group ? consume_refused : status;
}

int consume(Context& context, const Given& given, const Words& words) {
    const auto refuse = [&](const core::Error& error) {
        (void)context.fail(error);
        return status_before(error);
    };
    auto options = options_from(given, words);
    if (!options) return refuse(options.error());
    if (const auto good = check_runnable(words[0]); !good) {
        (void)context.fail(good.error());
        return consume_no_command;
    }
    const auto view = join(context, given, *options);
    if (!view) return refuse(view.error());
    options->attempts_max = view->attempts_max;

    ConsumeLoop loop(context.screen(), *options);
    auto fetcher = context.client({}, Context::Start::never);
    auto settler = context.client({}, Context::Start::never);
    if (!fetcher) return refuse(fetcher.error());
    if (!settler) return refuse(settler.error());
    ConsumeLeases leases(
        std::move(*fetcher), std::move(*settler),
        {given.group, process_name(), milliseconds{view->lease_ms}, context.settings().timeout},
        loop.hooks());
    return loop.run(leases);
}

int run(Context& context, const Given& given, const Words& words) {
    try {
        return consume(context, given, words);
    } catch (const std::exception& error) {
        (void)context.fail(
            {core::Reason::internal, std::string("internal: ") + error.what(), {}, {}});
        return consume_internal;
    }
}

}  // namespace

void register_events_consume(CommandLine& line) {
    const auto given = std::make_shared<Given>();
    auto& app = line.add(
        {.name = "events consume",
         .section = "Events",
         .summary = "run a command for each event, until it succeeds or is given up",
         .usage = "--group NAME -- COMMAND [ARGUMENT...]",
         .words_min = 1,
         .words_max = any_number,
         .examples = {"events consume --group mail --type 'reminder.*' -- ./send-mail",
                      "events consume --group mail --concurrency 4 --drop-on 65 -- ./mail",
                      "events consume --group load --from oldest --batch 500 --once -- ./load"},
         .details =
             "COMMAND gets the event as JSON on standard input, and TASKD_EVENT_TYPE, "
             "TASKD_EVENT_SEQ, TASKD_ATTEMPT, TASKD_IDEMPOTENCY_KEY and others in its environment; "
             "no shell reads it. Status 0 acknowledges the event, anything else has it tried "
             "again. "
             "Members of one group share its events; of one subject they come in order. Ctrl-C "
             "lets what runs finish, a second one ends it. The statuses 120 to 125 are its own: "
             "see taskctl(1).",
         .run = [given](Context& context,
                        const Words& words) { return run(context, *given, words); },
         .usage_status = consume_refused});
    add_text(app, "--group", given->group, "NAME", "whose events; it is made if it is not there");
    add_consumer_flags(app, given->flags);
    add_text(app, "--concurrency", given->concurrency, "N",
             "so many commands at once, up to 64 (default 1)");
    add_text(app, "--batch", given->batch, "N",
             "give one command up to so many events, one per line, up to 1000 (default 1)");
    add_switch(app, "--once", given->once, "stop when nothing is ready");
    add_text(app, "--drop-on", given->drop_on, "STATUSES",
             "make the event a dead letter at once, such as 65,70-79");
    add_text(app, "--retry-on", given->retry_on, "STATUSES",
             "try again after these only; others make it a dead letter");
    add_text(app, "--stop-on", given->stop_on, "STATUSES",
             "give the event back and end with this status");
}

}  // namespace taskd::cli
