// SPDX-License-Identifier: Apache-2.0
#include "core/rfc3339.h"
#include "core/uuid.h"
#include "daemon/store/columns.h"
#include "daemon/store/event_rows.h"
#include "daemon/store/unit_of_work.h"
#include "ipc/cloud_event.h"

#include <algorithm>

namespace taskd::daemon {
namespace {

using nlohmann::json;

// One reply must stay far below a message's limit, whatever the events weigh.
constexpr std::size_t page_bytes_max = 1024 * 1024;

// One request reads this many rows at most, however rare the type is that it looks for.
constexpr std::int64_t page_rows_max = 20'000;

constexpr std::int64_t row_bytes = 256;  // of what a row holds beside data and attributes, about

// Members of the attributes column that are no extension attributes.
constexpr const char* content_type_name = "datacontenttype";
constexpr const char* base64_name = "data_base64";

std::optional<std::string> attributes_column(const core::AcceptedEvent& event) {
    if (event.attributes.empty() && event.datacontenttype.empty() && !event.data_is_base64)
        return {};
    json object = json::object();
    for (const auto& [name, value] : event.attributes) object[name] = value;
    if (!event.datacontenttype.empty()) object[content_type_name] = event.datacontenttype;
    if (event.data_is_base64) object[base64_name] = true;
    return object.dump();
}

Database::LogHead read_head(Database& db, const core::UserId& user) {
    Database::LogHead head;
    Query floor(db, "SELECT event_floor, event_bytes_floor FROM user WHERE user_id = ?",
                user.str());
    if (floor.step()) head = {floor.integer(0), floor.integer(1), floor.integer(1)};
    Query newest(db,
                 "SELECT user_seq, bytes_total FROM event WHERE user_id = ? "
                 "ORDER BY user_seq DESC LIMIT 1",
                 user.str());
    if (newest.step()) {
        head.user_seq = newest.integer(0);
        head.bytes_total = newest.integer(1);
    }
    return head;
}

Database::LogHead& head_of(Database& db, const core::UserId& user) {
    const auto found = db.log_heads.find(user.str());
    if (found != db.log_heads.end()) return found->second;
    if (db.log_heads.size() >= Database::log_heads_max) db.log_heads.clear();
    return db.log_heads.emplace(user.str(), read_head(db, user)).first->second;
}

}  // namespace

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
    if (row.is_null(9)) return event;
    const auto attributes = json::parse(row.text(9));
    for (const auto& [name, value] : attributes.items()) {
        if (name == base64_name)
            event.data_is_base64 = true;
        else if (name == content_type_name)
            event.datacontenttype = value.get<std::string>();
        else
            event.attributes.emplace(name, value.get<std::string>());
    }
    return event;
}

/// A row that is about to be written; texts are borrowed.
struct UnitOfWork::LogRow {
    std::int64_t hash;
    const std::string& user;
    const std::string& dedup_key;
    const std::string& id;
    const std::string& source;
    const std::string& type;
    const std::string& subject;
    core::Timestamp time;
    const std::optional<std::string>& attributes;
    const std::string& data;
    const std::string& traceparent;
};

void UnitOfWork::insert_event(const LogRow& row) {
    auto& head = head_of(db_, core::UserId{row.user});
    const auto bytes =
        static_cast<std::int64_t>(row.data.size() + (row.attributes ? row.attributes->size() : 0));
    // `seq` has no meaning but its order: numbers of rows that were undone are left out.
    db_.event_keys.add(row.hash, db_.last_event_seq + 1);
    Query(db_, "INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, nullif(?, ''), ?)",
          db_.last_event_seq + 1, row.user, head.user_seq + 1, head.bytes_total + bytes + row_bytes,
          row.dedup_key, row.id, row.source, row.type, row.subject, row.time, now_, row.attributes,
          row.data, row.traceparent, change_id_)
        .run();
    ++db_.last_event_seq;
    ++head.user_seq;
    head.bytes_total += bytes + row_bytes;
}

std::int64_t UnitOfWork::event_head(const core::UserId& user) {
    return head_of(db_, user).user_seq;
}

std::int64_t UnitOfWork::event_floor(const core::UserId& user) {
    Query floor(db_, "SELECT event_floor FROM user WHERE user_id = ?", user.str());
    return floor.step() ? floor.integer(0) : 0;
}

std::int64_t UnitOfWork::event_bytes(const core::UserId& user) {
    const auto& head = head_of(db_, user);
    return head.bytes_total - head.bytes_floor;
}

std::int64_t UnitOfWork::append_event(const core::UserId& user, const core::Event& event) {
    ipc::CloudEvent out;
    out.id = core::uuid_v7(now_, context_.random);
    out.source = source();
    out.type = event.type;
    out.subject = event.subject;
    out.time = core::format_utc(now_);
    out.userid = user.str();
    const auto* foreign = std::get_if<core::ForeignTask>(&event.payload);
    out.data = json{{"event_id", out.id},
                    {"event_type", out.type},
                    {"task_id", foreign != nullptr ? ipc::to_json(foreign->id) : json(out.subject)},
                    {"user_id", out.userid},
                    {"payload", ipc::payload_json(event.payload)}}
                   .dump();
    // What is told of a delivery has the rules that led to that.
    const auto* delivery = std::get_if<core::Delivery>(&event.payload);
    const auto& chain =
        delivery != nullptr && rule_chain_.empty() ? delivery->rule_chain : rule_chain_;
    std::optional<std::string> attributes;
    if (!chain.empty()) {
        out.attributes.emplace(core::rule_chain_attribute, chain);
        attributes = json{{core::rule_chain_attribute, chain}}.dump();
    }
    insert_event({dedup_hash(out.userid, out.source, out.id), out.userid, out.id, out.id,
                  out.source, out.type, out.subject, now_, attributes, out.data, out.traceparent});
    out.userseq = event_head(user);
    publications_.push_back({user, std::move(out)});
    return publications_.back().event.userseq;
}

std::optional<Stored> UnitOfWork::known(const core::AcceptedEvent& event) {
    const auto hash = dedup_hash(event.user.str(), event.source, event.dedup_key);
    for (const auto seq : db_.event_keys.find(hash))
        if (auto before = stored_before(event, seq)) return before;
    return {};
}

Stored UnitOfWork::publish(const core::AcceptedEvent& event) {
    const auto hash = dedup_hash(event.user.str(), event.source, event.dedup_key);
    for (const auto seq : db_.event_keys.find(hash))
        if (auto before = stored_before(event, seq)) return std::move(*before);
    const auto attributes = attributes_column(event);
    insert_event({hash, event.user.str(), event.dedup_key, event.id, event.source, event.type,
                  event.subject, event.time, attributes, event.data, event.traceparent});
    const auto user_seq = event_head(event.user);
    publications_.push_back({event.user, ipc::cloud_event(event, user_seq)});
    return {Stored::As::fresh, event.id, event.type, user_seq};
}

/// What is known of the event's key, if it is the one of row `seq`: of the log, or of what
/// retention left of it.
std::optional<Stored> UnitOfWork::stored_before(const core::AcceptedEvent& event,
                                                std::int64_t seq) {
    const auto as = [](bool same) { return same ? Stored::As::duplicate : Stored::As::conflict; };
    Query row(db_,
              "SELECT id, type, user_seq, subject, data FROM event "
              "WHERE seq = ? AND user_id = ? AND source = ? AND dedup_key = ?",
              seq, event.user.str(), event.source, event.dedup_key);
    if (row.step())
        return Stored{as(row.text(1) == event.type && row.text(3) == event.subject &&
                         row.text(4) == event.data),
                      row.text(0), row.text(1), row.integer(2)};
    Query seen(db_,
               "SELECT id, type, user_seq, digest FROM seen "
               "WHERE seq = ? AND user_id = ? AND source = ? AND dedup_key = ? AND expires > ?",
               seq, event.user.str(), event.source, event.dedup_key, now_);
    if (!seen.step()) return {};
    return Stored{as(seen.text(3) == core::content_digest(event.type, event.subject, event.data)),
                  seen.text(0), seen.text(1), seen.integer(2)};
}

std::optional<ipc::CloudEvent> UnitOfWork::find_event(const core::UserId& user,
                                                      std::int64_t user_seq) {
    Query row(db_, "SELECT " EVENT_COLUMNS " FROM event WHERE user_id = ? AND user_seq = ?",
              user.str(), user_seq);
    if (!row.step()) return {};
    return read_event(row);
}

std::optional<core::Timestamp> UnitOfWork::received(const core::UserId& user,
                                                    std::int64_t user_seq) {
    Query row(db_, "SELECT received FROM event WHERE user_id = ? AND user_seq = ?", user.str(),
              user_seq);
    if (!row.step()) return {};
    return row.time(0);
}

std::int64_t UnitOfWork::last_event_before(const core::UserId& user, core::Timestamp time) {
    std::int64_t before = event_floor(user);     // came before, or is gone
    std::int64_t behind = event_head(user) + 1;  // came then or later, or is not there yet
    while (behind - before > 1) {
        const auto middle = before + (behind - before) / 2;
        const auto came = received(user, middle);
        (came && *came < time ? before : behind) = middle;
    }
    return before;
}

std::int64_t UnitOfWork::scan_events(const core::UserId& user, std::int64_t after,
                                     std::int64_t rows_max, const Visit& visit) {
    Query row(db_,
              "SELECT " EVENT_COLUMNS
              " FROM event WHERE user_id = ? AND user_seq > ? ORDER BY user_seq LIMIT ?",
              user.str(), after, rows_max);
    std::int64_t rows = 0;
    while (row.step()) {
        ++rows;
        after = row.integer(1);
        if (!visit(read_event(row))) return after;
    }
    return rows < rows_max ? event_head(user) : after;
}

ipc::EventPage UnitOfWork::read_events(const core::UserId& user, std::int64_t after,
                                       const core::TopicFilter& filter, std::int64_t limit) {
    ipc::EventPage page;
    page.head = event_head(user);
    page.oldest = event_floor(user) + 1;
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
    page.oldest = event_floor(user) + 1;
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
