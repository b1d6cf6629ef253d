// SPDX-License-Identifier: Apache-2.0
#include "daemon/engine.h"

#include "core/check.h"
#include "daemon/handlers/call_handlers.h"
#include "daemon/handlers/command_handlers.h"
#include "daemon/handlers/consumer_handlers.h"
#include "daemon/handlers/delivery_handlers.h"
#include "daemon/handlers/event_rule_handlers.h"
#include "ipc/json.h"
#include "ipc/rpc.h"

#include <algorithm>
#include <map>

namespace taskd::daemon {
namespace {

using core::Error;
using core::Monotonic;
using core::Reason;
using core::Timestamp;
using nlohmann::json;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds hold_after_failure = seconds{1};  // a full disk is not asked in a busy loop
constexpr milliseconds probe_every = seconds{1};         // of a store that refused a change
constexpr milliseconds jump_max = hours{24};
constexpr milliseconds backlog_every = seconds{5};  // of the counters of all consumers

/// The id of a request, for an answer that comes without running it. Null where there is none.
json id_of(const std::string& body) {
    const auto message = ipc::parse_json(body);
    if (!message || !message->is_object()) return nullptr;
    return message->value("id", json());
}

Reply error_reply(const Request& request, const Error& error) {
    return {request.peer, ipc::error_reply(id_of(request.body), error)
                              .dump(-1, ' ', false, json::error_handler_t::replace)};
}

const Error outcome_unknown{
    Reason::unknown,
    "the disk failed while the change was being written; whether it was kept is not known",
    {},
    "the daemon stops now; repeat the command with the same --idempotency-key"};

}  // namespace

Engine::Engine(Database& database, core::Random& random, Settings settings, Identity identity,
               std::optional<std::vector<EventHandler>> handlers)
    : context_{database, random, settings.node},
      database_(database),
      settings_(std::move(settings)),
      identity_(std::move(identity)),
      handlers_(handlers ? std::move(*handlers) : event_handlers(settings_.roles)),
      dispatcher_(context_, settings_, identity_, standing_),
      maintenance_(database),
      publish_log_(database) {}

namespace {

/// Nobody could extend the lease of a run while there was no daemon: it begins anew.
void begin_leases(StoreContext& context, Timestamp now) {
    std::vector<std::pair<core::UserId, std::string>> running;
    {
        Query row(context.database,
                  "SELECT user_id, key FROM run INDEXED BY run_running WHERE state = 'running'");
        while (row.step()) running.emplace_back(row.text(0), row.text(1));
    }
    for (const auto& [user, key] : running) {
        UnitOfWork unit(context, now, user, "");
        const auto before = unit.find_run(user, key);
        core::Run after = *before;
        after.until = std::max(after.until, now + after.lease);
        unit.update_run(*before, after);
        (void)unit.release();
    }
}

}  // namespace

void Engine::start(Timestamp now) {
    database_.begin();
    try {
        // Asked first: what follows appends events of its own.
        const bool is_ahead = maintenance_.is_ahead_of(now);
        const auto last_sign = maintenance_.last_sign();
        if (last_sign && now - *last_sign > gap_min) maintenance_.note_gap({*last_sign, now});
        // A worker's lease ends with its process: what it was doing may or may not have happened,
        // and is tried again under the same idempotency key.
        Attempt attempt;
        const auto keep = [&](UnitOfWork& unit) {
            for (auto& published : unit.release())
                attempt.turn.publications.push_back(std::move(published));
        };
        for (const auto& [user, delivery] : maintenance_.running_deliveries()) {
            UnitOfWork unit(context_, now, user, "");
            Handling h{unit, user, settings_, identity_, standing_};
            finish_delivery({user, delivery, {false, true, interrupted, ""}}, h);
            keep(unit);
        }
        for (const auto& user : maintenance_.users_in_line()) {
            UnitOfWork unit(context_, now, user, "");
            Handling h{unit, user, settings_, identity_, standing_};
            release_runs(user, h);
            keep(unit);
        }
        run_rules(now, core::Monotonic{0}, attempt);
        begin_leases(context_, now);
        std::vector<std::string> topics;
        for (const auto& published : settings_.roles.topics) topics.push_back(published.topic);
        publish_log_.keep(topics);
        publisher_.start(settings_.roles);
        UnitOfWork unit(context_, now, core::UserId{""}, "");
        Query(database_, "DELETE FROM timer WHERE kind = 'retention'").run();
        unit.set_timer({TimerKind::retention, now + retention_every, core::UserId{""}, ""});
        const bool other_zones = maintenance_.note_tzdata(core::TimeZone::tzdata_version());
        if (other_zones || is_ahead) unit.set_timer({TimerKind::zones, now, core::UserId{""}, ""});
        (void)unit.release();
        database_.commit();
    } catch (...) {
        database_.rollback();
        throw;
    }
}

void Engine::renew_instants(Timestamp now) {
    database_.begin();
    try {
        UnitOfWork unit(context_, now, core::UserId{""}, "");
        maintenance_.note_tzdata(core::TimeZone::tzdata_version());
        unit.set_timer({TimerKind::zones, now, core::UserId{""}, ""});
        (void)unit.release();
        database_.commit();
    } catch (...) {
        database_.rollback();
        throw;
    }
}

void Engine::note_clock(Timestamp now, Monotonic monotonic) {
    if (last_clock_) {
        const auto jumped = (now - last_clock_->first) - (monotonic - last_clock_->second);
        if (jumped > jump_max) clock_jumped_ = true;
        if (jumped < -jump_max) clock_jumped_ = false;
        if (jumped < -clock_tolerance) clock_set_back_ = true;
    }
    last_clock_ = {now, monotonic};
}

Turn Engine::turn(const std::vector<Request>& requests, const std::vector<JobResult>& results,
                  Timestamp now, Monotonic monotonic) {
    note_clock(now, monotonic);
    unwritten_.insert(unwritten_.end(), results.begin(), results.end());
    const std::vector<JobResult> to_write = unwritten_;
    const bool held = held_until_ && monotonic < *held_until_;
    if (!held) held_until_.reset();

    Turn turn;
    if (probe_at_ && monotonic >= *probe_at_ && probe(now, monotonic, turn) == Commit::store_lost) {
        for (const auto& request : requests)
            turn.replies.push_back(error_reply(request, outcome_unknown));
        turn.store_lost = true;
        return turn;
    }
    const auto first = attempt(requests, to_write, !held, now, monotonic, turn);
    if (first == Commit::done) {
        unwritten_.clear();
        note_store(monotonic, turn);
        return turn;
    }
    ++turn.figures.void_turns;
    const auto lost = [&](std::size_t from) {
        for (std::size_t i = from; i < requests.size(); ++i)
            turn.replies.push_back(error_reply(requests[i], outcome_unknown));
        turn.store_lost = true;
        return turn;
    };
    if (first == Commit::store_lost) return lost(0);

    // The turn is void. Each request gets a transaction of its own, so that one which can't be
    // written fails alone; the timers and results follow, and wait a moment if they fail too.
    turn.warnings.push_back("a turn was void: " + last_failure_.message);
    for (std::size_t i = 0; i < requests.size(); ++i) {
        const auto again = attempt({requests[i]}, {}, false, now, monotonic, turn);
        if (again == Commit::store_lost) return lost(i);
        if (again == Commit::void_turn) {
            turn.replies.push_back(error_reply(requests[i], last_failure_));
            turn.figures.outcomes.emplace_back("unknown", core::to_string(last_failure_.reason));
        }
    }
    const auto rest = held ? Commit::void_turn : attempt({}, to_write, true, now, monotonic, turn);
    if (rest == Commit::store_lost) return lost(requests.size());
    if (rest == Commit::done)
        unwritten_.clear();
    else if (!held)
        held_until_ = monotonic + hold_after_failure;
    turn.store_error = last_failure_.message;
    note_store(monotonic, turn);
    return turn;
}

/// Asks a store that refused a change whether it takes one again: while nobody writes, nobody else
/// would find out, and readiness would stay bad for ever.
Engine::Commit Engine::probe(Timestamp now, Monotonic monotonic, Turn& into) {
    try {
        maintenance_.prove_writable(now);
    } catch (const StoreFailure& failure) {
        probe_at_ = monotonic + probe_every;
        return failure.sync_failed() ? Commit::store_lost : Commit::void_turn;
    }
    into.store_error = "";
    return Commit::done;
}

void Engine::stop(Timestamp now) {
    try {
        maintenance_.prove_writable(now);
    } catch (const StoreFailure&) {
        // Then the next start does not know how long this one was awake.
    }
}

void Engine::note_store(Monotonic monotonic, Turn& turn) {
    if (!turn.store_error) return;
    if (turn.store_error->empty())
        probe_at_.reset();
    else
        probe_at_ = monotonic + probe_every;
}

Engine::Commit Engine::attempt(const std::vector<Request>& requests,
                               const std::vector<JobResult>& results, bool with_timers,
                               Timestamp now, Monotonic monotonic, Turn& into) {
    Attempt attempt;
    const auto changes_before = database_.changes();
    try {
        database_.begin();
        if (with_timers) note_sleep(now, monotonic);
        if (clock_set_back_) {
            UnitOfWork unit(context_, now, core::UserId{""}, "");
            unit.set_timer({TimerKind::zones, now, core::UserId{""}, ""});
            (void)unit.release();
        }
        for (const auto& result : results) {
            if (result.batch) {
                if (result.outcome.succeeded)
                    publish_log_.advance(result.batch->topic, result.batch->seq);
                ++attempt.finished;
                continue;
            }
            UnitOfWork unit(context_, now, result.user, "");
            Handling h{unit, result.user, settings_, identity_, standing_, monotonic};
            finish_delivery(result, h);
            note_deliveries(h, attempt);
            for (auto& published : unit.release())
                attempt.turn.publications.push_back(std::move(published));
            ++(result.is_command ? attempt.commands_finished : attempt.finished);
        }
        run_requests(requests, now, monotonic, attempt);
        if (with_timers) run_timers(now, monotonic, attempt);
        run_rules(now, monotonic, attempt);
        answer_polls(now, monotonic, attempt);
        for (const auto& user : attempt.large_logs)
            (void)maintenance_.trim_to_size(user, now, settings_);
        if (with_timers)
            for (auto& job : publisher_.due(publish_log_, settings_.roles,
                                            "/taskd/" + settings_.node, results, monotonic))
                attempt.turn.jobs.push_back(std::move(job));
        look_at_backlog(monotonic, attempt);
        if (database_.event_keys.is_full()) database_.event_keys.write();
        database_.commit();
    } catch (const Dispatcher::TurnVoid& failure) {
        database_.rollback();
        last_failure_ = failure.error;
        return Commit::void_turn;
    } catch (const StoreFailure& failure) {
        database_.rollback();
        last_failure_ = failure.error();
        return failure.sync_failed() ? Commit::store_lost : Commit::void_turn;
    }
    core::check(!database_.in_transaction(), "after the commit no transaction is open");
    if (database_.changes() != changes_before) {
        attempt.turn.figures.commits.push_back(database_.commit_time);
        if (!attempt.turn.store_error) attempt.turn.store_error = "";
    }

    // Committed: now it may be told.
    clock_set_back_ = false;
    if (with_timers) awake_ = {now, monotonic};
    if (with_timers) publisher_.looked(monotonic);
    for (const auto& result : results)
        if (result.batch)
            publisher_.end(*result.batch, result.outcome, monotonic, context_.random.next());
    for (const auto& job : attempt.turn.jobs)
        if (job.batch) publisher_.begin(*job.batch);
    const auto append = [](auto& to, auto& from) {
        to.insert(to.end(), std::make_move_iterator(from.begin()),
                  std::make_move_iterator(from.end()));
    };
    append(into.replies, attempt.turn.replies);
    append(into.publications, attempt.turn.publications);
    append(into.jobs, attempt.turn.jobs);
    append(into.warnings, attempt.turn.warnings);
    append(into.token_changes, attempt.turn.token_changes);
    append(into.figures.outcomes, attempt.turn.figures.outcomes);
    append(into.figures.commits, attempt.turn.figures.commits);
    append(into.figures.timer_lags, attempt.turn.figures.timer_lags);
    append(into.figures.deliveries, attempt.turn.figures.deliveries);
    into.figures.copies_missed += attempt.turn.figures.copies_missed;
    if (attempt.turn.figures.backlog) {
        into.figures.backlog = attempt.turn.figures.backlog;
        into.figures.topics = attempt.turn.figures.topics;
        into.figures.breakers = attempt.turn.figures.breakers;
        backlog_at_ = monotonic + backlog_every;
    }
    if (attempt.turn.store_error) into.store_error = attempt.turn.store_error;
    into.shutdown = into.shutdown || attempt.turn.shutdown;
    if (attempt.hold_timers) held_until_ = monotonic + hold_after_failure;
    for (const auto& job : attempt.turn.jobs) ++(job.command ? commands_running_ : running_);
    running_ -= std::min(running_, attempt.finished);
    commands_running_ -= std::min(commands_running_, attempt.commands_finished);
    if (attempt.backup) {
        backup_ = std::move(attempt.backup);
        into.backup = attempt.turn.backup;
    }
    append(parked_, attempt.parked);
    for (auto index = attempt.answered.rbegin(); index != attempt.answered.rend(); ++index)
        parked_.erase(parked_.begin() + static_cast<std::ptrdiff_t>(*index));
    return Commit::done;
}

void Engine::run_requests(const std::vector<Request>& requests, Timestamp now, Monotonic monotonic,
                          Attempt& attempt) {
    for (const auto& request : requests) {
        auto done = dispatcher_.run(request, now, monotonic);
        for (auto& published : done.publications)
            attempt.turn.publications.push_back(std::move(published));
        attempt.turn.shutdown = attempt.turn.shutdown || done.shutdown;
        for (auto& change : done.token_changes)
            attempt.turn.token_changes.push_back(std::move(change));
        attempt.turn.figures.outcomes.insert(attempt.turn.figures.outcomes.end(),
                                             done.outcomes.begin(), done.outcomes.end());
        if (!done.store_failure.empty()) attempt.turn.store_error = done.store_failure;
        attempt.stirred.insert(done.stirred.begin(), done.stirred.end());
        attempt.large_logs.insert(done.large_logs.begin(), done.large_logs.end());
        attempt.turn.figures.copies_missed += done.copies_missed;
        if (done.poll && parked_.size() + attempt.parked.size() >= settings_.polls_max)
            attempt.turn.replies.push_back(
                error_reply(request, {Reason::resource_exhausted,
                                      "wait_ms: " + std::to_string(settings_.polls_max) +
                                          " requests are waiting already, the most there can be",
                                      "wait_ms", "ask again later, or without wait_ms"}));
        else if (done.poll)
            attempt.parked.push_back(
                {request.peer, std::move(done.poll_id), std::move(*done.poll)});
        if (done.backup && (backup_ || attempt.backup)) {
            attempt.turn.replies.push_back(error_reply(request, {Reason::resource_exhausted,
                                                                 "a backup is being made already",
                                                                 {},
                                                                 "try again when it is done"}));
        } else if (done.backup) {
            attempt.backup = Asked{request.peer, std::move(done.poll_id)};
            attempt.turn.backup = std::move(done.backup);
        }
        if (done.reply)
            attempt.turn.replies.push_back({request.peer, std::move(*done.reply)});
        else if (!done.poll && !done.backup && request.peer.wants_end)
            attempt.turn.replies.push_back({request.peer, {}});
    }
}

void Engine::note_deliveries(const Handling& h, Attempt& attempt) {
    auto& figures = attempt.turn.figures.deliveries;
    figures.insert(figures.end(), h.deliveries.begin(), h.deliveries.end());
}

/// What users want done when something happens, for each event of this turn: also for those that
/// come of it.
void Engine::run_rules(Timestamp now, Monotonic monotonic, Attempt& attempt) {
    auto& published = attempt.turn.publications;
    if (attempt.ruled == published.size() || !maintenance_.has_event_rules()) return;
    std::map<core::UserId, std::vector<ActiveRule>> active;
    std::vector<std::size_t> roots;  // what began it, by the number in this turn
    std::map<std::size_t, int> left;
    const auto first = attempt.ruled;
    for (auto& i = attempt.ruled; i < published.size(); ++i) {
        if (i - first >= roots.size()) roots.push_back(i);
        const auto user = published[i].user;
        const auto [rules, fresh] = active.try_emplace(user);
        if (fresh) {
            UnitOfWork unit(context_, now, user, "");
            rules->second = active_rules(user, unit);
            (void)unit.release();
        }
        const auto matching = rules_for(rules->second, published[i].event);
        if (matching.empty()) continue;
        const auto event = published[i].event;  // what comes of it moves the others
        const auto root = roots[i - first];
        UnitOfWork unit(context_, now, user, "");
        Handling h{unit, user, settings_, identity_, standing_, monotonic};
        apply_rules(matching, event, left.try_emplace(root, core::rule_effects_max).first->second,
                    h);
        note_deliveries(h, attempt);
        auto more = unit.release();
        // Those that were there before come first.
        while (roots.size() < published.size() - first) roots.push_back(first + roots.size());
        roots.resize(roots.size() + more.size(), root);
        for (auto& one : more) published.push_back(std::move(one));
    }
}

void Engine::answer_polls(Timestamp now, Monotonic monotonic, Attempt& attempt) {
    // Also those that this very turn parked: what they wait for may have come after them in it.
    const auto total = parked_.size() + attempt.parked.size();
    for (std::size_t i = 0; i < total; ++i) {
        const auto& [peer, id, poll] =
            i < parked_.size() ? parked_[i] : attempt.parked[i - parked_.size()];
        if (!has_news(poll, attempt) && monotonic < poll.until) continue;
        const auto reply = answer_of(poll, id, now, monotonic, attempt);
        if (!reply) continue;
        attempt.turn.replies.push_back(
            {peer, reply->dump(-1, ' ', false, json::error_handler_t::replace)});
        attempt.answered.push_back(i);
    }
}

bool Engine::has_news(const Poll& poll, const Attempt& attempt) const {
    if (poll.fetch && attempt.stirred.contains({poll.user, poll.fetch->name})) return true;
    return std::any_of(attempt.turn.publications.begin(), attempt.turn.publications.end(),
                       [&](const Publication& published) {
                           return published.user == poll.user &&
                                  published.event.userseq > poll.after &&
                                  poll.filter.matches(published.event.type);
                       });
}

/// The reply of a parked request; none when a fetch still finds nothing and may wait on.
std::optional<json> Engine::answer_of(const Poll& poll, const json& id, Timestamp now,
                                      Monotonic monotonic, Attempt& attempt) {
    UnitOfWork unit(context_, now, poll.user, "");
    if (!poll.fetch)
        return ipc::result_reply(
            id, ipc::to_json(unit.read_events(poll.user, poll.after, poll.filter, poll.limit)));
    const auto batch = fetch_now(*poll.fetch, poll.user, unit);
    if (!batch) return ipc::error_reply(id, batch.error());
    for (auto& published : unit.release())
        attempt.turn.publications.push_back(std::move(published));
    if (batch->events.empty() && monotonic < poll.until) return {};
    return ipc::result_reply(id, ipc::to_json(*batch));
}

/// What stands before the consumers, for the counters: after a turn, and not after every one.
void Engine::look_at_backlog(Monotonic monotonic, Attempt& attempt) {
    if (monotonic < backlog_at_) return;
    attempt.turn.figures.backlog = maintenance_.backlog();
    attempt.turn.figures.topics = publisher_.views(publish_log_, settings_.roles);
    attempt.turn.figures.breakers = breaker_views(breakers_, settings_, monotonic);
}

std::vector<Reply> Engine::dismiss_polls() {
    std::vector<Reply> replies;
    for (const auto& [peer, id, poll] : parked_)
        replies.push_back(
            {peer, ipc::error_reply(
                       id, {Reason::unavailable, "taskd is stopping; ask the next one", {}, {}})
                       .dump()});
    parked_.clear();
    for (auto& reply : backup_done(tl::unexpected(
             Error{Reason::unavailable, "taskd is stopping; the backup was given up", {}, {}})))
        replies.push_back(std::move(reply));
    return replies;
}

std::vector<Reply> Engine::dismiss_polls_of(const core::UserId& user) {
    std::vector<Reply> replies;
    const auto is_theirs = [&](const Parked& parked) { return parked.poll.user == user; };
    for (const auto& parked : parked_)
        if (is_theirs(parked))
            replies.push_back({parked.peer, ipc::error_reply(parked.id, {Reason::permission_denied,
                                                                         "user " + user.str() +
                                                                             " is not served "
                                                                             "any more",
                                                                         {},
                                                                         {}})
                                                .dump()});
    parked_.erase(std::remove_if(parked_.begin(), parked_.end(), is_theirs), parked_.end());
    return replies;
}

std::vector<Reply> Engine::backup_done(const core::Result<ipc::BackupReply>& result) {
    if (!backup_) return {};
    const auto [peer, id] = *std::exchange(backup_, std::nullopt);
    return {{peer, (result ? ipc::result_reply(id, ipc::to_json(*result))
                           : ipc::error_reply(id, result.error()))
                       .dump(-1, ' ', false, json::error_handler_t::replace)}};
}

void Engine::reconfigure(Settings settings, std::vector<ipc::ConfigValue> config) {
    settings.node = settings_.node;
    settings.roles = settings_.roles;  // need a restart: the sidecar asks once
    settings_ = std::move(settings);
    identity_.config = std::move(config);
}

std::vector<Token> Engine::tokens(Timestamp now) {
    database_.begin();
    auto tokens = maintenance_.tokens(now);
    database_.commit();
    return tokens;
}

std::int64_t Engine::event_head(const core::UserId& user) {
    database_.begin();
    std::int64_t head = 0;
    {
        UnitOfWork unit(context_, {}, user, "");
        head = unit.event_head(user);
    }
    database_.commit();
    return head;
}

Maintenance::Waiting Engine::waiting(const std::vector<Job>& jobs) const {
    const auto commands = static_cast<std::size_t>(
        std::count_if(jobs.begin(), jobs.end(), [](const Job& job) { return !!job.command; }));
    return {running_ + jobs.size() - commands >= settings_.outbound_max,
            commands_running_ + commands >= settings_.commands_max};
}

std::optional<Timestamp> Engine::next_due() {
    if (held_until_) return {};
    return maintenance_.next_timer(waiting({}));
}

std::optional<Monotonic> Engine::next_wait() const {
    std::optional<Monotonic> next = held_until_;
    if (const auto wait = publisher_.next_wait(); wait && !held_until_) next = wait;
    if (probe_at_ && (!next || *probe_at_ < *next)) next = probe_at_;
    for (const auto& parked : parked_)
        if (!next || parked.poll.until < *next) next = parked.poll.until;
    return next;
}

}  // namespace taskd::daemon
