// SPDX-License-Identifier: Apache-2.0
// What ConsumeLoop makes of verdicts, ends, lost leases and refusals.
#include "cli/consume_loop.h"
#include "core/text.h"

#include <algorithm>

namespace taskd::cli {
namespace {

std::string event_words(const ipc::Leased& leased) {
    return "event " + std::to_string(leased.event.userseq) + " (" +
           core::clipped(leased.event.type, 64) + ")";
}

}  // namespace

void ConsumeLoop::take_verdicts(Run& run) {
    std::vector<std::string> strange;
    for (const auto& [userseq, verdict] : run.process.read_results(strange)) {
        if (!run.counts) continue;
        if (run.open.erase(userseq) == 0) continue;  // the first word counts
        decide(run, userseq, {verdict, verdict == Verdict::ack ? "" : "the command said so", 0});
    }
    if (strange.empty() || said_strange_) return;
    said_strange_ = true;
    screen_.warn("\"" + core::clipped(strange.front(), 64) +
                 "\" is no verdict; the command may write NUMBER and ack, retry or drop");
}

void ConsumeLoop::collect() {
    for (auto run = runs_.begin(); run != runs_.end();) {
        const auto ended = run->process.collect();
        if (!ended) {
            ++run;
            continue;
        }
        take_verdicts(*run);  // what it wrote last
        conclude(*run, *ended);
        run = runs_.erase(run);
    }
}

void ConsumeLoop::conclude(Run& run, int wait_status) {
    Outcome outcome = outcome_of(wait_status, options_.rules);
    if (!run.counts) outcome = {Verdict::release, {}, 0};
    for (const auto userseq : run.open) decide(run, userseq, outcome);
    if (outcome.stop == 0) return;
    if (status_ == 0) status_ = outcome.stop;
    stopping_ = true;
    leases_->stop_fetching();
    release_waiting();
}

void ConsumeLoop::decide(const Run& run, std::int64_t userseq, const Outcome& outcome) {
    const auto found = std::find_if(run.events.begin(), run.events.end(), [&](const auto& leased) {
        return leased.event.userseq == userseq;
    });
    const auto& leased = *found;
    if (!leases_->holds(leased.fence)) return;
    leases_->settle({userseq, leased.fence}, outcome.verdict, outcome.error);
    if (outcome.verdict == Verdict::ack || outcome.error.empty()) return;
    std::string then = "it is tried again";
    if (outcome.verdict == Verdict::dead) then = "it is a dead letter now";
    if (outcome.verdict == Verdict::release) then = "it goes back, and nothing more is taken";
    if (outcome.verdict == Verdict::retry && options_.attempts_max > 0 &&
        leased.attempt >= options_.attempts_max)
        then = "that was the last attempt, so it is a dead letter now";
    screen_.note(event_words(leased) + ": " + outcome.error + " in attempt " +
                 std::to_string(leased.attempt) + "; " + then);
}

void ConsumeLoop::lost(std::int64_t userseq, bool was_settled) {
    if (was_settled)
        return screen_.warn("event " + std::to_string(userseq) +
                            " was done too late: its lease had ended, so another may do it again");
    waiting_.erase(std::remove_if(waiting_.begin(), waiting_.end(),
                                  [&](const auto& leased) {
                                      return leased.event.userseq == userseq &&
                                             !leases_->holds(leased.fence);
                                  }),
                   waiting_.end());
    for (auto& run : runs_) {
        if (run.open.erase(userseq) == 0) continue;
        screen_.warn("event " + std::to_string(userseq) +
                     ": its lease was lost, so its command is ended");
        end_run(run);
    }
}

void ConsumeLoop::fail(const core::Error& error, int status) {
    if (status_ == 0) {
        screen_.error(error);
        status_ = status;
    }
    stopping_ = true;
    leases_->stop_fetching();
    release_waiting();
}

/// The daemon refused, or is away for too long: nothing that runs can be brought to its end.
void ConsumeLoop::failed(const core::Error& error) {
    fail(error, consume_status(error));
    leases_->give_up();
    waiting_.clear();
    for (auto& run : runs_) end_run(run);
}

void ConsumeLoop::say_summary() {
    std::string text = std::to_string(acked_) + " acknowledged";
    if (retried_ > 0) text += ", " + std::to_string(retried_) + " to be tried again";
    if (dead_ > 0) text += ", " + counted(dead_, "dead letter", "dead letters");
    if (released_ > 0) text += ", " + std::to_string(released_) + " given back";
    screen_.note(text);
}

int consume_status(const core::Error& error) {
    switch (error.reason) {
    case core::Reason::unavailable:
    case core::Reason::deadline_exceeded:
    case core::Reason::unknown:
    case core::Reason::resource_exhausted:
        return consume_no_daemon;
    case core::Reason::not_found:
    case core::Reason::failed_precondition:
    case core::Reason::conflict:
        return consume_no_group;
    case core::Reason::data_loss:
        return consume_data_loss;
    case core::Reason::invalid_argument:
    case core::Reason::permission_denied:
    case core::Reason::unauthenticated:
        return consume_refused;
    case core::Reason::internal:
        break;
    }
    return consume_internal;
}

}  // namespace taskd::cli
