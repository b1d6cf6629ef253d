// SPDX-License-Identifier: Apache-2.0
#include "daemon/outbound/run_output.h"

#include "daemon/outbound/program.h"

#include <array>
#include <cerrno>
#include <sys/socket.h>
#include <utility>

namespace taskd::daemon {
namespace {

constexpr std::size_t output_bytes_max = 16 * 1024;  // of what it printed last
constexpr int reads_after_end = 64;                  // what it left running may write for ever

}  // namespace

RunOutput::RunOutput(UniqueFd pipe, UniqueFd journal)
    : pipe_(std::move(pipe)), journal_(std::move(journal)) {}

bool RunOutput::read_some() {
    if (pipe_.get() < 0) return false;
    std::array<char, 16 * 1024> buffer{};
    const auto got = read(pipe_.get(), buffer.data(), buffer.size());
    if (got <= 0) {
        if (got == 0 || (errno != EAGAIN && errno != EINTR)) pipe_.reset();
        return false;
    }
    const auto size = static_cast<std::size_t>(got);
    if (journal_.get() >= 0)
        (void)!send(journal_.get(), buffer.data(), size, MSG_DONTWAIT | MSG_NOSIGNAL);
    kept_.append(buffer.data(), size);
    if (kept_.size() > 2 * output_bytes_max) keep_last();
    return true;
}

void RunOutput::read_rest() {
    for (int left = reads_after_end; left > 0 && read_some(); --left) {
    }
}

void RunOutput::keep_last() {
    if (kept_.size() <= output_bytes_max) return;
    left_out_ += kept_.size() - output_bytes_max;
    kept_.erase(0, kept_.size() - output_bytes_max);
}

std::string RunOutput::text() {
    keep_last();
    std::string text = readable(kept_, left_out_ > 0 ? Cut::front : Cut::none);
    if (left_out_ > 0) text.insert(0, "[" + std::to_string(left_out_) + " bytes before this]\n");
    return text;
}

}  // namespace taskd::daemon
