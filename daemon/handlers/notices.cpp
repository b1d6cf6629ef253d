// SPDX-License-Identifier: Apache-2.0
#include "daemon/handlers/notices.h"

#include "core/span.h"
#include "core/text.h"
#include "core/when.h"
#include "ipc/json.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

namespace taskd::daemon {
namespace {

using core::Bulletin;
using core::BulletinItem;
using core::Notice;
using core::Timestamp;
using nlohmann::json;
using std::chrono::days;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::size_t notes_bytes_max = 2000;
constexpr std::size_t url_bytes_max = 2000;
constexpr int urgent_priority = 2;  // RFC 5545 section 3.8.1.9: 1 is the highest
constexpr int minor_priority = 6;

/// What an event of taskd's own says.
json payload_of(const ipc::CloudEvent& event) {
    const auto data = json::parse(event.data, nullptr, false);
    if (!data.is_object()) return json::object();
    const auto payload = data.find("payload");
    return payload != data.end() && payload->is_object() ? *payload : json::object();
}

std::string text_at(const json& data, const char* name) {
    const auto found = data.find(name);
    return found != data.end() && found->is_string() ? found->get<std::string>() : "";
}

std::int64_t number_at(const json& data, const char* name) {
    const auto found = data.find(name);
    return found != data.end() && found->is_number_integer() ? found->get<std::int64_t>() : 0;
}

std::string due_words(const json& data) {
    const auto found = data.find("due");
    if (found == data.end()) return "";
    const auto due = ipc::from_json<core::CalendarTime>(*found);
    return due ? core::describe(*due) : "";
}

/// The first address of a page in a text.
std::string url_in(const std::string& text) {
    for (const auto& word : core::words_of(text)) {
        const bool is_url = word.rfind("https://", 0) == 0 || word.rfind("http://", 0) == 0;
        if (is_url && word.size() <= url_bytes_max && !core::has_control(word)) return word;
    }
    return "";
}

std::string counted(std::int64_t count, const std::string& noun) {
    return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

void add_task(Notice& notice, const core::Task& task) {
    notice.task = task.id.str();
    notice.number = std::to_string(task.number);
    notice.notes = task.content.notes;
    notice.project = task.content.project;
    notice.tags = core::join(task.content.tags, ", ");
    if (task.content.priority != 0) notice.priority = std::to_string(task.content.priority);
    notice.url = url_in(task.content.notes);
    const auto priority = task.content.priority;
    notice.is_urgent = priority >= 1 && priority <= urgent_priority;
    notice.is_minor = priority >= minor_priority;
    notice.can_act = task.is_open();
}

std::string text_of(const Notice& notice, bool follows) {
    std::vector<std::string> lines;
    if (follows) lines.push_back("Reminder " + notice.firing + ": nobody has acknowledged it yet.");
    if (!notice.due.empty()) lines.push_back("Due " + notice.due);
    if (!notice.late.empty())
        lines.push_back("This reminder comes " + notice.late + " after its time.");
    if (!notice.project.empty()) lines.push_back("Project " + notice.project);
    if (!notice.notes.empty()) lines.push_back(core::clipped(notice.notes, notes_bytes_max));
    return core::join(lines, "\n");
}

void add_reminder(Notice& notice, const json& data) {
    notice.summary = text_at(data, "summary");
    notice.due = due_words(data);
    notice.series = text_at(data, "series_id");
    const seconds late =
        std::chrono::duration_cast<seconds>(milliseconds{number_at(data, "late_ms")});
    // To the minute, and after a day to the hour.
    const seconds unit = late >= days{1} ? seconds{hours{1}} : seconds{minutes{1}};
    if (late >= minutes{1}) notice.late = core::format_span(late / unit * unit);
    const bool follows = number_at(data, "nag") > 0 || data.value("escalated", false);
    if (follows) notice.is_urgent = true;
    notice.text = text_of(notice, follows);
}

void add_bulletin(Notice& notice, const json& data) {
    notice.summary = text_at(data, "summary");
    const auto count = number_at(data, "count");
    notice.count = std::to_string(count);
    std::vector<std::string> lines;
    const auto items = data.find("items");
    if (items != data.end() && items->is_array())
        for (const auto& item : *items) {
            const auto number = number_at(item, "number");
            std::string line = number > 0 ? "- " + std::to_string(number) + ": " : "- ";
            line += text_at(item, "summary");
            if (const auto due = due_words(item); !due.empty()) line += ", " + due;
            if (const auto why = text_at(item, "why"); why == "overdue") line += ", overdue";
            lines.push_back(line);
        }
    const auto more = count - static_cast<std::int64_t>(lines.size());
    if (!lines.empty() && more > 0) lines.push_back("and " + std::to_string(more) + " more");
    notice.text = lines.empty() ? notice.summary : core::join(lines, "\n");
}

void add_test(Notice& notice, const json& data) {
    add_bulletin(notice, data);
    notice.text = "Reminders that go to this channel arrive.";
}

/// A task's command that did not succeed.
void add_failure(Notice& notice, const json& data, Handling& h) {
    constexpr std::size_t output_bytes_max = 2000;
    const auto run = ipc::from_json<core::Delivery>(data);
    if (!run || !run->call) return;
    notice.summary = "Failed: " + run->call->summary;
    notice.is_urgent = true;
    if (const auto task = h.unit.find_task(core::UserId{notice.user}, run->task))
        notice.number = std::to_string(task->number);
    std::vector<std::string> lines{run->call->method + ": " + run->result};
    if (run->attempts > 1) lines.push_back(std::to_string(run->attempts) + " attempts");
    lines.push_back("taskctl runs show " + run->id.str());
    if (const auto size = run->output.size(); size > 0) {
        const auto from = size > output_bytes_max ? run->output.find('\n', size - output_bytes_max)
                                                  : std::string::npos;
        lines.push_back("\n" + (from == std::string::npos
                                    ? core::clipped(run->output, output_bytes_max)
                                    : run->output.substr(from + 1)));
    }
    notice.text = core::join(lines, "\n");
}

/// A ping that says of a failure, or ends a time without success.
void add_ping(Notice& notice, const json& data) {
    const std::string name = text_at(data, "name");
    const std::string run = text_at(data, "run");
    const bool has_failed = text_at(data, "kind") == "fail";
    notice.summary = (has_failed ? "Failed: " : "Back: ") + name;
    notice.is_urgent = has_failed;
    notice.series = text_at(data, "series_id");
    notice.due = due_words(data);
    std::vector<std::string> lines{name + (has_failed ? " says that it failed" : " was pinged")};
    if (!notice.due.empty()) lines.push_back("Expected by " + notice.due);
    const auto late = std::chrono::duration_cast<seconds>(milliseconds{number_at(data, "late_ms")});
    if (late >= seconds{1}) lines.push_back("Late by " + core::format_span(late));
    if (const auto missed = number_at(data, "missed"); missed > 0)
        lines.push_back(counted(missed, "time") + " no ping came before");
    if (!run.empty()) lines.push_back("Run " + run);
    notice.text = core::join(lines, "\n");
}

/// The reminder of a series whose pings are expected.
void add_silence(Notice& notice, const core::Expectation& expectation) {
    notice.summary = "No ping: " + expectation.name;
    notice.is_urgent = true;
    std::string line = "Expected by " + notice.due;
    if (expectation.grace.count() > 0)
        line += ", and " + core::format_span(expectation.grace) + " of grace have passed";
    notice.text = line + "\n" + notice.text;
}

BulletinItem item_of(const core::Task& task) {
    return {task.id, task.number, task.content.summary, task.content.due, {}};
}

}  // namespace

Notice notice_of(const core::Delivery& delivery, const ipc::CloudEvent& event, Handling& h) {
    Notice notice;
    notice.user = delivery.user.str();
    notice.channel = delivery.channel;
    notice.delivery = delivery.id.str();
    notice.event = event.id;
    notice.recurrence_id = delivery.recurrence_id;
    notice.firing = std::to_string(delivery.firing);
    notice.count = "1";
    const auto data = payload_of(event);
    if (const auto task = h.unit.find_task(delivery.user, delivery.task)) add_task(notice, *task);
    if (!delivery.reminder.empty())
        add_reminder(notice, data);
    else if (event.type == "channel.test")
        add_test(notice, data);
    else if (event.type == "delivery.failed")
        add_failure(notice, data, h);
    else if (event.type == "ping.received")
        add_ping(notice, data);
    else
        add_bulletin(notice, data);
    if (!delivery.reminder.empty())
        if (const auto expected =
                h.unit.find_expectation(delivery.user, core::SeriesId{notice.series})) {
            // Somebody may have set others, before the time.
            const auto reminder = h.unit.find_reminder(delivery.user, delivery.reminder);
            if (reminder && -reminder->before >= expected->grace) add_silence(notice, *expected);
        }
    // What rules say does not take the place of what they said before.
    const bool is_rule = event.type == "rule.notified";
    notice.tag = is_rule                  ? event.id
                 : !notice.task.empty()   ? notice.task
                 : !notice.series.empty() ? notice.series
                                          : event.type + " " + delivery.channel;
    return notice;
}

Bulletin digest_of(const core::Delivery& digest, Handling& h) {
    Bulletin bulletin;
    bulletin.channel = digest.channel;
    bulletin.count = h.unit.count_digested(digest.user, digest.id);
    bulletin.summary = counted(bulletin.count, "reminder");
    constexpr auto shown = static_cast<std::int64_t>(core::bulletin_items_max);
    for (const auto& one : h.unit.digested(digest.user, digest.id, shown)) {
        if (const auto task = h.unit.find_task(digest.user, one.task)) {
            bulletin.items.push_back(item_of(*task));
            continue;
        }
        const auto event = h.unit.find_event(digest.user, one.event_user_seq);
        if (event)
            bulletin.items.push_back({{}, 0, text_at(payload_of(*event), "summary"), {}, {}});
    }
    std::sort(bulletin.items.begin(), bulletin.items.end(), [](const auto& a, const auto& b) {
        const auto time = [](const auto& item) {
            return item.due ? item.due->at : Timestamp::max();
        };
        return std::pair(time(a), a.number) < std::pair(time(b), b.number);
    });
    if (bulletin.count == 1 && !bulletin.items.empty())
        bulletin.summary = bulletin.items.front().summary;
    return bulletin;
}

Bulletin agenda_of(const core::TimeZone& zone, Handling& h) {
    const auto now = h.unit.now();
    const auto today = std::chrono::floor<std::chrono::days>(zone.to_local(now));
    core::TaskQuery query;
    query.due_before = zone.to_utc(today + std::chrono::days{1}).at;
    query.limit = core::bulletin_items_max;
    const auto page = h.unit.list_tasks(h.user, query);
    Bulletin bulletin;
    bulletin.count = page.total;
    const auto start = zone.to_utc(today).at;
    std::int64_t overdue = 0;
    for (const auto& task : page.tasks) {
        auto item = item_of(task);
        const bool is_over = task.content.due && task.content.due->at < start;
        item.why = is_over ? "overdue" : "today";
        overdue += is_over ? 1 : 0;
        bulletin.items.push_back(std::move(item));
    }
    bulletin.summary = bulletin.count == 0
                           ? "Nothing is due today"
                           : "Agenda: " + counted(bulletin.count, "task") + " due today or overdue";
    return bulletin;
}

}  // namespace taskd::daemon
