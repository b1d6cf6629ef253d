// SPDX-License-Identifier: Apache-2.0
#include "cli/output_file.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>
#include <utility>

namespace taskd::cli {
namespace {

constexpr std::size_t buffer_bytes = 256 * 1024;

tl::unexpected<core::Error> already_there(const std::string& path) {
    return core::failed_precondition("file", path + " is there already",
                                     "name another file, or replace it with --force");
}

}  // namespace

core::Result<OutputFile> OutputFile::create(const std::string& path, bool replaces) {
    if (!replaces && access(path.c_str(), F_OK) == 0) return already_there(path);
    std::string beside = path + ".XXXXXX";
    const int fd = mkostemp(beside.data(), O_CLOEXEC);  // 0600
    if (fd < 0) return core::invalid_argument("file", path + ": " + std::strerror(errno));
    return OutputFile(path, std::move(beside), fd, replaces);
}

OutputFile::OutputFile(OutputFile&& other) noexcept
    : path_(std::move(other.path_)),
      beside_(std::exchange(other.beside_, {})),
      fd_(std::exchange(other.fd_, -1)),
      replaces_(other.replaces_),
      buffer_(std::move(other.buffer_)) {}

OutputFile::~OutputFile() {
    if (fd_ >= 0) close(fd_);
    if (!beside_.empty()) (void)unlink(beside_.c_str());
}

core::Result<void> OutputFile::drain() {
    std::string_view left = buffer_;
    while (!left.empty()) {
        const ssize_t count = ::write(fd_, left.data(), left.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0)
            return tl::unexpected(core::Error{
                core::Reason::resource_exhausted, path_ + ": " + std::strerror(errno), "file", {}});
        left.remove_prefix(static_cast<std::size_t>(count));
    }
    buffer_.clear();
    return {};
}

core::Result<void> OutputFile::write(std::string_view text) {
    buffer_ += text;
    return buffer_.size() < buffer_bytes ? core::Result<void>() : drain();
}

core::Result<void> OutputFile::finish() {
    if (auto drained = drain(); !drained) return drained;
    if (fsync(fd_) != 0 && errno != EINVAL)
        return core::failed_precondition("file", path_ + ": " + std::strerror(errno));
    // A link is refused where the name is taken, also if it was not a moment ago.
    const bool done = replaces_ ? std::rename(beside_.c_str(), path_.c_str()) == 0
                                : link(beside_.c_str(), path_.c_str()) == 0;
    if (!done && errno == EEXIST) return already_there(path_);
    if (!done) return core::failed_precondition("file", path_ + ": " + std::strerror(errno));
    if (replaces_) beside_.clear();
    return {};
}

}  // namespace taskd::cli
