// SPDX-License-Identifier: Apache-2.0
// The fields of core values, and of the views that several messages hold.
#pragma once

#include "ipc/json/cloud_event.h"
#include "ipc/json/codec.h"

#include <algorithm>

namespace taskd::ipc::codec {

void fields(auto& f, Of<core::CalendarTime> auto& v) {
    f("at", v.at);
    f("local", v.local);
    f("tzid", v.tzid);
    f.sparse("is_date", v.is_date);
}
void fields(auto& f, Of<core::TaskContent> auto& v) {
    f("summary", v.summary);
    f.sparse("notes", v.notes);
    f.sparse("project", v.project);
    f.sparse("tags", v.tags);
    f.sparse("priority", v.priority);
    f("start", v.start);
    f("due", v.due);
}
void fields(auto& f, Of<core::Task> auto& v) {
    f("id", v.id);
    f("number", v.number);
    f("user_id", v.user);
    fields(f, v.content);
    f("status", v.status);
    f.sparse("series_id", v.series);
    f("recurrence_id", v.recurrence_id);
    f("created", v.created);
    f("modified", v.modified);
    f("completed", v.completed);
    f.sparse("depends_on", v.depends_on);
    f.sparse("recurring_pattern", v.recurring_pattern);
    f.sparse("parent_task_id", v.parent);
    f.sparse("reminder_sent", v.reminder_sent);
    f("deleted", v.deleted);
    f("revision", v.revision);
}
/// As words, of those that were set: what a policy means without is core's to know.
class PolicyFields {
public:
    static json write(const core::Policies& policies) {
        json object = json::object();
        for (const auto& view : core::describe(policies))
            if (view.origin != "default") object[view.name] = view.value;
        if (!policies.changed.empty()) object["changed"] = policies.changed;
        return object;
    }
    static core::Result<core::Policies> read(const json& object) {
        core::PolicyWords words;
        Decoder decoder(object);
        decoder("anchor", words.anchor);
        decoder("overlap", words.overlap);
        decoder("catch_up", words.catch_up);
        decoder("window", words.window);
        decoder("max", words.max);
        decoder("spread", words.spread);
        decoder("min_gap", words.min_gap);
        decoder("shift", words.shift);
        std::vector<std::string> changed;
        decoder("changed", changed);
        if (decoder.error()) return tl::unexpected(*decoder.error());
        for (auto* word : {&words.window, &words.spread, &words.min_gap, &words.max})
            if (*word && **word == "none") *word = "default";
        auto policies = core::applied({}, words, false);
        if (!policies) return policies;
        policies->changed = changed;
        std::erase_if(policies->given, [&](const auto& name) {
            return std::find(changed.begin(), changed.end(), name) != changed.end();
        });
        return policies;
    }
};
template <>
struct Codec<core::Policies> {
    static json encode(const core::Policies& value) { return PolicyFields::write(value); }
    static core::Result<core::Policies> decode(const std::string& field, const json& found) {
        if (!found.is_object()) return wrong(field, found, "an object");
        return PolicyFields::read(found);
    }
};
void fields(auto& f, Of<core::TaskEdit> auto& v) {
    f("summary", v.summary);
    f("notes", v.notes);
    f("project", v.project);
    f("tags", v.tags);
    f.sparse("add_tags", v.add_tags);
    f.sparse("remove_tags", v.remove_tags);
    f("priority", v.priority);
}
void fields(auto& f, Of<core::PolicyView> auto& v) {
    f("name", v.name);
    f("value", v.value);
    f("origin", v.origin);
}
void fields(auto& f, Of<core::PolicyWords> auto& v) {
    f("anchor", v.anchor);
    f("overlap", v.overlap);
    f("catch_up", v.catch_up);
    f("window", v.window);
    f("max", v.max);
    f("spread", v.spread);
    f("min_gap", v.min_gap);
    f("shift", v.shift);
}
void fields(auto& f, Of<core::SlotOverride> auto& v) {
    f("recurrence_id", v.id);
    f("to", v.to);
}
void fields(auto& f, Of<core::Series> auto& v) {
    f("id", v.id);
    f("user_id", v.user);
    fields(f, v.content);
    f("dtstart", v.dtstart);
    f.sparse("is_date", v.is_date);
    f("tzid", v.tzid);
    f("rrule", v.rule);
    f.sparse("rdates", v.rdates);
    f.sparse("exdates", v.exdates);
    f("created", v.created);
    f("ended", v.ended);
    f.sparse("ended_by_user", v.ended_by_user);
    f("paused", v.paused);
    f.sparse("pause_note", v.pause_note);
    f.sparse("policies", v.policies);
    f.sparse("overrides", v.overrides);
    f.sparse("predecessor", v.predecessor);
    f.sparse("successor", v.successor);
    f("next_made", v.next);
    f("revision", v.revision);
}
void fields(auto& f, Of<core::SkippedSlots> auto& v) {
    f("from", v.from);
    f("to", v.to);
    f("count", v.count);
    f("reason", v.reason);
}
void fields(auto& f, Of<core::OccurrenceSkipped> auto& v) {
    f("series_id", v.series);
    fields(f, v.slots);
}
void fields(auto& f, Of<core::OccurrenceMoved> auto& v) {
    f("series_id", v.series);
    f("recurrence_id", v.recurrence_id);
    f("to", v.to);
}
void fields(auto& f, Of<core::MovedSlot> auto& v) {
    f("recurrence_id", v.id);
    f("firings", v.firings);
    f("pending", v.pending);
}
void fields(auto& f, Of<core::RetryPolicy> auto& v) {
    f("attempts_max", v.attempts_max);
    f("backoff_ms", v.initial);
    f("backoff_max_ms", v.max);
}
void fields(auto& f, Of<core::RateLimit> auto& v) {
    f("max", v.max);
    f("per_ms", v.per);
}
void fields(auto& f, Of<core::Channel> auto& v) {
    f("name", v.name);
    f("kind", v.kind);
    f.sparse("argv", v.argv);
    f.sparse("to", v.to);
    f.sparse("url", v.url);
    f.sparse("has_secret", v.has_secret);
    f.sparse("app", v.app);
    f.sparse("method", v.method);
    f.sparse("pubsub", v.pubsub);
    f.sparse("topic", v.topic);
    f.sparse("subject", v.subject);
    f.sparse("body", v.body);
    f("timeout_ms", v.timeout);
    f("is_default", v.is_default);
    f("retry", v.retry);
    f("rate", v.rate);
    f.sparse("disabled", v.disabled);
}
void fields(auto& f, Of<ReminderHow> auto& v) {
    f.sparse("grace", v.grace);
    f.sparse("nag", v.nag);
    f.sparse("nag_max", v.nag_max);
    f.sparse("escalate", v.escalate);
    f.sparse("escalate_to", v.escalate_to);
}
void fields(auto& f, Of<core::Reminder> auto& v) {
    f("id", v.id);
    f.sparse("task_id", v.task);
    f.sparse("series_id", v.series);
    f.sparse("anchor", v.anchor);
    f("before_ms", v.before);
    f("at", v.at);
    f.sparse("channels", v.channels);
    f("grace_ms", v.grace);
    f.sparse("nag_ms", v.nag);
    f.sparse("nag_max", v.nag_max);
    f.sparse("escalate_ms", v.escalate);
    f.sparse("escalate_to", v.escalate_to);
    f.sparse("fired", v.fired);
    f.sparse("firing", v.firing);
    f("fired_at", v.fired_at);
    f("snoozed_until", v.snoozed_until);
    f("acknowledged", v.acknowledged);
    f.sparse("nags", v.nags);
    f("nag_at", v.nag_at);
    f("escalate_at", v.escalate_at);
    f("fired_slot", v.fired_slot);
    f("next_slot", v.next_slot);
    f("next", v.next);
    f("from_slot", v.from);
    f("passed_slot", v.passed);
    f.sparse("moved", v.moved);
}
void fields(auto& f, Of<core::ReminderFired> auto& v) {
    f("reminder_id", v.reminder);
    f.sparse("task_id", v.task);
    f.sparse("series_id", v.series);
    f("summary", v.summary);
    f("recurrence_id", v.recurrence_id);
    f("due", v.due);
    f("planned", v.planned);
    f("late_ms", v.late);
    f("firing", v.firing);
    f.sparse("nag", v.nag);
    f.sparse("escalated", v.escalated);
    f("missed", v.missed);
}
void fields(auto& f, Of<core::Attempt> auto& v) {
    f("at", v.at);
    f("result", v.result);
    f("took_ms", v.took);
}
/// What is asked of whom; headers, body and what a step knows stay in the store.
void fields(auto& f, Of<core::Call> auto& v) {
    f("kind", v.kind);
    f("target", v.target);
    f("method", v.method);
    f.sparse("key", v.key);
}
void fields(auto& f, Of<core::Delivery> auto& v) {
    f("id", v.id);
    f.sparse("reminder_id", v.reminder);
    f.sparse("task_id", v.task);
    f.sparse("recurrence_id", v.recurrence_id);
    f.sparse("channel", v.channel);
    f("firing", v.firing);
    f("event_userseq", v.event_user_seq);
    f("state", v.state);
    f("attempts", v.attempts);
    f("created", v.created);
    f("next_attempt", v.next_attempt);
    f("started", v.started);
    f("finished", v.finished);
    f.sparse("result", v.result);
    f.sparse("output", v.output);
    f.sparse("revoked", v.revoked);
    f.sparse("digest_id", v.digest);
    f("call", v.call);
    f.sparse("status", v.status);
    f("expires", v.expires);
    f("planned", v.planned);
    if (v.is_run()) {
        f("why", v.call->verb);
        f.sparse("summary", v.call->summary);
    }
    f.sparse("log", v.log);
}
/// Of an edit only what it asks for.
void fields(auto& f, Of<core::CommandEdit> auto& v) {
    f("argv", v.argv);
    f("directory", v.directory);
    f.sparse("environment", v.environment);
    f("directory_default", v.directory_default);
    f.sparse("environment_default", v.environment_default);
    f("time_limit_ms", v.time_limit);
    f("retry", v.retry);
    f("jitter_ms", v.jitter);
    f("not_after", v.not_after);
    f("group", v.group);
    f.sparse("remove", v.remove);
}
void fields(auto& f, Of<core::Command> auto& v) {
    f("argv", v.argv);
    f("directory", v.directory);
    f.sparse("environment", v.environment);
    f("time_limit_ms", v.time_limit);
    f("retry", v.retry);
    f.sparse("jitter_ms", v.jitter);
    f.sparse("not_after", v.not_after);
    f.sparse("group", v.group);
}
void fields(auto& f, Of<core::Ping> auto& v) {
    f("series_id", v.series);
    f("name", v.name);
    f("kind", v.kind);
    f("outcome", v.outcome);
    f.sparse("run", v.run);
    f("received", v.received);
    f("recurrence_id", v.recurrence_id);
    f("due", v.due);
    f.sparse("late_ms", v.late);
    f("took_ms", v.took);
    f.sparse("missed", v.missed);
    f.sparse("recovered", v.recovered);
}
void fields(auto& f, Of<core::PingStart> auto& v) {
    f("run", v.run);
    f("at", v.at);
    f("recurrence_id", v.slot);
}
void fields(auto& f, Of<core::Expectation> auto& v) {
    f("series_id", v.series);
    f("name", v.name);
    f("grace_ms", v.grace);
    f("window_ms", v.window);
    f.sparse("by_deadline", v.by_deadline);
    f.sparse("failing", v.failing);
    f.sparse("asked", v.asked);
    f.sparse("starts", v.starts);
    f("last", v.last);
}
void fields(auto& f, Of<core::Run> auto& v) {
    f("key", v.key);
    f("command", v.command);
    f("state", v.state);
    f("holder", v.holder);
    f("fence", v.fence);
    f("holders", v.holders);
    f("lease_ms", v.lease);
    f("ttl_ms", v.ttl);
    f("started", v.started);
    f("finished", v.finished);
    f("until", v.until);
    if (v.state == core::RunState::running || v.state == core::RunState::abandoned) return;
    f("status", v.status);
    f("took_ms", v.took);
    f("output_bytes", v.output_bytes);
}
void fields(auto& f, Of<core::BulletinItem> auto& v) {
    f("task_id", v.task);
    f.sparse("number", v.number);
    f("summary", v.summary);
    f("due", v.due);
    f.sparse("why", v.why);
}
void fields(auto& f, Of<core::Bulletin> auto& v) {
    f.sparse("channel", v.channel);
    f("summary", v.summary);
    f("count", v.count);
    f.sparse("items", v.items);
}
void fields(auto& f, Of<core::ForeignTask> auto& v) {
    f.sparse("parent_task_id", v.parent);
}
void fields(auto& f, Of<BreakerView> auto& v) {
    f("target", v.target);
    f("state", v.state);
    f.sparse("failures", v.failures);
    f.sparse("opened", v.opened);
    f.sparse("refused", v.refused);
    f.sparse("wait_ms", v.wait_ms);
}
void fields(auto& f, Of<core::TaskQuery> auto& v) {
    f("statuses", v.statuses);
    f.sparse("deleted", v.deleted);
    f.sparse("project", v.project);
    f.sparse("tags", v.tags);
    f.sparse("text", v.text);
    f("due_from", v.due_from);
    f("due_before", v.due_before);
    f("blocked", v.blocked);
    f("sort", v.sort);
    f("limit", v.limit);
    f.sparse("offset", v.offset);
}
void fields(auto& f, Of<core::UserSettings> auto& v) {
    f("zone", v.zone);
    f("email", v.email);
    f("quiet_hours", v.quiet_hours);
    f.sparse("agenda", v.agenda);
    f.sparse("agenda_channel", v.agenda_channel);
    f.sparse("holidays", v.holidays);
}
void fields(auto& f, Of<SeriesView> auto& v) {
    fields(f, v.series);
    f("words", v.words);
    f("next", v.next);
    f.sparse("open_task", v.open_task);
}

}  // namespace taskd::ipc::codec
