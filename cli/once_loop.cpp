// SPDX-License-Identifier: Apache-2.0
#include "cli/once_loop.h"

#include "cli/consume_runner.h"
#include "cli/patient_call.h"
#include "cli/render.h"
#include "cli/signals.h"
#include "cli/times.h"
#include "core/text.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

namespace taskd::cli {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds look_again{20'000};  // while somebody else runs it
const std::atomic<bool> patient{false};

/// False when it can't be written, and not because nobody reads it.
bool write_all(int to, std::string_view bytes) {
    while (!bytes.empty()) {
        const auto count = write(to, bytes.data(), bytes.size());
        if (count < 0 && errno == EAGAIN) {
            pollfd item{to, POLLOUT, 0};
            (void)poll(&item, 1, -1);
            continue;
        }
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return errno == EPIPE || errno == EBADF;
        bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
}

bool is_same_file(int one, int other) {
    struct stat a {};
    struct stat b {};
    return fstat(one, &a) == 0 && fstat(other, &b) == 0 && a.st_dev == b.st_dev &&
           a.st_ino == b.st_ino && !S_ISCHR(a.st_mode);
}

std::string in_quotes(const std::string& key) {
    return "\"" + visible(core::clipped(key, 64)) + "\"";
}

std::string running(const core::Run& run, const core::TimeZone& zone) {
    return in_quotes(run.key) + " is being run by " + visible(run.holder) + " since " +
           stamp(run.started, zone) + ", with a lease until " + stamp(run.until, zone);
}

std::string forget_words(const core::Run& run) {
    return "taskctl once forget --force " + visible(shell_words({run.key}));
}

/// The holders of the runs that this process is a part of, with spaces between.
std::string outer_holders() {
    // taskctl starts no thread that changes the environment.
    const char* value = std::getenv("TASKD_ONCE_HOLDER");
    return value == nullptr ? "" : value;
}

std::string holders_with(const std::string& holder) {
    const auto outer = outer_holders();
    return outer.empty() ? holder : outer + " " + holder;
}

}  // namespace

int once_status(const core::Error& error) {
    switch (error.reason) {
    case core::Reason::unavailable:
    case core::Reason::deadline_exceeded:
    case core::Reason::unknown:
        return once_no_daemon;
    case core::Reason::conflict:
        return once_other_command;
    case core::Reason::internal:
    case core::Reason::data_loss:
        return once_internal;
    default:
        return once_refused;
    }
}

OnceLoop::OnceLoop(Context& context, Options options)
    : context_(context), screen_(context.screen()), options_(std::move(options)) {
    ignore_broken_pipe();
}

int OnceLoop::run() {
    auto client = context_.client();
    if (!client) return refuse(client.error());
    client_.emplace(std::move(*client));
    bool was_told = false;
    const auto begun = Clock::now();
    for (;;) {
        const auto claimed = claim();
        if (!claimed) return refuse(claimed.error());
        if (claimed->granted) return run_command(claimed->run);
        if (claimed->run.state != core::RunState::running) return replay(*claimed);
        const auto& patience = context_.settings().patience;
        const bool has_patience =
            options_.waits && !(patience && Clock::now() >= begun + *patience);
        if (const auto status = refuse_to_wait(claimed->run, has_patience)) return *status;
        if (!was_told)
            say(running(claimed->run, context_.zone()) +
                "; waiting for its result (if it is dead: " + forget_words(claimed->run) + ")");
        was_told = true;
        options_.request.retry_failed = false;  // what is waited for counts
        const auto until = patience ? begun + *patience : Clock::time_point::max();
        if (auto waited = wait_for_end(claimed->head, until); !waited)
            return refuse(waited.error());
    }
}

core::Result<ipc::RunClaimed> OnceLoop::claim() {
    return patient_call(*client_, ipc::RunClaim{options_.request}, context_.settings().timeout,
                        patient);
}

/// Until something is told of the key, or for a while.
core::Result<void> OnceLoop::wait_for_end(std::int64_t head, Clock::time_point latest) {
    ipc::EventRead read;
    read.after = head;
    read.types = {"run.*"};
    const auto until = std::min(latest, Clock::now() + look_again);
    for (;;) {
        const auto left = std::chrono::duration_cast<milliseconds>(until - Clock::now());
        if (left <= milliseconds{0}) return {};
        read.wait_ms = std::min(left, context_.settings().timeout / 2).count();
        const auto page = patient_call(*client_, read, context_.settings().timeout, patient);
        // More callers wait than may be parked; this one looks again by itself.
        if (!page && page.error().reason == core::Reason::resource_exhausted) return {};
        if (!page) return tl::unexpected(page.error());
        for (const auto& event : page->events)
            if (event.subject == options_.request.key) return {};
        read.after = page->next;
    }
}

/// The status to end with where nobody is to wait for a run.
std::optional<int> OnceLoop::refuse_to_wait(const core::Run& run, bool has_patience) {
    if (!has_patience) {
        (void)context_.fail({core::Reason::failed_precondition,
                             running(run, context_.zone()),
                             {},
                             forget_words(run) + ", if it is known to be dead"});
        return once_busy;
    }
    const auto outer = core::split(outer_holders(), ' ');
    if (std::find(outer.begin(), outer.end(), run.holder) == outer.end()) return {};
    (void)context_.fail({core::Reason::failed_precondition,
                         in_quotes(run.key) +
                             " is being run by a command that this one is a part of; to wait for "
                             "it would never end",
                         {},
                         "use another KEY inside of it, or --no-wait"});
    return once_refused;
}

/// Among what the command prints, it says whose words these are.
void OnceLoop::say(const std::string& text) {
    screen_.note("taskctl: " + text);
}

int OnceLoop::refuse(const core::Error& error) {
    (void)context_.fail(error);
    return once_status(error);
}

int OnceLoop::unwritten(int why) {
    (void)context_.fail(
        {core::Reason::internal,
         std::string("what the command printed can't be written: ") + std::strerror(why),
         {},
         "its result is kept: taskctl once status KEY"});
    return once_internal;
}

int OnceLoop::replay(const ipc::RunClaimed& claimed) {
    std::int64_t kept = 0;
    for (const auto& [stream, bytes] : claimed.output) {
        if (!write_all(stream == "stdout" ? STDOUT_FILENO : STDERR_FILENO, bytes))
            return unwritten(errno);
        kept += static_cast<std::int64_t>(bytes.size());
    }
    const auto& run = claimed.run;
    if (run.output_bytes > kept)
        say("the rest of its output, " + counted(run.output_bytes - kept, "byte", "bytes") +
            ", was not kept");
    say("replayed: " + in_quotes(run.key) + " was run " +
        stamp(run.finished.value_or(run.started), context_.zone()) + " with status " +
        std::to_string(run.status) + "; nothing was run again" +
        (run.status == 0 ? "" : ", which --retry-failed would do"));
    return run.status;
}

int OnceLoop::run_command(const core::Run& run) {
    fence_ = run.fence;
    if (const auto good = check_runnable(run.command.front()); !good) {
        give_back();
        (void)context_.fail(good.error());
        return once_no_command;
    }
    std::optional<CommandSignals> signals;
    signals.emplace(isatty(STDIN_FILENO) != 0);
    OutputRelay out("stdout", STDOUT_FILENO, kept_);
    OutputRelay err("stderr", STDERR_FILENO, kept_);
    // What goes to one place goes through one pipe, which keeps its order.
    const int err_end =
        is_same_file(STDOUT_FILENO, STDERR_FILENO) ? out.command_end() : err.command_end();
    const auto begun = Clock::now();
    extend_at_ = begun + options_.request.lease / 3;
    auto command =
        CommandRun::start({options_.request.command,
                           {{"TASKD_ONCE_KEY", run.key},
                            {"TASKD_ONCE_HOLDER", holders_with(run.holder)},
                            {"TASKD_FENCE", std::to_string(fence_)}},
                           {{out.command_end(), STDOUT_FILENO}, {err_end, STDERR_FILENO}},
                           !signals->has_terminal()});
    if (!command) {
        (void)context_.fail(command.error());
        give_back();
        return command.error().reason == core::Reason::internal ? once_internal : once_no_command;
    }
    out.started();
    err.started();
    std::optional<int> status;
    while (!status) {
        std::array<pollfd, 5> polled{{{signals->fd(), POLLIN, 0},
                                      {command->ended(), POLLIN, 0},
                                      out.polled(),
                                      err.polled(),
                                      {extending_ ? extend_thread_->fd() : -1, POLLIN, 0}}};
        const auto left = std::chrono::ceil<milliseconds>(extend_at_ - Clock::now());
        (void)poll(polled.data(), polled.size(),
                   extending_ || is_lost_ ? -1 : std::max(0, static_cast<int>(left.count())));
        out.move(polled[2]);
        err.move(polled[3]);
        signals->pass_to(&*command);
        if (polled[4].revents != 0) extend_thread_->run_results();
        extend_when_due();
        status = command->collect();
    }
    out.drain();
    err.drain();
    const int result = finish(*status, begun);
    signals.reset();  // a reader that does not read may keep what is left for ever
    out.flush();
    err.flush();
    for (const int why : {out.error(), err.error()})
        if (why != 0 && result != once_internal) return unwritten(why);
    return result;
}

/// Nothing was run: the key is free again.
void OnceLoop::give_back() {
    (void)patient_call(*client_, ipc::RunForget{options_.request.key, fence_},
                       context_.settings().timeout, patient);
}

/// In good time, so that a lease of a holder that lives does not run out.
void OnceLoop::extend_when_due() {
    if (extending_ || is_lost_ || Clock::now() < extend_at_) return;
    extend_at_ = Clock::now() + options_.request.lease / 3;
    if (!extend_thread_) {
        auto client = context_.client();
        if (!client) return;
        extend_client_.emplace(std::move(*client));
        extend_thread_ = std::make_unique<CallThread>();
    }
    extending_ = true;
    extend_thread_->post([this]() -> CallThread::Result {
        auto answer = patient_call(*extend_client_, ipc::RunExtend{options_.request.key, fence_},
                                   context_.settings().timeout, has_ended_);
        return [this, answer = std::move(answer)] {
            extending_ = false;
            if (answer || (answer.error().reason != core::Reason::failed_precondition &&
                           answer.error().reason != core::Reason::not_found))
                return;
            is_lost_ = true;
            screen_.warn("the lease is lost, and the command goes on: " + answer.error().message);
        };
    });
}

/// Has the result recorded, and gives the status to end with.
int OnceLoop::finish(int status, Clock::time_point begun) {
    has_ended_ = true;
    extend_thread_.reset();
    ipc::RunFinish request;
    request.key = options_.request.key;
    request.fence = fence_;
    request.status = status;
    request.took_ms = std::chrono::duration_cast<milliseconds>(Clock::now() - begun).count();
    request.output_bytes = kept_.bytes();
    request.output = kept_.parts();
    // As long as nobody else can have the run.
    const auto patience = std::max(context_.settings().timeout, options_.request.lease);
    const auto answer = patient_call(*client_, request, patience, patient);
    if (answer) return status;
    core::Error error = answer.error();
    error.message = "the command ended with status " + std::to_string(status) +
                    ", but this was not recorded: " + error.message;
    (void)context_.fail(error);
    return once_internal;
}

}  // namespace taskd::cli
