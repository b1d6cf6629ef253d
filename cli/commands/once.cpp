// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/commands.h"
#include "cli/once_loop.h"
#include "cli/process_name.h"
#include "core/consumer.h"
#include "core/span.h"
#include "core/text.h"

#include <memory>

namespace taskd::cli {
namespace {

using core::Result;

constexpr std::int64_t ttl_ms_max = std::int64_t{366} * 24 * 3'600'000;

struct Given {
    std::string ttl;
    std::string lease;
    bool retry_failed = false;
    bool no_wait = false;
};

Result<OnceLoop::Options> options_from(const Given& given, const Words& words) {
    OnceLoop::Options options;
    auto& request = options.request;
    request.key = words[0];
    request.command.assign(words.begin() + 1, words.end());
    request.holder = process_name();
    request.retry_failed = given.retry_failed;
    options.waits = !given.no_wait;
    for (const auto& [field, text, most, into] :
         {std::tuple("ttl", &given.ttl, ttl_ms_max, &request.ttl),
          std::tuple("lease", &given.lease, core::lease_ms_max, &request.lease)}) {
        if (text->empty()) continue;
        const auto span = span_from(field, *text);
        if (!span) return tl::unexpected(span.error());
        const std::chrono::seconds longest = most / 1000 * std::chrono::seconds{1};
        if (span->count() == 0 || *span > longest)
            return core::invalid_argument(field, "\"" + core::clipped(*text, 64) +
                                                     "\" is not accepted; use 1s to " +
                                                     core::format_span(longest));
        *into = *span;
    }
    if (auto good = core::check_run(request); !good) return tl::unexpected(good.error());
    return options;
}

int run(Context& context, const Given& given, const Words& words) {
    try {
        auto options = options_from(given, words);
        if (!options) {
            (void)context.fail(options.error());
            return once_refused;
        }
        return OnceLoop(context, std::move(*options)).run();
    } catch (const std::exception& error) {
        (void)context.fail(
            {core::Reason::internal, std::string("internal: ") + error.what(), {}, {}});
        return once_internal;
    }
}

}  // namespace

void register_once(CommandLine& line) {
    const auto given = std::make_shared<Given>();
    auto& app = line.add(
        {.name = "once",
         .section = "Scripts",
         .summary = "run a command once for its key, and replay it after that",
         .usage = "KEY -- COMMAND [ARGUMENT...]",
         .words_min = 2,
         .words_max = any_number,
         .examples = {"once deploy-v42 -- ./deploy v42",
                      "once --retry-failed backup-2026-11-28 -- ./backup",
                      "once --no-wait --lease 1m import -- sh -c './fetch | ./load'"},
         .details =
             "The first call runs COMMAND and records its status and what it prints, up to 1 "
             "MiB; later ones print that again and end with the same status. A call meanwhile "
             "waits for the result, without --timeout for ever. A holder that dies loses its "
             "lease at its end, or by taskctl once forget --force KEY, and the next call runs "
             "COMMAND with a higher number in TASKD_FENCE. Another COMMAND under the same KEY "
             "is a conflict. The exit status is that of COMMAND; 120 to 125 are taskctl's own: "
             "see taskctl(1).",
         .run = [given](Context& context,
                        const Words& words) { return run(context, *given, words); },
         .usage_status = once_refused,
         .words_before_command = 1});
    add_filled(app, "--ttl", given->ttl, "SPAN", "how long the result is kept (default 7d)");
    add_filled(app, "--lease", given->lease, "SPAN",
               "a holder that was not heard of for so long is dead (default 10m)");
    add_switch(app, "--retry-failed", given->retry_failed,
               "run it again if it ended with another status than 0");
    add_switch(app, "--no-wait", given->no_wait, "end with 123 while somebody else runs it");
}

}  // namespace taskd::cli
