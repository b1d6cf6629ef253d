// SPDX-License-Identifier: Apache-2.0
#include "cli/input_file.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace taskd::cli {

core::Result<InputFile> InputFile::open(const std::string& field, const std::string& path) {
    if (path == "-") return InputFile(field, "standard input", STDIN_FILENO);
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return core::invalid_argument(field, path + ": " + std::strerror(errno),
                                      "- reads standard input");
    InputFile file(field, path, fd);
    struct stat status {};
    if (fstat(fd, &status) == 0 && S_ISDIR(status.st_mode))
        return core::invalid_argument(field, path + " is a directory");
    return file;
}

InputFile::InputFile(InputFile&& other) noexcept
    : field_(std::move(other.field_)),
      path_(std::move(other.path_)),
      fd_(std::exchange(other.fd_, -1)),
      error_(std::move(other.error_)) {}

InputFile::~InputFile() {
    if (fd_ > STDERR_FILENO) close(fd_);
}

std::size_t InputFile::read(char* into, std::size_t size) {
    ssize_t count = 0;
    do {
        count = ::read(fd_, into, size);
    } while (count < 0 && errno == EINTR);
    if (count < 0) error_ = path_ + ": " + std::strerror(errno);
    return count < 0 ? 0 : static_cast<std::size_t>(count);
}

bool InputFile::ready() const {
    pollfd item{fd_, POLLIN, 0};
    return poll(&item, 1, 0) > 0;
}

core::Result<std::string> InputFile::all(std::size_t bytes_max) {
    std::string text;
    for (;;) {
        const std::size_t before = text.size();
        text.resize(before + 64 * 1024);
        const std::size_t count = read(text.data() + before, text.size() - before);
        text.resize(before + count);
        if (count == 0) break;
        if (text.size() > bytes_max)
            return core::invalid_argument(
                field_, path_ + " is longer than " + std::to_string(bytes_max / 1024) + " KiB");
    }
    if (!error_.empty()) return core::invalid_argument(field_, error_);
    return text;
}

}  // namespace taskd::cli
