// SPDX-License-Identifier: Apache-2.0
#include "cli/output_relay.h"

#include <climits>

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <system_error>
#include <unistd.h>

namespace taskd::cli {
namespace {

constexpr std::size_t block = 64 * 1024;
// What can be written to a pipe or a terminal that poll() calls writable, without waiting.
constexpr std::size_t at_once = PIPE_BUF;

}  // namespace

void KeptOutput::add(const std::string& stream, std::string_view bytes) {
    bytes_ += static_cast<std::int64_t>(bytes.size());
    if (is_full_) return;
    const auto room = core::run_output_bytes_max - kept_;
    const bool goes_on = !parts_.empty() && parts_.back().stream == stream;
    if (bytes.size() > room || (!goes_on && parts_.size() == core::run_output_parts_max)) {
        // What comes behind a gap would look as if it belonged to what is in front of it.
        is_full_ = true;
        if (!goes_on && parts_.size() == core::run_output_parts_max) return;
        bytes = bytes.substr(0, room);
    }
    if (bytes.empty()) return;
    kept_ += bytes.size();
    if (goes_on)
        parts_.back().bytes += bytes;
    else
        parts_.push_back({stream, std::string(bytes)});
}

OutputRelay::OutputRelay(std::string stream, int to, KeptOutput& kept)
    : stream_(std::move(stream)), to_(to), kept_(kept) {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0)
        throw std::system_error(errno, std::generic_category(), "pipe");
    pipe_ = UniqueFd(ends[0]);
    command_end_ = UniqueFd(ends[1]);
    fcntl(ends[0], F_SETFL, fcntl(ends[0], F_GETFL) | O_NONBLOCK);
}

pollfd OutputRelay::polled() const {
    if (!pending_.empty()) return {to_, POLLOUT, 0};
    return {pipe_.get(), POLLIN, 0};
}

void OutputRelay::move(const pollfd& polled) {
    if (polled.revents == 0) return;
    if (!pending_.empty())
        write_some(at_once);
    else
        (void)read_some();
}

void OutputRelay::drain() {
    // What it left running may go on writing for ever.
    for (int blocks = 0; blocks < 16 && read_some(); ++blocks) {
    }
    pipe_ = UniqueFd();
}

void OutputRelay::flush() {
    while (!pending_.empty()) {
        pollfd item{to_, POLLOUT, 0};
        if (poll(&item, 1, -1) < 0 && errno != EINTR) return;
        write_some(at_once);
    }
}

/// False when there is nothing now, or nothing will come any more.
bool OutputRelay::read_some() {
    if (pipe_.get() < 0) return false;
    std::array<char, block> buffer{};
    const auto count = read(pipe_.get(), buffer.data(), buffer.size());
    if (count < 0) return errno == EINTR;
    if (count == 0) {
        pipe_ = UniqueFd();
        return false;
    }
    const std::string_view bytes(buffer.data(), static_cast<std::size_t>(count));
    kept_.add(stream_, bytes);
    pending_ += bytes;
    return true;
}

void OutputRelay::write_some(std::size_t bytes_max) {
    const auto count = write(to_, pending_.data(), std::min(pending_.size(), bytes_max));
    if (count >= 0) {
        pending_.erase(0, static_cast<std::size_t>(count));
    } else if (errno != EINTR && errno != EAGAIN) {
        if (errno != EPIPE && errno != EBADF) error_ = errno;
        pending_.clear();
        pipe_ = UniqueFd();
    }
}

}  // namespace taskd::cli
