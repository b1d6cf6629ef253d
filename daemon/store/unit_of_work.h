// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/chain.h"
#include "core/consumer.h"
#include "core/event.h"
#include "core/event_rule.h"
#include "core/idempotency.h"
#include "core/inbound_event.h"
#include "core/query.h"
#include "core/random.h"
#include "core/reminder.h"
#include "core/series.h"
#include "core/task.h"
#include "core/topic.h"
#include "daemon/store/database.h"
#include "daemon/token.h"
#include "ipc/messages.h"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace taskd::daemon {

/// The kinds of rows in `timer`: what happens when they are due. On disk: do not change.
enum class TimerKind {
    reminder,
    delivery,
    retention,
    series,
    zones,
    consumer,
    handler,
    agenda,
    run,
    command,  ///< of a task: it begins
    attempt   ///< of a command's run: the next one
};
[[nodiscard]] std::string_view to_string(TimerKind kind);

struct Timer {
    TimerKind kind = TimerKind::reminder;
    core::Timestamp due;
    core::UserId user;
    std::string ref;
};

/// A committed event's live copy.
struct Publication {
    core::UserId user;
    ipc::CloudEvent event;
};

/// Which runs of commands are wanted.
struct RunFilter {
    std::string of;  ///< the id of a task or series; "" for all
    bool failed = false;
    std::optional<core::Timestamp> since;
    std::int64_t limit = 20;
};

/// What became of an event that was published.
struct Stored {
    enum class As { fresh, duplicate, conflict };
    As as = As::fresh;
    std::string id;  ///< of the first one, as type and user_seq
    std::string type;
    std::int64_t user_seq = 0;
};

/// What a handler has made of an event. On disk: do not change.
enum class InboxState { done, waiting, dead };
[[nodiscard]] std::string_view to_string(InboxState state);
struct InboxMark {
    std::string handler;
    std::string source;
    std::string dedup_key;
    InboxState state = InboxState::done;
    std::int64_t user_seq = 0;
    std::int64_t attempts = 0;
    std::optional<core::Timestamp> next;
    std::string reason;
};

/// A dead letter as it is kept; its event is JSON.
struct DeadLetterRow {
    std::string id;
    std::string origin;
    std::string name;
    std::int64_t user_seq = 0;
    std::string type;
    std::string event;
    std::string reason;
    std::int64_t attempts = 0;
    core::Timestamp created;
};

/// What a unit needs to make ids and envelopes.
struct StoreContext {
    Database& database;
    core::Random& random;
    std::string node;  ///< events come from /taskd/<node>
};

/// One request's or timer's work: a savepoint in the turn's transaction. Leaving it without
/// release() undoes all of it. It reads and writes rows of the user that each call names; there is
/// no call without one. Files of this folder implement it, one per group of tables.
class UnitOfWork {
public:
    /// `command` is the writing command's name, whose replaced rows are kept in `change`; "" for
    /// what taskd does by itself.
    UnitOfWork(StoreContext& context, core::Timestamp now, core::UserId user, std::string command,
               std::string rule_chain = {});
    UnitOfWork(const UnitOfWork&) = delete;
    UnitOfWork& operator=(const UnitOfWork&) = delete;
    ~UnitOfWork();

    [[nodiscard]] core::Timestamp now() const { return now_; }
    [[nodiscard]] core::Random& random() { return context_.random; }
    /// The source of what append_event writes.
    [[nodiscard]] std::string source() const { return "/taskd/" + context_.node; }

    /// Keeps the work for the turn's commit and gives what is to be published after it.
    std::vector<Publication> release();

    /// Throws StoreFailure when the turn's transaction is gone: a unit inside this one, or the one
    /// before it, may have lost it while it was undone, where a destructor can't say so (found by
    /// the simulation). What is written after that would commit by itself.
    void check_alive() const;

    /// A unit of its own inside this one, for work that may fail without taking this one along.
    [[nodiscard]] UnitOfWork nested(std::string command) {
        return UnitOfWork(context_, now_, user_, std::move(command), rule_chain_);
    }
    /// The rules that are the cause of what is written from now on: its events and deliveries say
    /// so. See core/event_rule.h.
    void set_rule_chain(std::string chain) { rule_chain_ = std::move(chain); }
    [[nodiscard]] const std::string& rule_chain() const { return rule_chain_; }
    /// Takes over what a nested unit's release() gave.
    void adopt(std::vector<Publication> publications);

    // tasks.cpp
    [[nodiscard]] core::Result<core::Task> find_task(const core::UserId& user,
                                                     const std::string& reference);
    [[nodiscard]] std::optional<core::Task> find_task(const core::UserId& user,
                                                      const core::TaskId& id);
    [[nodiscard]] ipc::TaskPage list_tasks(const core::UserId& user, const core::TaskQuery& query);
    /// Whether a task that this one depends on is open.
    [[nodiscard]] bool is_blocked(const core::Task& task);
    /// The tasks that wait for this one, at most a page.
    [[nodiscard]] std::vector<core::Task> dependents_of(const core::Task& task);
    /// Whether `from` depends on `target`, itself or over others.
    [[nodiscard]] bool depends_on(const core::UserId& user, const core::TaskId& from,
                                  const core::TaskId& target);
    /// The open tasks due from `from` on that nothing blocks, the next first.
    [[nodiscard]] std::vector<core::Task> next_tasks(const core::UserId& user, core::Timestamp from,
                                                     std::int64_t limit);
    /// Open tasks due before `now`; counted up to core::counted_max.
    [[nodiscard]] std::int64_t count_overdue(const core::UserId& user, core::Timestamp now);
    /// The tags and projects of open tasks.
    [[nodiscard]] ipc::TaskFacetsReply facets(const core::UserId& user);
    [[nodiscard]] std::int64_t next_task_number(const core::UserId& user);
    /// All tasks of the user that are stored, also closed and deleted ones.
    [[nodiscard]] std::int64_t count_tasks(const core::UserId& user);
    void insert_task(const core::Task& task);
    void update_task(const core::Task& before, const core::Task& after);

    // series.cpp
    [[nodiscard]] std::optional<core::Series> find_series(const core::UserId& user,
                                                          const core::SeriesId& id);
    /// By the first characters of its id, or the number of one of its tasks.
    [[nodiscard]] core::Result<core::Series> find_series(const core::UserId& user,
                                                         const std::string& reference);
    [[nodiscard]] std::vector<ipc::Occurrence> newest_occurrences(const core::UserId& user,
                                                                  const core::SeriesId& series,
                                                                  std::int64_t limit);
    /// The last slot that became something.
    [[nodiscard]] std::optional<core::RecurrenceId> last_decided(const core::UserId& user,
                                                                 const core::SeriesId& series);
    [[nodiscard]] ipc::SeriesPage list_series(const core::UserId& user,
                                              const ipc::SeriesList& request);
    void insert_series(const core::Series& series);
    void update_series(const core::Series& before, const core::Series& after);
    /// The open task of the series' newest occurrence.
    [[nodiscard]] std::optional<core::Task> find_open_occurrence(const core::UserId& user,
                                                                 const core::SeriesId& series);
    [[nodiscard]] std::optional<core::Task> task_of_slot(const core::UserId& user,
                                                         const core::SeriesId& series,
                                                         const core::RecurrenceId& slot);
    /// Whether this slot became something, on its own or in a run.
    [[nodiscard]] bool is_decided(const core::UserId& user, const core::SeriesId& series,
                                  const core::RecurrenceId& slot);
    /// How many occurrences were made, for a COUNT that counts them.
    [[nodiscard]] std::int64_t count_made(const core::UserId& user, const core::SeriesId& series);
    /// The time in which taskd was not awake that holds `time`; none if it was.
    [[nodiscard]] std::optional<core::Gap> gap_at(core::Timestamp time);
    /// The newest of them, the newest first, that ended at `since` or later.
    [[nodiscard]] std::vector<core::Gap> gaps(const std::optional<core::Timestamp>& since,
                                              std::int64_t limit);
    /// The runs of skipped slots between this task's slot and the task before it, newest first.
    [[nodiscard]] std::vector<core::SkippedSlots> skipped_before(const core::Task& task,
                                                                 std::int64_t limit);
    /// The slot that is furthest in local time, of those decided.
    [[nodiscard]] std::optional<core::RecurrenceId> furthest_slot(const core::UserId& user,
                                                                  const core::SeriesId& series);
    void mark_moved(const core::Task& task);
    /// Why the slot of a task was passed over after all; none where it was not.
    [[nodiscard]] std::optional<core::SkipReason> skip_reason_of(const core::Task& task);
    /// The run of slots in which this one was passed over; none where it was not.
    [[nodiscard]] std::optional<core::SkippedSlots> skipped_with(const core::UserId& user,
                                                                 const core::SeriesId& series,
                                                                 const core::RecurrenceId& slot);
    /// Takes the row of this task's slot away: the task goes to another slot.
    void erase_slot(const core::Task& task);
    [[nodiscard]] std::vector<core::Task> open_tasks_of(const core::UserId& user,
                                                        const core::SeriesId& series,
                                                        std::int64_t limit);
    /// The task of the first occurrence after this one.
    [[nodiscard]] std::optional<core::Task> find_successor(const core::Task& task);
    /// Whether its slot is this task's: a slot that was given back is not.
    [[nodiscard]] bool owns_slot(const core::Task& task);
    /// `position` is that of the slot; the stored one also comes after all there are.
    void put_created(const core::Task& task, std::int64_t position);
    void put_skipped(const core::UserId& user, const core::SeriesId& series,
                     const core::SkippedSlots& slots, std::int64_t position);
    /// Gives back every slot after this task's: what was decided about them is decided again.
    void erase_slots_after(const core::Task& task);

    // reminders.cpp
    [[nodiscard]] std::optional<core::Reminder> find_reminder(const core::UserId& user,
                                                              const core::ReminderId& id);
    [[nodiscard]] std::vector<core::Reminder> reminders_of(const core::Task& task);
    void insert_reminder(const core::Reminder& reminder);
    void update_reminder(const core::Reminder& before, const core::Reminder& after);
    void erase_reminder(const core::Reminder& reminder);

    // channels.cpp
    [[nodiscard]] std::optional<core::Channel> find_channel(const core::UserId& user,
                                                            const std::string& name);
    [[nodiscard]] std::optional<core::Channel> default_channel(const core::UserId& user);
    [[nodiscard]] std::vector<core::Channel> list_channels(const core::UserId& user);
    [[nodiscard]] std::string channel_secret(const core::UserId& user, const std::string& name);
    void put_channel(const core::UserId& user, const core::Channel& channel,
                     const std::string& secret);
    void disable_channel(const core::UserId& user, const core::Channel& channel,
                         const std::string& why);
    void erase_channel(const core::UserId& user, const core::Channel& channel);
    [[nodiscard]] std::vector<ipc::ReminderDefault> reminder_defaults(const core::UserId& user);
    [[nodiscard]] std::optional<ipc::ReminderDefault> find_reminder_default(
        const core::UserId& user, const std::string& scope, const std::string& name);
    /// One without `remind` is removed.
    void put_reminder_default(const core::UserId& user, const ipc::ReminderDefault& value);

    // event_rules.cpp
    /// By name.
    [[nodiscard]] std::vector<core::EventRule> event_rules(const core::UserId& user);
    [[nodiscard]] std::optional<core::EventRule> find_event_rule(const core::UserId& user,
                                                                 const std::string& name);
    [[nodiscard]] std::optional<core::EventRule> event_rule_of(const core::UserId& user,
                                                               const std::string& id);
    void put_event_rule(const core::UserId& user, const core::EventRule& rule);
    void erase_event_rule(const core::UserId& user, const core::EventRule& rule);
    /// The oldest open task with this title.
    [[nodiscard]] std::optional<core::TaskId> open_task_called(const core::UserId& user,
                                                               const std::string& summary);

    // expectations.cpp
    [[nodiscard]] std::optional<core::Expectation> find_expectation(const core::UserId& user,
                                                                    const core::SeriesId& series);
    /// Of a series that has not ended.
    [[nodiscard]] std::optional<core::Expectation> find_expectation(const core::UserId& user,
                                                                    const std::string& name);
    /// Those of series that have not ended, by name.
    [[nodiscard]] std::vector<core::Expectation> list_expectations(const core::UserId& user,
                                                                   const std::string& after,
                                                                   std::int64_t limit);
    void put_expectation(const core::UserId& user, const core::Expectation& expectation);
    void erase_expectation(const core::UserId& user, const core::SeriesId& series);

    // commands.cpp
    /// Of a task or its series, or by the id of one of them.
    [[nodiscard]] std::optional<core::Command> find_command(const core::Task& task);
    [[nodiscard]] std::optional<core::Command> find_command(const core::UserId& user,
                                                            const std::string& id);
    /// None removes it. Tasks that are there are woken, or not, by the caller.
    void put_command(const core::UserId& user, const std::string& id,
                     const std::optional<core::Command>& command);
    /// When the command of a task begins that is open and not begun.
    [[nodiscard]] static std::optional<core::Timestamp> command_time(const core::Task& task,
                                                                     const core::Command& command);
    /// Sets the timer of a task's command, after it was let go or the command was changed.
    void wake_command(const core::Task& task);
    [[nodiscard]] std::int64_t count_running(const core::UserId& user);
    /// Runs that have not ended.
    [[nodiscard]] std::int64_t count_open_runs(const core::UserId& user);
    /// Whether a run of the group is under way, or one of the same command under another group.
    [[nodiscard]] bool is_group_busy(const core::UserId& user, const std::string& group,
                                     const std::string& command);
    /// The runs that wait for others to end and may begin now, the oldest first.
    [[nodiscard]] std::vector<core::DeliveryId> runs_in_line(const core::UserId& user,
                                                             std::int64_t limit);
    /// The newest of this one task, without what they printed.
    [[nodiscard]] std::vector<core::Delivery> runs_of(const core::Task& task, std::int64_t limit);
    /// Without what they printed, the newest first.
    [[nodiscard]] std::vector<core::Delivery> list_runs(const core::UserId& user,
                                                        const RunFilter& filter);

    // deliveries.cpp
    [[nodiscard]] std::optional<core::Delivery> find_delivery(const core::UserId& user,
                                                              const core::DeliveryId& id);
    /// By the first 4 or more characters of its id.
    [[nodiscard]] core::Result<core::Delivery> find_delivery(const core::UserId& user,
                                                             const std::string& reference);
    /// By its call_key.
    [[nodiscard]] std::optional<core::Delivery> find_call(const core::UserId& user,
                                                          const std::string& key);
    /// Calls that are not finished, counted up to `max`.
    [[nodiscard]] std::int64_t count_calls(const core::UserId& user, std::int64_t max);
    /// Whether a call with that step, and `about` in its context, was tried and is not finished: it
    /// may have been carried out.
    [[nodiscard]] bool has_doubtful_call(const core::UserId& user, const std::string& step,
                                         const std::string& about);
    [[nodiscard]] std::vector<core::Delivery> list_deliveries(const core::UserId& user,
                                                              const core::TaskId& task,
                                                              std::int64_t limit);
    [[nodiscard]] std::vector<core::Delivery> deliveries_of(const core::Reminder& reminder,
                                                            std::int64_t limit);
    /// What has not ended: of a task, or of a reminder's last slot.
    [[nodiscard]] std::vector<core::Delivery> open_deliveries(const core::UserId& user,
                                                              const core::TaskId& task,
                                                              std::int64_t limit);
    [[nodiscard]] std::vector<core::Delivery> open_deliveries(const core::Reminder& reminder,
                                                              std::int64_t limit);
    [[nodiscard]] std::vector<core::Delivery> dead_deliveries(const core::UserId& user,
                                                              const core::TaskId& task,
                                                              std::int64_t limit);
    /// Those that wait for a time that is still to come: on a channel, or such as have not been
    /// tried on any of them.
    [[nodiscard]] std::vector<core::Delivery> held_deliveries(const core::UserId& user,
                                                              const std::string& channel,
                                                              std::int64_t limit);
    /// Whether some deliveries went into this one, whatever became of their tasks.
    [[nodiscard]] bool was_digest(const core::Delivery& delivery);
    /// How many reminders that are due a channel has not begun to send, up to `max`.
    [[nodiscard]] std::int64_t count_waiting(const core::UserId& user, const std::string& channel,
                                             core::Timestamp now, std::int64_t max);
    /// When a channel's attempts between `since` and `now` began, the newest first.
    [[nodiscard]] std::vector<core::Timestamp> recent_starts(const core::UserId& user,
                                                             const std::string& channel,
                                                             core::Timestamp since,
                                                             core::Timestamp now, std::int64_t max);
    /// The digest of a channel that is still taking in reminders.
    [[nodiscard]] std::optional<core::Delivery> find_open_digest(const core::UserId& user,
                                                                 const std::string& channel);
    /// What a digest tells of.
    [[nodiscard]] std::vector<core::Delivery> digested(const core::UserId& user,
                                                       const core::DeliveryId& digest,
                                                       std::int64_t limit);
    [[nodiscard]] std::int64_t count_digested(const core::UserId& user,
                                              const core::DeliveryId& digest);
    void insert_delivery(const core::Delivery& delivery);
    void update_delivery(const core::Delivery& before, const core::Delivery& after);

    // chains.cpp
    [[nodiscard]] std::optional<core::ChainLink> find_link(const core::UserId& user,
                                                           const core::ForeignId& task);
    /// `expires` once it is decided.
    void put_link(const core::ChainLink& link, const std::optional<core::Timestamp>& expires);

    // events.cpp
    /// Appends to the user's log and to what release() gives; returns the event's user_seq.
    std::int64_t append_event(const core::UserId& user, const core::Event& event);
    /// What is known of the event's key; none when nothing is.
    [[nodiscard]] std::optional<Stored> known(const core::AcceptedEvent& event);
    /// Appends an event of somebody else, unless its key is known.
    [[nodiscard]] Stored publish(const core::AcceptedEvent& event);
    [[nodiscard]] std::optional<ipc::CloudEvent> find_event(const core::UserId& user,
                                                            std::int64_t user_seq);
    [[nodiscard]] ipc::EventPage read_events(const core::UserId& user, std::int64_t after,
                                             const core::TopicFilter& filter, std::int64_t limit);
    [[nodiscard]] ipc::EventPage newest_events(const core::UserId& user, std::int64_t before,
                                               const core::TopicFilter& filter, std::int64_t limit);
    [[nodiscard]] std::int64_t event_head(const core::UserId& user);
    /// The newest event that retention took: all up to it are gone, all behind it are there.
    [[nodiscard]] std::int64_t event_floor(const core::UserId& user);
    /// What the user's log weighs.
    [[nodiscard]] std::int64_t event_bytes(const core::UserId& user);
    /// The last event before `time`, by when it came; found by halving, as the log is in that
    /// order but for steps of the clock.
    [[nodiscard]] std::int64_t last_event_before(const core::UserId& user, core::Timestamp time);
    [[nodiscard]] std::optional<core::Timestamp> received(const core::UserId& user,
                                                          std::int64_t user_seq);
    /// Hands events behind `after` to `visit` until it says no; at most `rows_max`. Returns the
    /// number of the last one that was handed over, or the head when none is left.
    using Visit = std::function<bool(const ipc::CloudEvent& event)>;
    std::int64_t scan_events(const core::UserId& user, std::int64_t after, std::int64_t rows_max,
                             const Visit& visit);

    // consumers.cpp
    [[nodiscard]] std::optional<core::Consumer> find_consumer(const core::UserId& user,
                                                              const std::string& name);
    [[nodiscard]] std::vector<core::Consumer> list_consumers(const core::UserId& user);
    void insert_consumer(const core::Consumer& consumer);
    void update_consumer(const core::Consumer& before, const core::Consumer& after);
    void erase_consumer(const core::Consumer& consumer);
    [[nodiscard]] std::optional<core::Unsettled> find_unsettled(const core::Consumer& consumer,
                                                                std::int64_t user_seq);
    /// Those whose turn it is, in order: their time has come, and no earlier one of their subject
    /// is unsettled.
    [[nodiscard]] std::vector<core::Unsettled> ready_unsettled(const core::Consumer& consumer,
                                                               std::int64_t limit);
    [[nodiscard]] std::vector<core::Unsettled> leased_to(const core::Consumer& consumer,
                                                         const std::string& member);
    [[nodiscard]] std::vector<core::Unsettled> lapsed_leases(const core::Consumer& consumer);
    [[nodiscard]] bool is_subject_busy(const core::Consumer& consumer, const std::string& subject);
    /// The earliest one that is in the log only, or none.
    [[nodiscard]] std::optional<std::int64_t> first_unsettled(const core::Consumer& consumer);
    /// When, after now, the next lease ends or the next wait is over.
    [[nodiscard]] std::optional<core::Timestamp> next_due(const core::Consumer& consumer);
    /// No lease or pause goes on longer than one that begins now.
    void shorten_waits(const core::Consumer& consumer);
    void insert_unsettled(const core::Consumer& consumer, const core::Unsettled& row);
    void update_unsettled(const core::Consumer& consumer, const core::Unsettled& row);
    void erase_unsettled(const core::Consumer& consumer, std::int64_t user_seq);
    void erase_all_unsettled(const core::Consumer& consumer);
    struct UnsettledCounts {
        std::int64_t leased = 0;
        std::int64_t waiting = 0;
        std::int64_t held = 0;
        std::vector<std::string> members;
        [[nodiscard]] std::int64_t all() const { return leased + waiting + held; }
    };
    [[nodiscard]] UnsettledCounts count_unsettled(const core::Consumer& consumer);

    // dead_letters.cpp
    /// A letter with this id that is there already stays as it is.
    void put_dead_letter(const core::UserId& user, const DeadLetterRow& letter);
    [[nodiscard]] std::vector<DeadLetterRow> find_dead_letters(const core::UserId& user,
                                                               const std::string& id_prefix);
    [[nodiscard]] std::vector<DeadLetterRow> list_dead_letters(const core::UserId& user,
                                                               const ipc::DeadLetterFilter& filter,
                                                               const core::TopicFilter& types,
                                                               std::int64_t limit,
                                                               std::int64_t offset,
                                                               std::int64_t& total);
    [[nodiscard]] std::int64_t count_dead_letters(const core::UserId& user,
                                                  const std::string& origin,
                                                  const std::string& name, std::int64_t max);
    void erase_dead_letter(const core::UserId& user, const DeadLetterRow& letter);
    void erase_dead_letters_of(const core::UserId& user, const std::string& origin,
                               const std::string& name);

    // inbox.cpp
    [[nodiscard]] std::optional<InboxMark> find_mark(const core::UserId& user,
                                                     const std::string& handler,
                                                     std::int64_t user_seq);
    void put_mark(const core::UserId& user, const std::optional<InboxMark>& before,
                  const InboxMark& after, core::Timestamp expires);

    // runs.cpp
    [[nodiscard]] std::optional<core::Run> find_run(const core::UserId& user,
                                                    const std::string& key);
    [[nodiscard]] std::vector<core::Run> list_runs(const core::UserId& user,
                                                   const ipc::RunList& request);
    [[nodiscard]] std::vector<core::RunOutput> run_output(const core::Run& run);
    struct RunTotals {
        std::int64_t runs = 0;
        std::int64_t bytes = 0;  ///< what is kept of their output
    };
    [[nodiscard]] RunTotals run_totals(const core::UserId& user);
    void insert_run(const core::Run& run);
    void update_run(const core::Run& before, const core::Run& after);
    void put_run_output(const core::Run& run, const std::vector<core::RunOutput>& output);
    void erase_run(const core::Run& run);

    // replies.cpp
    struct StoredReply {
        std::string digest;
        std::string body;
    };
    [[nodiscard]] std::optional<StoredReply> find_reply(const core::UserId& user,
                                                        const std::string& key);
    void put_reply(const core::UserId& user, const std::string& key, const std::string& digest,
                   const std::string& body, core::Timestamp expires);

    // users.cpp
    /// Whether there is anything of that user here.
    [[nodiscard]] bool has_user(const core::UserId& user);
    [[nodiscard]] core::UserSettings user_settings(const core::UserId& user);
    void put_user_settings(const core::UserId& user, const core::UserSettings& settings);
    [[nodiscard]] std::optional<core::Timestamp> agenda_time(const core::UserId& user);
    void set_agenda(const core::UserId& user, std::optional<core::Timestamp> next);
    void count_rows(const core::UserId& user, ipc::Health& health);

    // tokens.cpp
    [[nodiscard]] std::vector<Token> list_tokens(const core::UserId& user);  ///< in force
    void insert_token(const Token& token);
    void erase_token(const Token& token);

    // timers.cpp
    void set_timer(const Timer& timer);
    void erase_timer(const Timer& timer);

private:
    void move_timer(TimerKind kind, const core::UserId& user, const std::string& ref,
                    const std::optional<core::Timestamp>& before,
                    const std::optional<core::Timestamp>& after);
    struct LogRow;
    void insert_event(const LogRow& row);
    [[nodiscard]] std::optional<Stored> stored_before(const core::AcceptedEvent& event,
                                                      std::int64_t seq);
    void move_command(const core::Task* before, const core::Task& after);
    void remember(const char* table, const std::string& key, nlohmann::json before);
    void write_change();

    StoreContext& context_;
    Database& db_;
    core::Timestamp now_;
    core::UserId user_;
    std::string command_;
    std::string rule_chain_;
    std::optional<std::int64_t> change_id_;
    std::unique_ptr<nlohmann::json> before_;  ///< rows that this unit replaced
    std::vector<Publication> publications_;
    EventKeys::Mark keys_before_;
    bool released_ = false;
};

}  // namespace taskd::daemon
