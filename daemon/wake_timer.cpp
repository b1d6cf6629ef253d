// SPDX-License-Identifier: Apache-2.0
#include "daemon/wake_timer.h"

#include <cerrno>
#include <cstdint>
#include <sys/timerfd.h>
#include <system_error>

namespace taskd::daemon {
namespace {

// Far enough to be never, near enough for every kernel: the year 2200.
constexpr std::int64_t far_future_seconds = 7'258'118'400;

}  // namespace

WakeTimer::WakeTimer() : fd_(timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC)) {
    if (fd_.get() < 0) throw std::system_error(errno, std::generic_category(), "timerfd_create");
}

void WakeTimer::arm(const std::optional<core::Timestamp>& due) {
    if (armed_ && armed_for_ == due) return;
    itimerspec when{};
    // A time before 1970 or of zero would disarm; one nanosecond later is as due.
    const std::int64_t ms = due ? std::max<std::int64_t>(due->time_since_epoch().count(), 0)
                                : far_future_seconds * 1000;
    when.it_value.tv_sec = std::min(ms / 1000, far_future_seconds);
    when.it_value.tv_nsec = ms % 1000 * 1'000'000 + (ms == 0 ? 1 : 0);
    if (timerfd_settime(fd_.get(), TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &when, nullptr) !=
        0)
        throw std::system_error(errno, std::generic_category(), "timerfd_settime");
    armed_for_ = due;
    armed_ = true;
}

bool WakeTimer::drain() {
    std::uint64_t expirations = 0;
    const auto got = read(fd_.get(), &expirations, sizeof expirations);
    armed_ = armed_ && got < 0 && errno == EAGAIN;
    return got < 0 && errno == ECANCELED;
}

}  // namespace taskd::daemon
