// SPDX-License-Identifier: Apache-2.0
#include "cli/replayed_input.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <string>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace taskd::cli {
namespace {

constexpr std::size_t block = 64 * 1024;

core::Error no_room(const char* what) {
    return {core::Reason::internal,
            std::string("standard input can't be kept for another attempt: ") + what,
            {},
            "TMPDIR says where it is kept; < /dev/null gives the command none"};
}

/// A file without a name.
UniqueFd temporary_file() {
    const char* const folder = std::getenv("TMPDIR");
    const int fd = ::open(folder != nullptr && *folder != '\0' ? folder : "/tmp",
                          O_TMPFILE | O_RDWR | O_CLOEXEC, S_IRUSR | S_IWUSR);
    return UniqueFd(fd >= 0 ? fd : memfd_create("taskctl-input", MFD_CLOEXEC));
}

}  // namespace

core::Result<ReplayedInput> ReplayedInput::open(int source) {
    ReplayedInput input;
    struct stat status {};
    if (fstat(source, &status) != 0) return input;  // closed
    input.source_ = source;
    if (S_ISREG(status.st_mode)) {
        input.kind_ = Kind::file;
        input.start_ = lseek(source, 0, SEEK_CUR);
    } else if (S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode)) {
        input.kind_ = Kind::stream;
        input.kept_ = temporary_file();
        if (input.kept_.get() < 0) return tl::unexpected(no_room(std::strerror(errno)));
    }
    return input;
}

core::Result<int> ReplayedInput::begin() {
    if (kind_ == Kind::file) (void)lseek(source_, start_, SEEK_SET);
    if (kind_ != Kind::stream) return source_;
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) return tl::unexpected(no_room(std::strerror(errno)));
    command_ = UniqueFd(ends[0]);
    pipe_ = UniqueFd(ends[1]);
    fcntl(pipe_.get(), F_SETFL, fcntl(pipe_.get(), F_GETFL) | O_NONBLOCK);
    given_ = 0;
    return command_.get();
}

std::array<pollfd, 2> ReplayedInput::polls() const {
    const bool has_block = given_ < kept_size_;
    // Of the pipe at least its end is heard of.
    const bool is_wanted = !has_block && !has_ended_ && pipe_.get() >= 0 && fault_.empty();
    const short writing = has_block ? short{POLLOUT} : short{0};
    return {{{is_wanted ? source_ : -1, POLLIN, 0}, {pipe_.get(), writing, 0}}};
}

void ReplayedInput::move(const std::array<pollfd, 2>& polled) {
    if (pipe_.get() < 0 || !fault_.empty()) return;
    if ((polled[1].revents & (POLLERR | POLLHUP | POLLNVAL)) != 0) return pipe_.reset();
    if (polled[0].revents != 0) read_source();
    if (given_ < kept_size_) write_command();
    end_if_all_is_given();
}

void ReplayedInput::started() {
    command_.reset();
    end_if_all_is_given();
}

void ReplayedInput::end_if_all_is_given() {
    if (has_ended_ && given_ >= kept_size_) pipe_.reset();
}

void ReplayedInput::read_source() {
    std::array<char, block> bytes{};
    const auto count = read(source_, bytes.data(), bytes.size());
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) return;
    if (count <= 0) {
        has_ended_ = true;
        return;
    }
    for (ssize_t done = 0; done < count;) {
        const auto part = pwrite(kept_.get(), bytes.data() + done,
                                 static_cast<std::size_t>(count - done), kept_size_ + done);
        if (part < 0 && errno == EINTR) continue;
        if (part <= 0) {
            fault_ = no_room(std::strerror(errno)).message;
            return;
        }
        done += part;
    }
    kept_size_ += count;
}

void ReplayedInput::write_command() {
    std::array<char, block> bytes{};
    const auto wanted = std::min<std::int64_t>(kept_size_ - given_, block);
    const auto count = pread(kept_.get(), bytes.data(), static_cast<std::size_t>(wanted), given_);
    if (count <= 0) return pipe_.reset();
    const auto written = write(pipe_.get(), bytes.data(), static_cast<std::size_t>(count));
    if (written > 0) given_ += written;
    // EPIPE: it does not want to read on, which is its own affair.
    if (written < 0 && errno != EAGAIN && errno != EINTR) pipe_.reset();
}

}  // namespace taskd::cli
