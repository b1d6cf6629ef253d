// SPDX-License-Identifier: Apache-2.0
#include "core/rfc3339.h"
#include "core/uuid.h"
#include "daemon/store/columns.h"
#include "daemon/store/unit_of_work.h"

#include <algorithm>

namespace taskd::daemon {
namespace {

using nlohmann::json;

#define EVENT_COLUMNS "user_id, user_seq, id, source, type, subject, time, data, traceparent"

// One reply must stay far below a message's limit, whatever the events weigh.
constexpr std::size_t page_bytes_max = 1024 * 1024;

// One request reads this many rows at most, however rare the type is that it looks for.
constexpr std::int64_t page_rows_max = 20'000;

ipc::CloudEvent read_event(const Query& row) {
    ipc::CloudEvent event;
    event.userid = row.text(0);
    event.userseq = row.integer(1);
    event.id = row.text(2);
    event.source = row.text(3);
    event.type = row.text(4);
    event.subject = row.text(5);
    event.time = core::format_utc(row.time(6));
    event.data = row.text(7);
    event.traceparent = row.text(8);
    return event;
}

}  // namespace

std::int64_t UnitOfWork::event_head(const core::UserId& user) {
    Query row(db_, "SELECT event_head FROM user WHERE user_id = ?", user.str());
    return row.step() ? row.integer(0) : 0;
}

std::int64_t UnitOfWork::append_event(const core::UserId& user, const core::Event& event) {
    std::int64_t user_seq = 0;
    {
        Query head(db_,
                   "INSERT INTO user (user_id, event_head) VALUES (?, 1) ON CONFLICT (user_id) "
                   "DO UPDATE SET event_head = event_head + 1 RETURNING event_head",
                   user.str());
        core::check(head.step(), "an upsert returns its row");
        user_seq = head.integer(0);
    }
    ipc::CloudEvent out;
    out.id = core::uuid_v7(now_, context_.random);
    out.source = "/taskd/" + context_.node;
    out.type = event.type;
    out.subject = event.subject;
    out.time = core::format_utc(now_);
    out.userid = user.str();
    out.userseq = user_seq;
    out.data = json{{"event_id", out.id},
                    {"event_type", out.type},
                    {"task_id", out.subject},
                    {"user_id", out.userid},
                    {"payload", ipc::payload_json(event.payload)}}
                   .dump();
    Query(db_,
          "INSERT INTO event (user_id, user_seq, dedup_key, id, source, type, subject, time, "
          "received, data, change_id) VALUES (?1, ?2, ?3, ?3, ?4, ?5, ?6, ?7, ?7, ?8, ?9)",
          out.userid, user_seq, out.id, out.source, out.type, out.subject, now_, out.data,
          change_id_)
        .run();
    publications_.push_back({user, std::move(out)});
    return user_seq;
}

std::optional<ipc::CloudEvent> UnitOfWork::find_event(const core::UserId& user,
                                                      std::int64_t user_seq) {
    Query row(db_, "SELECT " EVENT_COLUMNS " FROM event WHERE user_id = ? AND user_seq = ?",
              user.str(), user_seq);
    if (!row.step()) return {};
    return read_event(row);
}

ipc::EventPage UnitOfWork::read_events(const core::UserId& user, std::int64_t after,
                                       const core::TopicFilter& filter, std::int64_t limit) {
    ipc::EventPage page;
    page.head = event_head(user);
    page.next = std::max(after, page.head);
    std::size_t bytes = 0;
    Query row(db_,
              "SELECT " EVENT_COLUMNS
              " FROM event WHERE user_id = ? AND user_seq > ? ORDER BY user_seq LIMIT ?",
              user.str(), after, page_rows_max);
    for (std::int64_t rows = 1; row.step(); ++rows) {
        if (rows == page_rows_max) page.next = row.integer(1);
        if (!filter.matches(row.text(4))) continue;
        if (static_cast<std::int64_t>(page.events.size()) == limit || bytes > page_bytes_max) {
            page.next = page.events.back().userseq;
            break;
        }
        page.events.push_back(read_event(row));
        bytes += page.events.back().data.size();
    }
    return page;
}

ipc::EventPage UnitOfWork::newest_events(const core::UserId& user, std::int64_t before,
                                         const core::TopicFilter& filter, std::int64_t limit) {
    ipc::EventPage page;
    page.head = event_head(user);
    page.next = page.head;
    std::size_t bytes = 0;
    Query row(db_,
              "SELECT " EVENT_COLUMNS
              " FROM event WHERE user_id = ? AND user_seq < ? ORDER BY user_seq DESC LIMIT ?",
              user.str(), before > 0 ? before : page.head + 1, page_rows_max);
    while (static_cast<std::int64_t>(page.events.size()) < limit && bytes <= page_bytes_max &&
           row.step()) {
        if (!filter.matches(row.text(4))) continue;
        page.events.push_back(read_event(row));
        bytes += page.events.back().data.size();
    }
    std::reverse(page.events.begin(), page.events.end());
    return page;
}

}  // namespace taskd::daemon
