// SPDX-License-Identifier: Apache-2.0
#include "cli/consume_runner.h"

#include "cli/spawn.h"
#include "core/text.h"
#include "ipc/json.h"

#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

namespace taskd::cli {
namespace {

constexpr int results_fd = 3;  // in the command; TASKD_RESULTS_FD says so
constexpr std::size_t verdict_bytes_max = 128;

struct Pipe {
    UniqueFd read;
    UniqueFd write;
};
Pipe make_pipe() {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0)
        throw std::system_error(errno, std::generic_category(), "pipe");
    return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

void do_not_block(int fd) {
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

}  // namespace

std::map<std::string, std::string> consume_variables(const ConsumeCommand& command,
                                                     const std::vector<ipc::Leased>& events) {
    std::map<std::string, std::string> variables{{"TASKD_GROUP", command.group},
                                                 {"TASKD_RESULTS_FD", std::to_string(results_fd)}};
    if (command.batch) {
        variables["TASKD_EVENT_COUNT"] = std::to_string(events.size());
        return variables;
    }
    const auto& [event, fence, attempt, until] = events.front();
    variables["TASKD_EVENT_ID"] = event.id;
    variables["TASKD_EVENT_TYPE"] = event.type;
    variables["TASKD_EVENT_SOURCE"] = event.source;
    variables["TASKD_EVENT_SUBJECT"] = event.subject;
    variables["TASKD_EVENT_SEQ"] = std::to_string(event.userseq);
    variables["TASKD_ATTEMPT"] = std::to_string(attempt);
    variables["TASKD_FENCE"] = std::to_string(fence);
    variables["TASKD_IDEMPOTENCY_KEY"] = command.group + "/" + std::to_string(event.userseq);
    return variables;
}

core::Result<ConsumeRun> ConsumeRun::start(const ConsumeCommand& command,
                                           const std::vector<ipc::Leased>& events) {
    std::string text;
    for (const auto& leased : events) text += ipc::to_text(leased.event) + "\n";
    Pipe input = make_pipe();
    Pipe results = make_pipe();
    const auto pid = spawn({command.argv,
                            consume_variables(command, events),
                            {{input.read.get(), STDIN_FILENO}, {results.write.get(), results_fd}}});
    if (!pid) return tl::unexpected(pid.error());
    do_not_block(input.write.get());
    do_not_block(results.read.get());
    return ConsumeRun(*pid, std::move(input.write), std::move(results.read), std::move(text));
}

void ConsumeRun::write_input() {
    while (input_.get() >= 0 && written_ < text_.size()) {
        const ssize_t count = write(input_.get(), text_.data() + written_, text_.size() - written_);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0 && errno == EAGAIN) return;
        if (count < 0) break;  // EPIPE: it does not want to read, which is its own affair
        written_ += static_cast<std::size_t>(count);
    }
    input_.reset();
}

std::vector<WrittenVerdict> ConsumeRun::read_results(std::vector<std::string>& strange) {
    std::vector<WrittenVerdict> verdicts;
    std::array<char, 4096> bytes{};
    while (results_.get() >= 0) {
        const ssize_t count = read(results_.get(), bytes.data(), bytes.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0 && errno == EAGAIN) return verdicts;
        if (count <= 0) results_.reset();
        for (ssize_t i = 0; i < count; ++i) {
            const char byte = bytes.at(static_cast<std::size_t>(i));
            if (byte != '\n') {
                if (line_.size() < verdict_bytes_max)
                    line_ += byte;
                else
                    line_too_long_ = true;
                continue;
            }
            const auto verdict = line_too_long_ ? std::nullopt : verdict_from(line_);
            if (verdict)
                verdicts.push_back(*verdict);
            else if (!core::trim(line_).empty())
                strange.push_back(line_);
            line_.clear();
            line_too_long_ = false;
        }
    }
    if (const auto verdict = verdict_from(line_)) verdicts.push_back(*verdict);
    line_.clear();
    return verdicts;
}

std::optional<int> ConsumeRun::collect() {
    siginfo_t info{};
    if (waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
        info.si_pid != pid_)
        return {};
    // Its number is its own until it is collected: what it left behind can still be told apart.
    if (ended_by_us_) (void)kill(-pid_, SIGKILL);
    int status = 0;
    while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    return status;
}

void ConsumeRun::signal(int number) {
    ended_by_us_ = true;
    (void)kill(-pid_, number);
}

std::optional<WrittenVerdict> verdict_from(std::string_view line) {
    const auto words = core::words_of(line);
    if (words.size() != 2) return {};
    std::int64_t number = 0;
    const char* end = words[0].data() + words[0].size();
    const auto [stop, error] = std::from_chars(words[0].data(), end, number);
    if (error != std::errc{} || stop != end || number < 1) return {};
    if (words[1] == "ack") return WrittenVerdict{number, Verdict::ack};
    if (words[1] == "retry") return WrittenVerdict{number, Verdict::retry};
    if (words[1] == "drop") return WrittenVerdict{number, Verdict::dead};
    return {};
}

}  // namespace taskd::cli
