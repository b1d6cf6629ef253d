// SPDX-License-Identifier: Apache-2.0
#include "cli/progress.h"

#include <cstdio>
#include <unistd.h>

namespace taskd::cli {
namespace {

constexpr std::chrono::seconds every{1};

}  // namespace

Progress::Progress(const Screen& screen, std::string what)
    : what_(std::move(what)), is_wanted_(isatty(STDERR_FILENO) == 1 && !screen.quiet()) {}

void Progress::show(std::int64_t count) {
    const auto now = std::chrono::steady_clock::now();
    if (!is_wanted_ || now - shown_ < every) return;
    shown_ = now;
    on_screen_ = true;
    std::fprintf(stderr, "\r%lld %s ...", static_cast<long long>(count), what_.c_str());
}

void Progress::clear() {
    if (on_screen_) std::fputs("\r\x1b[K", stderr);
    on_screen_ = false;
}

}  // namespace taskd::cli
