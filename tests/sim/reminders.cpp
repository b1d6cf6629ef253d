// SPDX-License-Identifier: Apache-2.0
// Reminders: that each goes off at its time, how often, and for which reason again.
#include "core/rfc3339.h"
#include "ipc/json.h"
#include "tests/sim/world.h"

#include <algorithm>

namespace taskd::sim {
namespace {

/// A reminder as its events tell of it, up to one of them.
struct Told {
    std::map<std::string, std::int64_t> firings;  ///< by slot, the number of the last one
    std::vector<std::pair<std::string, std::string>> missed;  ///< runs of slots, told as one
    std::optional<std::string> snoozed_until;
    std::string task;          ///< the open one when it went off last
    bool is_moved = false;     ///< its time may have changed since it went off
    bool may_follow = false;   ///< what it went off for is neither seen nor done
    bool must_follow = false;  ///< .. and nothing at all happened to its task
    int nag = 0;
};

bool ends_follow_up(const std::string& type) {
    return type == "task.completed" || type == "task.cancelled" || type == "task.deleted";
}

/// What a task's or series' event may have changed.
void note_change(Told& told, const std::string& reminder, const std::string& type,
                 const json& event) {
    const auto& data = event["data"];
    const auto& payload = data["payload"];
    const std::string task = data["task_id"].is_string() ? data["task_id"] : "";
    if (type == "reminder.snoozed" || type == "reminder.acknowledged") {
        if (payload["id"] != reminder) return;
        told.may_follow = told.must_follow = false;
        told.snoozed_until.reset();
        if (type == "reminder.snoozed") told.snoozed_until = payload["snoozed_until"];
        return;
    }
    if (type.rfind("task.", 0) != 0 && type.rfind("series.", 0) != 0 &&
        type.rfind("occurrence.", 0) != 0)
        return;
    // A snooze may have ended with it, and slots of a series have other times then.
    if (told.snoozed_until) told.snoozed_until = "";
    told.must_follow = false;
    if (type != "task.created") told.is_moved = true;
    if (ends_follow_up(type) && task == told.task) told.may_follow = false;
}

}  // namespace

/// Of each slot the firings are 1, 2, 3, ..., and each further one has its reason.
void World::check_firings(const std::string& user, const std::vector<json>& log) {
    const bool is_whole = log.empty() || log.front()["userseq"] == 1;
    std::map<std::string, Told> all;
    std::set<std::string> moved;  // slots
    for (const auto& event : log) {
        if (event["source"] != own_source) continue;
        const std::string type = event["type"];
        const auto& payload = event["data"]["payload"];
        if (type == "occurrence.moved")
            moved.insert(payload["series_id"].get<std::string>() +
                         payload["recurrence_id"].get<std::string>());
        if (type != "reminder.due" && type != "reminder.missed") {
            for (auto& [reminder, told] : all) note_change(told, reminder, type, event);
            continue;
        }
        Told& told = all[payload["reminder_id"]];
        const std::string slot = payload.value("recurrence_id", "");
        const std::int64_t number = payload["firing"];
        const int nag = payload.value("nag", 0);
        const bool follows = nag > 0 || payload.value("escalated", false);
        const auto before = told.firings.find(slot);
        std::int64_t last = before == told.firings.end() ? 0 : before->second;
        for (const auto& [from, to] : told.missed)
            if (last == 0 && from <= slot && slot <= to) last = 1;
        // A stack's slot whose task was done ahead of its time is passed over with its number.
        daemon::Query stack(*database_,
                            "SELECT 1 FROM series WHERE user_id = ? AND id = ? AND "
                            "json_extract(policies, '$.overlap') = 'stack'",
                            user, payload.value("series_id", ""));
        // One that is moved after it went off goes on behind all numbers that were given.
        const bool has_gaps =
            !is_whole || stack.step() || moved.contains(payload.value("series_id", "") + slot);
        require(number > last, "P4: a firing has a number of its own: " + payload.dump());
        require(number == last + 1 || has_gaps,
                "P9: firings are numbered one after the other: " + payload.dump());
        require(number == 1 || follows || told.snoozed_until || told.is_moved || has_gaps ||
                    known_[user].moved.contains(payload.value("series_id", "")),
                "P9: another firing has its reason: " + payload.dump());
        require(!follows || told.may_follow || has_gaps,
                "P9: what was seen, put off or done comes no more: " + payload.dump());
        if (follows)
            require(nag >= told.nag && nag <= told.nag + 1 - (is_whole ? 0 : -1000),
                    "P9: repeats are counted: " + payload.dump());
        else if (told.snoozed_until && !told.snoozed_until->empty() && type == "reminder.due")
            require(payload["planned"] >= *told.snoozed_until,
                    "P9: a snoozed reminder waits: " + payload.dump());
        told.firings[slot] = number;
        if (payload.contains("missed"))
            told.missed.emplace_back(payload["missed"]["from"], payload["missed"]["to"]);
        told.nag = nag;
        told.task = payload.value("task_id", "");
        if (follows) continue;
        told.snoozed_until.reset();
        told.is_moved = false;
        told.may_follow = told.must_follow = type == "reminder.due";
    }
    daemon::Query row(*database_,
                      "SELECT id, nags, nag_max, nag_at, next_ms, escalate_at FROM reminder WHERE "
                      "user_id = ? AND nag_ms > 0 ORDER BY id",
                      user);
    while (row.step()) {
        const auto told = all.find(row.text(0));
        require(row.integer(1) <= row.integer(2), "P8: repeats have a bound");
        if (told == all.end() || !told->second.must_follow || row.integer(1) == row.integer(2))
            continue;
        require(!row.is_null(3) && !row.is_null(4) && row.time(4) <= row.time(3),
                "P9: a reminder that nobody acknowledged comes again: " + row.text(0));
    }
}

void World::check_reminders(const std::string& user, const std::vector<json>& log) {
    std::map<std::string, std::vector<std::pair<std::string, std::string>>> covered;
    std::set<std::string> told_at;                  // reminder, slot and the time that it had
    std::map<std::string, core::Timestamp> edited;  // series whose reminders may be others since
    for (const auto& event : log) {
        const std::string type = event["type"];
        if (event["source"] != own_source) continue;
        const auto& payload = event["data"]["payload"];
        if (type == "task.updated") {
            auto& last = edited[payload.value("series_id", "")];
            last = std::max(last, *core::parse_utc(event["time"].get<std::string>()));
        }
        if (type != "reminder.due" && type != "reminder.missed") continue;
        const std::string reminder = payload["reminder_id"];
        const std::string slot = payload.value("recurrence_id", "");
        const std::string last =
            payload.contains("missed") ? payload["missed"]["to"].get<std::string>() : slot;
        const bool again = payload["firing"].get<std::int64_t>() > 1;
        const std::string planned_text = payload["planned"];
        told_at.insert(reminder + " " + slot + " " + planned_text);
        const auto planned = core::parse_utc(planned_text);
        const auto at = core::parse_utc(event["time"].get<std::string>());
        require(planned && at && *planned <= *at, "P9: a reminder never goes off early");
        require((*at - *planned).count() == payload["late_ms"].get<std::int64_t>(),
                "P9: a reminder says by how much it is late");
        daemon::Query grace(*database_,
                            "SELECT grace_ms FROM reminder WHERE user_id = ? AND id = ?", user,
                            reminder);
        const bool follows = payload.value("nag", 0) > 0 || payload.value("escalated", false);
        if (type == "reminder.due" && !follows && grace.step())
            require(payload["late_ms"].get<std::int64_t>() <= grace.integer(0),
                    "P9: past its grace a reminder is missed: " + payload.dump());
        if (again) continue;
        // A moved slot goes off by itself, and may lie within a run of the others.
        const bool moved = known_[user].moved.contains(payload.value("series_id", ""));
        for (const auto& [from, to] : covered[reminder])
            require(last < from || slot > to || slot.empty() ||
                        (moved && (slot == last) != (from == to)),
                    "P9: a reminder goes off once for a slot: " + payload.dump());
        covered[reminder].emplace_back(slot, last);
    }
    if (!log.empty() && log.front()["userseq"] != 1) return;
    // Nothing is forgotten: an open task whose reminder's time has come has been told of.
    for (const auto& [id, task] : known_[user].tasks) {
        const bool closed = task["status"] == "completed" || task["status"] == "cancelled";
        if (task.contains("gone") || task.contains("deleted") || closed) continue;
        if (known_[user].paused.contains(task.value("series_id", ""))) continue;  // was silent
        if (!task.contains("due")) continue;  // edited away; its reminders rest
        const auto details = call(user, "task.get", {{"task", id}})["result"];
        for (const auto& reminder : details["reminders"]) {
            const auto parsed = ipc::from_json<core::Reminder>(reminder);
            const auto due = ipc::from_json<core::CalendarTime>(task["due"]);
            require(parsed && due, "a reminder can be read");
            core::TaskContent times;
            times.due = *due;
            if (task.contains("start"))
                times.start = *ipc::from_json<core::CalendarTime>(task["start"]);
            const auto base = core::base_of(*parsed, times);
            if (!base) continue;  // the task waits for another, or its start was taken away
            const auto time = core::time_of(*parsed, *base);
            if (!time || *time > clock_.now()) continue;
            if (parsed->snoozed_until && *parsed->snoozed_until > clock_.now()) continue;
            // What was closed when its time came, and opened again later, was cancelled for good;
            // what was edited after its time was told of by its old time. A clock that was set
            // back had been there before.
            const auto modified = core::parse_utc(task["modified"].get<std::string>());
            if (task["revision"] > 1 && *modified + set_back_ >= *time) continue;
            const auto since = edited.find(task.value("series_id", ""));
            if (!parsed->series.empty() && since != edited.end() && since->second >= *time)
                continue;
            const std::string slot = task.value("recurrence_id", "");
            // What a clock that was ahead has passed stays so, also where a completion begins anew
            // from an earlier time.
            if (set_back_.count() > 0 && parsed->passed && slot <= core::format(*parsed->passed))
                continue;
            const auto& told = covered[reminder["id"]];
            const bool at_its_time = told_at.contains(reminder["id"].get<std::string>() + " " +
                                                      slot + " " + core::format_utc(*time));
            if (at_its_time) continue;
            // What a snooze did is not followed here; whoever moved a slot waits for its new time.
            const bool moved = known_[user].moved.contains(task.value("series_id", "")) &&
                               core::format_local(due->local) != slot.substr(0, 19) &&
                               !known_[user].snoozed.contains(reminder["id"]);
            require(!moved && std::any_of(told.begin(), told.end(),
                                          [&](const auto& run) {
                                              return run.first <= slot && slot <= run.second;
                                          }),
                    "P9: a reminder whose time has come has gone off or is recorded as missed: " +
                        reminder.dump() + " of " + task.dump());
        }
    }
}

/// One of the tasks that a delivery was about lately, by number.
std::string World::reminded_task(const std::string& user) {
    daemon::Query row(*database_,
                      "SELECT t.number FROM delivery d JOIN task t ON t.user_id = d.user_id AND "
                      "t.id = d.task_id WHERE d.user_id = ? ORDER BY d.created DESC, d.id LIMIT 1 "
                      "OFFSET ?",
                      user, random_.between(0, 2));
    return row.step() ? std::to_string(row.integer(0)) : "";
}

/// How it comes again, for some of them.
void World::add_reminding(json& params, const std::string& user, const Pick& pick) {
    const auto& known = known_[user].channels;
    const std::vector<std::string> channels(known.begin(), known.end());
    if (random_.one_in(3)) {
        params["nag"] = pick({"10m", "1h", "5h"});
        params["nag_max"] = random_.between(1, 4);
    }
    if (random_.one_in(4)) params["grace"] = pick({"0s", "10m", "3h", "7d"});
    if (channels.empty()) return;
    if (random_.one_in(2)) params["channels"] = json::array({pick(channels)});
    if (random_.one_in(3)) params["channels"] = channels;
    if (random_.one_in(2)) {
        params["escalate"] = pick({"10m", "30m", "2h"});
        params["escalate_to"] = json::array({pick(channels)});
    }
}

}  // namespace taskd::sim
