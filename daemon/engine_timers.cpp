// SPDX-License-Identifier: Apache-2.0
// The engine's turn: what is due.
#include "daemon/engine.h"
#include "daemon/handlers/channel_handlers.h"
#include "daemon/handlers/command_handlers.h"
#include "daemon/handlers/consumer_handlers.h"
#include "daemon/handlers/delivery_handlers.h"
#include "daemon/handlers/inbound_handlers.h"
#include "daemon/handlers/occurrences.h"
#include "daemon/handlers/reminder_handlers.h"
#include "daemon/handlers/run_handlers.h"
#include "daemon/handlers/zone_handlers.h"

#include <algorithm>

namespace taskd::daemon {
namespace {

using core::Monotonic;
using core::Timestamp;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds retention_more = seconds{1};  // while whole batches are left
constexpr milliseconds zone_lost_retry = hours{1};

}  // namespace

/// The loop wakes for each timer, so one that came since the last turn was slept through. Before
/// anything else is done: results and requests set timers of their own for times that have passed.
void Engine::note_sleep(Timestamp now, Monotonic monotonic) {
    // The monotonic clock goes on in a suspend, but not when the wall clock is set.
    if (!awake_ || now - awake_->first <= gap_min || monotonic - awake_->second <= gap_min) return;
    const auto due = maintenance_.next_timer(waiting({}));
    if (due && *due > awake_->first && *due < now - gap_min)
        maintenance_.note_gap({awake_->first, now});
}

void Engine::run_timers(Timestamp now, Monotonic monotonic, Attempt& attempt) {
    auto timers = maintenance_.due_timers(now, settings_.turn_timers_max, waiting({}));
    if (!timers.empty() && timers.front().kind == TimerKind::zones) {
        // Alone, and before all others: what it moves must not go off at its old time.
        run_timer(timers.front(), now, monotonic, attempt);
        timers = maintenance_.due_timers(now, settings_.turn_timers_max, waiting({}));
        if (!timers.empty() && timers.front().kind == TimerKind::zones) return;
    }
    for (const auto& timer : timers) {
        if (waiting(attempt.turn.jobs).holds(timer.kind)) continue;  // due until a worker is free
        try {
            run_timer(timer, now, monotonic, attempt);
        } catch (const StoreFailure& failure) {
            if (!database_.in_transaction()) throw;
            // This one's savepoint is undone; the others go on, and it is tried again soon.
            attempt.turn.warnings.push_back(std::string(to_string(timer.kind)) + " " + timer.ref +
                                            " failed: " + failure.what());
            attempt.turn.store_error = failure.what();
            attempt.hold_timers = true;
        }
    }
    // Deliveries that this turn's reminders made are handed out by the next turn, which is due now.
}

void Engine::run_timer(const Timer& timer, Timestamp now, Monotonic monotonic, Attempt& attempt) {
    attempt.turn.figures.timer_lags.push_back(now - timer.due);
    UnitOfWork unit(context_, now, timer.user, "");
    Handling h{unit, timer.user, settings_, identity_, standing_, monotonic};
    const auto later = [&](milliseconds wait) {
        unit.erase_timer(timer);
        unit.set_timer({timer.kind, now + wait, timer.user, timer.ref});
    };
    switch (timer.kind) {
    case TimerKind::reminder: {
        const auto fired = fire_reminder(timer, h);
        if (fired) break;
        attempt.turn.warnings.push_back("reminder " + timer.ref +
                                        " waits: " + fired.error().message);
        // The reminder keeps its time; only its timer is moved, and found again by its row.
        const auto reminder = unit.find_reminder(timer.user, core::ReminderId{timer.ref});
        core::Reminder after = *reminder;
        after.next = now + zone_lost_retry;
        if (after.nag_at) after.nag_at = std::max(*after.nag_at, *after.next);
        if (after.escalate_at) after.escalate_at = std::max(*after.escalate_at, *after.next);
        unit.update_reminder(*reminder, after);
        break;
    }
    case TimerKind::command:
        if (auto job = begin_command(timer, h)) attempt.turn.jobs.push_back(std::move(*job));
        break;
    case TimerKind::delivery:
    case TimerKind::attempt:
        if (auto job = start_delivery(timer, h)) attempt.turn.jobs.push_back(std::move(*job));
        break;
    case TimerKind::agenda:
        tell_agenda(timer, h);
        break;
    case TimerKind::series:
        if (const auto made = fire_series(unit, timer); !made) {
            attempt.turn.warnings.push_back("series " + timer.ref +
                                            " waits: " + made.error().message);
            const auto series = unit.find_series(timer.user, core::SeriesId{timer.ref});
            core::Series after = *series;
            after.next = now + zone_lost_retry;
            unit.update_series(*series, after);
        }
        break;
    case TimerKind::consumer:
        if (wake_consumer(unit, timer)) attempt.stirred.emplace(timer.user, timer.ref);
        break;
    case TimerKind::handler:
        retry_handler(timer, h);
        break;
    case TimerKind::run:
        end_run(timer, h);
        break;
    case TimerKind::zones:
        unit.erase_timer(timer);
        if (const auto next = daemon::renew_instants(h, maintenance_, timer.ref); !next.empty())
            unit.set_timer({timer.kind, now, timer.user, next});
        break;
    case TimerKind::retention:
        maintenance_.note_awake(now);
        // After a jump of the clock nothing is taken away: the jump may be a mistake.
        if (clock_jumped_)
            later(retention_every);
        else
            later(maintenance_.trim(now, settings_) ? retention_more : retention_every);
        break;
    }
    note_deliveries(h, attempt);
    for (auto& published : unit.release())
        attempt.turn.publications.push_back(std::move(published));
}

}  // namespace taskd::daemon
