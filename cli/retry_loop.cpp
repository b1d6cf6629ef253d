// SPDX-License-Identifier: Apache-2.0
#include "cli/retry_loop.h"

#include "cli/render.h"
#include "cli/signals.h"
#include "core/span.h"

#include <algorithm>
#include <array>
#include <limits>
#include <poll.h>
#include <unistd.h>

namespace taskd::cli {
namespace {

using std::chrono::milliseconds;

using Descriptors = std::vector<std::pair<int, int>>;

constexpr milliseconds grace{5000};  // from SIGTERM to SIGKILL

std::string in_words(milliseconds span) {
    if (span < std::chrono::seconds{10}) {
        const auto tenths = span.count() / 100;
        return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + "s";
    }
    return core::format_span(std::chrono::round<std::chrono::seconds>(span));
}

}  // namespace

RetryLoop::RetryLoop(Context& context, core::Random& random, Options options)
    : context_(context),
      screen_(context.screen()),
      random_(random),
      options_(std::move(options)),
      signals_(isatty(STDIN_FILENO) != 0) {
    ignore_broken_pipe();  // a command need not read
    if (options_.deadline) deadline_ = Clock::now() + *options_.deadline;
}

int RetryLoop::run() {
    auto input = ReplayedInput::open(STDIN_FILENO);
    if (!input) {
        (void)context_.fail(input.error());
        return retry_internal;
    }
    for (int number = 1;; ++number) {
        const int status = attempt(*input, number);
        if (own_status_ != 0) return own_status_;
        if (signals_.last() != 0) return status;
        const auto span = wait_after(status, number);
        if (!span) return status;
        if (!wait(*span)) return signals_.last() != 0 ? 128 + signals_.last() : status;
    }
}

/// The wait after an attempt; none when it was the last.
std::optional<milliseconds> RetryLoop::wait_after(int status, int attempts) {
    if (status == 0) return {};
    const std::string failed = "attempt " + std::to_string(attempts) + " of " +
                               std::to_string(options_.policy.attempts_max) +
                               " ended with status " + std::to_string(status);
    if (!options_.on.empty() && !options_.on.has(status)) {
        say(failed + ", which --on does not name");
        return {};
    }
    // As after head: it would only be told so again.
    if (status == 128 + SIGPIPE && screen_.reader_gone()) {
        say(failed + ", as nobody reads its output any more");
        return {};
    }
    const auto& policy = options_.policy;
    const auto span = core::next_attempt(policy, attempts, random_.next(), options_.jitter);
    if (!span) {
        say(failed + ", the last");
        return {};
    }
    if (deadline_ && Clock::now() + *span >= *deadline_) {
        say(failed + "; the deadline comes before another one");
        return {};
    }
    say(failed + "; again in " + in_words(*span));
    return span;
}

/// Runs the command once and gives its status.
int RetryLoop::attempt(ReplayedInput& input, int number) {
    const auto given = input.begin();
    if (!given) {
        (void)context_.fail(given.error());
        own_status_ = retry_internal;
        return 0;
    }
    // At a terminal the command stays in taskctl's own group: Ctrl-C and Ctrl-Z reach both.
    auto command =
        CommandRun::start({options_.argv,
                           {{"TASKD_ATTEMPT", std::to_string(number)}},
                           *given < 0 ? Descriptors{} : Descriptors{{*given, STDIN_FILENO}},
                           !signals_.has_terminal()});
    input.started();
    if (!command) {
        (void)context_.fail(command.error());
        own_status_ =
            command.error().reason == core::Reason::internal ? retry_internal : retry_no_command;
        return 0;
    }
    kill_at_.reset();
    for (;;) {
        const auto moving = input.polls();
        std::array<pollfd, 4> polled{
            {{signals_.fd(), POLLIN, 0}, {command->ended(), POLLIN, 0}, moving[0], moving[1]}};
        (void)poll(polled.data(), polled.size(), ms_until(kill_at_ ? kill_at_ : deadline_));
        input.move({polled[2], polled[3]});
        if (!input.fault().empty() && own_status_ == 0) {
            (void)context_.fail({core::Reason::internal, input.fault(), {}, {}});
            own_status_ = retry_internal;
            end(*command);
        }
        signals_.pass_to(&*command);
        if (const auto status = command->collect()) {
            input.end();
            return *status;
        }
        const auto now = Clock::now();
        if (kill_at_ && now >= *kill_at_) {
            command->signal(SIGKILL);
            kill_at_ = now + grace;
        } else if (!kill_at_ && deadline_ && now >= *deadline_) {
            say("the deadline has passed; the command is stopped");
            own_status_ = retry_deadline;
            end(*command);
        }
    }
}

/// Among what the command prints, it says whose words these are.
void RetryLoop::say(const std::string& text) {
    screen_.note("taskctl: " + text);
}

void RetryLoop::end(CommandRun& command) {
    command.signal(SIGTERM);
    kill_at_ = Clock::now() + grace;
}

/// False when a signal came meanwhile.
bool RetryLoop::wait(milliseconds span) {
    const auto until = Clock::now() + span;
    while (signals_.last() == 0 && Clock::now() < until) {
        pollfd item{signals_.fd(), POLLIN, 0};
        (void)poll(&item, 1, ms_until(until));
        signals_.pass_to(nullptr);
    }
    return signals_.last() == 0;
}

int RetryLoop::ms_until(std::optional<Clock::time_point> time) const {
    if (!time) return -1;
    const auto left = std::chrono::ceil<milliseconds>(*time - Clock::now()).count();
    return static_cast<int>(std::clamp<std::int64_t>(left, 0, std::numeric_limits<int>::max()));
}

}  // namespace taskd::cli
