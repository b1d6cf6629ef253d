// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/commands.h"
#include "cli/commands/dapr_flags.h"
#include "cli/context.h"
#include "cli/program_file.h"

#include <memory>
#include <unistd.h>

namespace taskd::cli {
namespace {

void add_call_options(CLI::App& app, CallFlags& call) {
    add_text(app, "--sidecar", call.sidecar, "URL",
             "the sidecar (default $DAPR_HTTP_ENDPOINT, then 127.0.0.1:$DAPR_HTTP_PORT, then port "
             "3500)");
    add_text(app, "--retries", call.retries, "N",
             "further attempts after no answer, 408, 425, 429 or 5xx (default 2)");
    add_switch(app, "--durable", call.durable,
               "leave the call to taskd, which keeps it on disk and tries until it succeeds");
    add_text(app, "--keep-trying", call.keep_trying, "SPAN",
             "with --durable: give it up after so long (default call.keep_trying, 24h)");
    add_switch(app, "--dry-run", call.dry_run, "print the request as a curl command, send nothing");
    add_switch(app, "-v,--verbose", call.verbose,
               "say on standard error what is sent, tried again and traced");
}

void add_invoke(CommandLine& line,
                std::function<int(Context&, const InvokeFlags&, const Words&)> run) {
    const auto given = std::make_shared<InvokeFlags>();
    auto& app = line.add(
        {.name = "invoke",
         .section = "Dapr",
         .summary = "call a method of a Dapr app",
         .usage = "APP METHOD",
         .words_min = 2,
         .words_max = 2,
         .examples = {"invoke billing api/v1/invoices -d '{\"task\":\"t42\"}'",
                      "invoke billing api/v1/invoices/7 --query verbose=1",
                      "invoke billing api/v1/invoices/7 -X DELETE -i",
                      "invoke billing upload -d @photo.jpg -H content-type:image/jpeg",
                      "invoke billing api/v1/invoices -d '{\"task\":\"t42\"}' --durable"},
         .details =
             "Without --data it is a GET, with it a POST; -X says otherwise. The body of the "
             "answer "
             "goes to standard output byte for byte. POST, PUT, PATCH and DELETE carry an "
             "Idempotency-Key, so that the app can tell a repeat. --timeout is for all attempts "
             "together. The exit status tells who said no: 8 the app with 4xx, 9 the app with 5xx, "
             "10 the sidecar, or the circuit of the app is open, 6 no sidecar, 7 no answer in "
             "time. "
             "With --durable the status says that taskd has the call; taskctl wait ID tells what "
             "became of it.",
         .run = [given, run = std::move(run)](Context& context, const Words& words) {
             return run(context, *given, words);
         }});
    add_text(app, "-X,--verb", given->verb, "VERB",
             "GET, POST, PUT, PATCH, DELETE, HEAD or OPTIONS");
    add_text(app, "-d,--data", given->data, "DATA",
             "the body: JSON, @FILE, or - for standard input");
    add_texts(app, "-H,--header", given->headers, "NAME:VALUE", "a header; may be repeated");
    add_texts(app, "--query", given->query, "NAME=VALUE", "a field of the query; may be repeated");
    add_switch(app, "-i,--include", given->include, "print status and headers before the body");
    add_text(app, "--idempotency-key", given->key, "KEY",
             "the same key is the same call (default a fresh one, the same for all attempts)");
    add_call_options(app, given->call);
}

void add_publish(CommandLine& line,
                 std::function<int(Context&, const PublishFlags&, const Words&)> run) {
    const auto given = std::make_shared<PublishFlags>();
    auto& app = line.add(
        {.name = "publish",
         .section = "Dapr",
         .summary = "publish an event, or a file of them, to a topic through Dapr",
         .usage = "PUBSUB TOPIC [FILE]",
         .words_min = 2,
         .words_max = 3,
         .examples = {"publish bus orders --type order.paid -d '{\"order\":7}'",
                      "publish bus orders events.jsonl",
                      "publish bus orders --type note -d 7 --metadata partitionKey=ada"},
         .details =
             "An event goes out as a CloudEvent with an id of its own, which stays the same over "
             "all "
             "attempts: subscribers can tell a repeat. FILE, or - for standard input, holds "
             "CloudEvents as for events publish, and goes out in bulk. --raw sends the data alone. "
             "For the log of taskd itself use events publish.",
         .run = [given, run = std::move(run)](Context& context, const Words& words) {
             return run(context, *given, words);
         }});
    add_event_options(app, given->event);
    add_texts(app, "--metadata", given->metadata, "NAME=VALUE",
              "for the broker, such as ttlInSeconds=60; may be repeated");
    add_switch(app, "--raw", given->raw, "send the data without an envelope (rawPayload)");
    add_call_options(app, given->call);
}

}  // namespace

void register_dapr(CommandLine& line, DaprRuns runs) {
    add_invoke(line, std::move(runs.invoke));
    add_publish(line, std::move(runs.publish));
}

int become_taskctl_dapr(Context& context, const CommandLine& line) {
    const auto program = find_program("taskctl-dapr");
    if (!program)
        return context.fail({core::Reason::unavailable,
                             "taskctl-dapr was not found beside taskctl or on PATH",
                             {},
                             "it comes with taskd; install the whole package"});
    Words words = line.arguments();
    std::vector<char*> argv{const_cast<char*>(program->c_str())};
    for (auto& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    context.screen().flush();
    execv(argv[0], argv.data());
    return context.fail({core::Reason::unavailable, *program + " can't be executed", {}, {}});
}

}  // namespace taskd::cli
