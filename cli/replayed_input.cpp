// SPDX-License-Identifier: Apache-2.0
#include "cli/replayed_input.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <string>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace taskd::cli {
namespace {

// What fits into the smallest pipe, whatever the size of the machine's pages.
constexpr int page = 4096;

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

/// Whether one can look at what comes without taking it. A message would be taken whole.
bool can_be_shown(int source, mode_t mode) {
    if (S_ISFIFO(mode)) return (fcntl(source, F_GETFL) & O_ACCMODE) != O_WRONLY;
    int type = 0;
    socklen_t size = sizeof type;
    return S_ISSOCK(mode) && getsockopt(source, SOL_SOCKET, SO_TYPE, &type, &size) == 0 &&
           type == SOCK_STREAM;
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
    } else if (can_be_shown(source, status.st_mode)) {
        input.kind_ = S_ISFIFO(status.st_mode) ? Kind::pipe : Kind::socket;
        input.kept_ = temporary_file();
        if (input.kept_.get() < 0) return tl::unexpected(no_room(std::strerror(errno)));
    }
    return input;
}

core::Result<int> ReplayedInput::begin() {
    if (kind_ == Kind::file) (void)lseek(source_, start_, SEEK_SET);
    if (kind_ == Kind::file || kind_ == Kind::as_it_is) return source_;
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) return tl::unexpected(no_room(std::strerror(errno)));
    command_ = UniqueFd(ends[0]);
    pipe_ = UniqueFd(ends[1]);
    // Of one page, which poll() calls writable when it is empty.
    if (fcntl(pipe_.get(), F_SETPIPE_SZ, page) < 0)
        return tl::unexpected(no_room(std::strerror(errno)));
    fcntl(pipe_.get(), F_SETFL, fcntl(pipe_.get(), F_GETFL) | O_NONBLOCK);
    given_ = 0;
    shown_ = 0;
    is_empty_ = true;
    return command_.get();
}

void ReplayedInput::end() {
    take_what_was_read();
    pipe_.reset();
}

std::array<pollfd, 2> ReplayedInput::polls() const {
    const bool goes_on = pipe_.get() >= 0 && fault_.empty();
    const bool wants_source = goes_on && is_empty_ && !replays();
    // Of the pipe at least its end is heard of.
    const short writing = wants_source ? short{0} : short{POLLOUT};
    return {{{wants_source ? source_ : -1, POLLIN, 0}, {goes_on ? pipe_.get() : -1, writing, 0}}};
}

void ReplayedInput::move(const std::array<pollfd, 2>& polled) {
    if (pipe_.get() < 0 || !fault_.empty()) return;
    if ((polled[1].revents & (POLLERR | POLLHUP | POLLNVAL)) != 0) return end();
    if ((polled[1].revents & POLLOUT) != 0) {
        take_what_was_read();
        is_empty_ = true;
    }
    if (!is_empty_ || !fault_.empty()) return;
    if (replays())
        give_kept();
    else if (polled[0].revents != 0)
        show_source();
}

void ReplayedInput::take_what_was_read() {
    if (shown_ == 0 || pipe_.get() < 0) return;
    int left = 0;
    if (ioctl(pipe_.get(), FIONREAD, &left) != 0) return fail(errno);
    const auto count = shown_ - std::min<std::int64_t>(shown_, left);
    shown_ = 0;
    keep(count);
}

/// Takes so much off the source, which has it.
void ReplayedInput::keep(std::int64_t count) {
    std::array<char, page> bytes{};
    while (count > 0) {
        // Another reader may have been faster; it must not be waited for what it took.
        pollfd item{source_, POLLIN, 0};
        if (poll(&item, 1, 0) <= 0) return;
        const auto wanted = static_cast<std::size_t>(std::min<std::int64_t>(count, page));
        const auto got = read(source_, bytes.data(), wanted);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return;
        for (ssize_t done = 0; done < got;) {
            const auto part = pwrite(kept_.get(), bytes.data() + done,
                                     static_cast<std::size_t>(got - done), kept_size_ + done);
            if (part < 0 && errno == EINTR) continue;
            if (part <= 0) return fail(errno);
            done += part;
        }
        kept_size_ += got;
        given_ += got;
        count -= got;
    }
}

void ReplayedInput::give_kept() {
    std::array<char, page> bytes{};
    const auto wanted = std::min<std::int64_t>(kept_size_ - given_, page);
    const auto count = pread(kept_.get(), bytes.data(), static_cast<std::size_t>(wanted), given_);
    if (count <= 0) return fail(count < 0 ? errno : EIO);
    const auto written = write(pipe_.get(), bytes.data(), static_cast<std::size_t>(count));
    if (written > 0) {
        given_ += written;
        is_empty_ = false;
    } else if (errno != EAGAIN && errno != EINTR) {
        pipe_.reset();  // EPIPE: it does not want to read on, which is its own affair
    }
}

void ReplayedInput::show_source() {
    const auto count =
        kind_ == Kind::socket ? show_socket() : tee(source_, pipe_.get(), page, SPLICE_F_NONBLOCK);
    if (count > 0) {
        shown_ = count;
        is_empty_ = false;
    } else if (count == 0 || errno == EPIPE) {
        pipe_.reset();  // the end of the source, or of its reader
    } else if (errno != EAGAIN && errno != EINTR) {
        fail(errno);
    }
}

/// As tee(2).
std::int64_t ReplayedInput::show_socket() {
    std::array<char, page> bytes{};
    const auto count = recv(source_, bytes.data(), bytes.size(), MSG_PEEK | MSG_DONTWAIT);
    if (count < 0 && errno == ECONNRESET) return 0;
    if (count <= 0) return count;
    return write(pipe_.get(), bytes.data(), static_cast<std::size_t>(count));
}

void ReplayedInput::fail(int why) {
    fault_ = no_room(std::strerror(why)).message;
}

}  // namespace taskd::cli
