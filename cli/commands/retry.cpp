// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/commands.h"
#include "cli/retry_loop.h"
#include "core/span.h"
#include "core/text.h"
#include "ipc/system_random.h"

#include <memory>

namespace taskd::cli {
namespace {

using core::Result;
using std::chrono::milliseconds;

constexpr std::int64_t attempts_max = 1'000'000;

struct Given {
    std::string attempts;
    std::string delay;
    std::string max;
    std::string jitter;
    std::string on;
    std::string deadline;
};

Result<core::Jitter> jitter_from(const std::string& word) {
    if (word == "none") return core::Jitter::none;
    if (word == "full") return core::Jitter::full;
    if (word == "equal") return core::Jitter::equal;
    return core::invalid_argument(
        "jitter", "\"" + core::clipped(word, 32) + "\" is not accepted; use none, equal or full");
}

Result<RetryLoop::Options> options_from(const Given& given, const Words& words) {
    RetryLoop::Options options;
    options.argv = words;
    options.policy = {5, std::chrono::seconds{1}, 2, std::chrono::minutes{1}};
    if (!given.attempts.empty()) {
        const auto number = number_from("attempts", given.attempts, 1, attempts_max);
        if (!number) return tl::unexpected(number.error());
        options.policy.attempts_max = static_cast<int>(*number);
    }
    for (const auto& [field, text, into] :
         {std::tuple("delay", &given.delay, &options.policy.initial),
          std::tuple("max", &given.max, &options.policy.max)}) {
        if (text->empty()) continue;
        const auto span = span_from(field, *text);
        if (!span) return tl::unexpected(span.error());
        *into = *span;
    }
    // A wait that was asked for is not cut by a bound that was not.
    if (given.max.empty())
        options.policy.max = std::max(options.policy.max, options.policy.initial);
    if (!given.jitter.empty()) {
        const auto jitter = jitter_from(given.jitter);
        if (!jitter) return tl::unexpected(jitter.error());
        options.jitter = *jitter;
    }
    if (!given.on.empty()) {
        const auto codes = CodeSet::parse("on", given.on);
        if (!codes) return tl::unexpected(codes.error());
        options.on = *codes;
    }
    if (given.deadline.empty()) return options;
    const auto deadline = span_from("deadline", given.deadline);
    if (!deadline) return tl::unexpected(deadline.error());
    if (deadline->count() == 0)
        return core::invalid_argument("deadline", "0 leaves no time for an attempt");
    options.deadline = *deadline;
    return options;
}

int run(Context& context, const Given& given, const Words& words) {
    try {
        auto options = options_from(given, words);
        if (!options) {
            (void)context.fail(options.error());
            return retry_refused;
        }
        ipc::SystemRandom random;
        return RetryLoop(context, random, std::move(*options)).run();
    } catch (const std::exception& error) {
        (void)context.fail(
            {core::Reason::internal, std::string("internal: ") + error.what(), {}, {}});
        return retry_internal;
    }
}

}  // namespace

void register_retry(CommandLine& line) {
    const auto given = std::make_shared<Given>();
    auto& app = line.add(
        {.name = "retry",
         .section = "Scripts",
         .summary = "run a command again until it succeeds",
         .usage = "-- COMMAND [ARGUMENT...]",
         .words_min = 1,
         .words_max = any_number,
         .examples = {"retry -- curl -fsS https://example.org/health",
                      "retry --attempts 10 --delay 2s --max 30s -- ./deploy",
                      "retry --on 75,100-110 --deadline 10m -- ./fetch < list.txt"},
         .details =
             "Each attempt gets the same standard input, and its number in TASKD_ATTEMPT; no shell "
             "reads COMMAND. A signal goes to the command and ends it all. The exit status is that "
             "of the last attempt; 120 and 123 to 125 are taskctl's own: see taskctl(1).",
         .run = [given](Context& context,
                        const Words& words) { return run(context, *given, words); },
         .usage_status = retry_refused,
         .words_before_command = 0});
    add_filled(app, "--attempts", given->attempts, "N", "so many attempts at most (default 5)");
    add_filled(app, "--delay", given->delay, "SPAN",
               "the wait after the first, doubled after each (default 1s)");
    add_filled(app, "--max", given->max, "SPAN", "the longest wait (default 1m)");
    add_filled(app, "--jitter", given->jitter, "HOW",
               "equal (the default: half of a wait is by chance), full or none");
    add_filled(app, "--on", given->on, "STATUSES",
               "try again after these only, such as 75,100-110");
    add_filled(app, "--deadline", given->deadline, "SPAN",
               "for all of it; a command that runs then is stopped");
}

}  // namespace taskd::cli
