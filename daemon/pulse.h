// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/clock.h"

#include <atomic>
#include <mutex>
#include <string>

namespace taskd::daemon {

/// What the loop last said of itself, so that others can tell whether it serves without asking it:
/// a loop that hangs can't answer. The loop writes, any thread reads; nobody waits.
class Pulse {
public:
    /// Longer than a busy turn on a slow disk takes, shorter than a probe's patience.
    static constexpr core::Monotonic turn_max{10'000};

    // The loop's side.
    void wakes(core::Monotonic now) {
        awake_since_ = now.count();
        asked_at_ = none;
    }
    void sleeps() { awake_since_ = none; }
    void stops() { stopping_ = true; }
    /// "" when the store took the last change.
    void store_error(const std::string& error) {
        const std::lock_guard lock(mutex_);
        store_error_ = error;
    }

    /// Of the sidecar: "ok", or what is wrong with it; `needed` by a role that calls through it.
    void sidecar(const std::string& state, bool needed) {
        const std::lock_guard lock(mutex_);
        sidecar_ = state;
        sidecar_needed_ = needed;
    }
    /// "" where there is none.
    [[nodiscard]] std::string sidecar() const {
        const std::lock_guard lock(mutex_);
        return sidecar_;
    }
    /// Why a role can't do its work; "" when it can.
    [[nodiscard]] std::string sidecar_missing() const {
        const std::lock_guard lock(mutex_);
        return sidecar_needed_ && sidecar_ != "ok" ? "the sidecar: " + sidecar_ : "";
    }

    /// A request was sent to the loop; it should wake soon.
    void asked(core::Monotonic now) {
        std::int64_t expected = none;
        asked_at_.compare_exchange_strong(expected, now.count());
    }

    /// Why taskd is not ready to serve; "" when it is.
    [[nodiscard]] std::string not_ready(core::Monotonic now) const {
        if (stopping_) return "taskd is stopping";
        for (const std::int64_t since : {awake_since_.load(), asked_at_.load()})
            if (since != none && now.count() - since > turn_max.count())
                return "the loop has not turned for " +
                       std::to_string((now.count() - since) / 1000) + " s";
        const std::lock_guard lock(mutex_);
        return store_error_;
    }

    /// What the store said to the last change; "" when it took it.
    [[nodiscard]] std::string store_error() const {
        const std::lock_guard lock(mutex_);
        return store_error_;
    }

    [[nodiscard]] bool is_stopping() const { return stopping_; }
    /// Whether the store refused the last change.
    [[nodiscard]] bool store_fails() const {
        const std::lock_guard lock(mutex_);
        return !store_error_.empty();
    }

private:
    static constexpr std::int64_t none = -1;

    std::atomic<std::int64_t> awake_since_{none};
    std::atomic<std::int64_t> asked_at_{none};
    std::atomic<bool> stopping_{false};
    mutable std::mutex mutex_;
    std::string store_error_;
    std::string sidecar_;
    bool sidecar_needed_ = false;
};

}  // namespace taskd::daemon
