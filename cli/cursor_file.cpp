// SPDX-License-Identifier: Apache-2.0
#include "cli/cursor_file.h"

#include "core/text.h"

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

namespace taskd::cli {

core::Result<std::optional<std::int64_t>> CursorFile::read() const {
    const int fd = open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT) return std::optional<std::int64_t>();
    std::array<char, 64> bytes{};  // a number has 19 digits at most
    const auto size = fd < 0 ? -1 : ::read(fd, bytes.data(), bytes.size());
    const int why = errno;
    if (fd >= 0) close(fd);
    if (size < 0) return core::invalid_argument("cursor", path_ + ": " + std::strerror(why));
    const std::string_view raw(bytes.data(), static_cast<std::size_t>(size));
    const std::string_view text = core::trim(raw);
    std::int64_t number = -1;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (text.empty() || error != std::errc{} || end != text.data() + text.size() || number < 0 ||
        raw.size() == bytes.size())
        return core::invalid_argument(
            "cursor",
            path_ + " holds " +
                (raw.empty() ? "nothing" : "\"" + core::clipped(core::trim(raw), 40) + "\"") +
                ", not the number of an event",
            "name another file, or remove this one to begin anew");
    return std::optional(number);
}

core::Result<void> CursorFile::write(std::int64_t number) const {
    const std::string beside = path_ + ".new";
    const std::string text = std::to_string(number) + "\n";
    const int fd = open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool good =
        fd >= 0 && ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
    const int why = errno;
    if (fd >= 0 && close(fd) != 0) good = false;
    if (good && std::rename(beside.c_str(), path_.c_str()) == 0) return {};
    const std::string reason = std::strerror(good ? errno : why);
    (void)unlink(beside.c_str());
    return core::failed_precondition("cursor", "cursor: " + path_ + ": " + reason);
}

}  // namespace taskd::cli
