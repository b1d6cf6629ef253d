// SPDX-License-Identifier: Apache-2.0
// Requests and replies about the log, its consumers and its dead letters; see messages.h.
#pragma once

#include "core/clock.h"
#include "core/error.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace taskd::ipc {

inline constexpr std::size_t live_data_bytes_max = 16 * 1024;  ///< larger ones go as `dataref`
inline constexpr std::size_t publish_events_max = 1000;        ///< in one event.publish
inline constexpr std::size_t fetch_events_max = 1000;          ///< in one consumer.fetch
inline constexpr std::size_t items_max = 1000;                 ///< in one ack, nack or extend

inline constexpr std::int64_t missed_max = 1'000'000'000;  ///< in one event.read

/// An event as CloudEvents 1.0 has it.
struct CloudEvent {
    std::string id;
    std::string source;
    std::string type;
    std::string subject;
    std::string time;
    std::string datacontenttype;  ///< "": application/json
    std::string userid;
    std::int64_t userseq = 0;
    std::string traceparent;
    std::string dataref;          ///< instead of data, in a live copy of a large event
    std::string data;             ///< JSON text; "" for none
    bool data_is_base64 = false;  ///< `data` is a text: the base64 of bytes
    std::map<std::string, std::string> attributes;  ///< dataschema and extensions

    bool operator==(const CloudEvent&) const = default;
};

/// `head` is the user's newest event, `oldest` the first that retention has not taken; `next` is
/// what to pass as `after` to go on.
struct EventPage {
    std::vector<CloudEvent> events;
    std::int64_t head = 0;
    std::int64_t oldest = 1;
    std::int64_t next = 0;
};
struct EventRead {
    using Reply = EventPage;
    static constexpr std::string_view method = "event.read";
    static constexpr bool writes = false;
    std::int64_t after = 0;
    std::optional<core::Timestamp> since;  ///< instead of `after`: what came at that time or later
    std::vector<std::string> types;
    std::int64_t limit = 100;
    std::int64_t wait_ms = 0;
    std::int64_t missed = 0;  ///< live copies that the caller lost, for the daemon's counter
};
struct EventList {
    using Reply = EventPage;
    static constexpr std::string_view method = "event.list";
    static constexpr bool writes = false;
    std::vector<std::string> types;
    std::int64_t limit = 20;  ///< the newest ones, oldest of them first
    std::int64_t before = 0;  ///< only events before this number; 0: up to the head
};

/// One event of a request, or why it can't be read; the others of its batch can.
struct PublishItem {
    CloudEvent event;
    std::string event_id;  ///< data.event_id, as the next two; "" where there is none
    std::string event_type;
    std::string user_id;
    std::size_t data_depth = 0;  ///< levels of nesting
    std::optional<core::Error> error;
    std::string unread;  ///< what came, where that could not be read; its begin
};
struct PublishResult {
    std::string id;
    std::string source;
    std::string type;  ///< for routing: data.event_type, else the envelope's
    std::int64_t userseq = 0;
    bool duplicate = false;  ///< it was there already; this is its first answer
    std::optional<core::Error> error;
};
struct EventsPublished {
    std::vector<PublishResult> events;
    std::int64_t published = 0;
    std::int64_t duplicates = 0;
    std::int64_t refused = 0;
};
/// All of the events or none of them; with `each`, every one by itself.
struct EventPublish {
    using Reply = EventsPublished;
    static constexpr std::string_view method = "event.publish";
    static constexpr bool writes = true;
    static constexpr bool resend_safe = true;  ///< by the events' own keys
    std::vector<PublishItem> events;
    bool each = false;
    bool require_ids = false;  ///< refuse an event without id instead of deriving one
    /// With `each`: what is refused becomes a dead letter of this name and of the origin dapr, for
    /// a sender that can only be told to drop it.
    std::string keep_refused{};
    bool imported = false;  ///< of another log: taskd's own sources too, and no handler is run
};

struct BusEndpointReply {
    std::string endpoint;
    std::int64_t heartbeat_ms = 0;
};
struct BusEndpoint {
    using Reply = BusEndpointReply;
    static constexpr std::string_view method = "bus.endpoint";
    static constexpr bool writes = false;
};

/// A consumer: which events it takes, how, and where it stands.
struct ConsumerView {
    std::string name;
    std::vector<std::string> types;
    std::vector<std::string> sources;
    std::vector<std::string> subjects;
    std::vector<std::string> where;
    std::int64_t lease_ms = 0;
    std::int64_t max_in_flight = 0;
    std::int64_t attempts_max = 0;
    std::int64_t backoff_ms = 0;
    std::int64_t backoff_max_ms = 0;
    std::int64_t cursor = 0;    ///< everything up to here is settled
    std::int64_t position = 0;  ///< everything up to here was looked at
    std::int64_t head = 0;
    std::int64_t lag = 0;  ///< events behind the cursor, whether it wants them or not
    std::optional<core::Timestamp> oldest;  ///< when the first of these came
    std::int64_t in_flight = 0;
    std::int64_t waiting = 0;          ///< for their next attempt
    std::int64_t held = 0;             ///< behind an earlier one of their subject
    std::int64_t dead = 0;             ///< its dead letters
    std::vector<std::string> members;  ///< who has events of it
};
struct ConsumerChanged {
    ConsumerView consumer;
    bool created = false;
};
struct ConsumerCreate {
    using Reply = ConsumerChanged;
    static constexpr std::string_view method = "consumer.create";
    static constexpr bool writes = true;
    std::string name;
    std::vector<std::string> types;     ///< patterns, as event.read's
    std::vector<std::string> sources;   ///< likewise
    std::vector<std::string> subjects;  ///< likewise
    std::vector<std::string> where;     ///< "payload.priority>=5"; all of them hold
    std::string from = "now";           ///< or "oldest", a number, a time; of a new one
    std::int64_t lease_ms = 30'000;
    std::int64_t max_in_flight = 64;
    std::int64_t attempts_max = 5;
    std::int64_t backoff_ms = 1'000;
    std::int64_t backoff_max_ms = 600'000;
    bool replace = false;  ///< of one that is there and differs: these from now on
};

/// An event that a member has until `lease_until`; `fence` names this lease and rises.
struct Leased {
    CloudEvent event;
    std::int64_t fence = 0;
    std::int64_t attempt = 1;
    core::Timestamp lease_until;
};
struct ConsumerBatch {
    std::vector<Leased> events;
    std::int64_t head = 0;
    std::int64_t lag = 0;
};
/// The next three need no idempotency key: asked again they do no more. A fetch whose reply was
/// lost gives its events again to the same member, which says what it has.
struct ConsumerFetch {
    using Reply = ConsumerBatch;
    static constexpr std::string_view method = "consumer.fetch";
    static constexpr bool writes = false;
    std::string name;
    std::string member;
    std::int64_t limit = 1;
    std::int64_t wait_ms = 0;
    std::optional<std::vector<std::int64_t>> holding;  ///< the fences that the member has
};
struct LeaseRef {
    std::int64_t userseq = 0;
    std::int64_t fence = 0;
};
struct Settled {
    std::int64_t settled = 0;
    std::vector<std::int64_t> lost;  ///< whose lease is another's by now, or ended and was given up
    std::optional<core::Timestamp> lease_until;  ///< of an extend
};
struct ConsumerAck {
    using Reply = Settled;
    static constexpr std::string_view method = "consumer.ack";
    static constexpr bool writes = false;
    std::string name;
    std::vector<LeaseRef> items;
};
/// `action`: "retry" (after a wait), "release" (not tried, for any member at once) or "dead".
struct ConsumerNack {
    using Reply = Settled;
    static constexpr std::string_view method = "consumer.nack";
    static constexpr bool writes = false;
    std::string name;
    std::vector<LeaseRef> items;
    std::string action = "retry";
    std::string error;                     ///< what went wrong, kept with a dead letter
    std::optional<std::int64_t> delay_ms;  ///< of a retry, instead of the consumer's backoff
};
struct ConsumerExtend {
    using Reply = Settled;
    static constexpr std::string_view method = "consumer.extend";
    static constexpr bool writes = false;
    std::string name;
    std::vector<LeaseRef> items;
    std::optional<std::int64_t> lease_ms;
};
struct ConsumerReset {
    using Reply = ConsumerChanged;
    static constexpr std::string_view method = "consumer.reset";
    static constexpr bool writes = true;
    std::string name;
    std::string to;  ///< as `from` of consumer.create
};
struct ConsumerRemove {
    using Reply = ConsumerChanged;
    static constexpr std::string_view method = "consumer.remove";
    static constexpr bool writes = true;
    std::string name;
};
struct ConsumerPage {
    std::vector<ConsumerView> consumers;
};
struct ConsumerList {
    using Reply = ConsumerPage;
    static constexpr std::string_view method = "consumer.list";
    static constexpr bool writes = false;
};

/// What was given up. `origin` is "consumer", "handler" or "publish", `name` whose it was.
struct DeadLetter {
    std::string id;
    std::string origin;
    std::string name;
    CloudEvent event;
    std::string reason;
    std::int64_t attempts = 0;
    core::Timestamp created;
};
struct DeadLetterPage {
    std::vector<DeadLetter> dead_letters;
    std::int64_t total = 0;
};
/// Which dead letters: by id (or its first 4 or more characters), or all that the filters leave.
struct DeadLetterFilter {
    std::vector<std::string> ids;
    std::string origin;
    std::string name;
    std::vector<std::string> types;
    bool all = false;  ///< of retry and drop: needed where neither ids nor filters are given
};
struct DeadLetterList {
    using Reply = DeadLetterPage;
    static constexpr std::string_view method = "dead_letter.list";
    static constexpr bool writes = false;
    DeadLetterFilter filter;
    std::int64_t limit = 20;  ///< newest first
    std::int64_t offset = 0;
};
struct DeadLettersChanged {
    std::int64_t count = 0;
    std::vector<std::string> ids;      ///< of the first 1000
    std::vector<std::string> skipped;  ///< "ID: why", of those that stay
};
struct DeadLetterRetry {
    using Reply = DeadLettersChanged;
    static constexpr std::string_view method = "dead_letter.retry";
    static constexpr bool writes = true;
    DeadLetterFilter filter;
};
struct DeadLetterDrop {
    using Reply = DeadLettersChanged;
    static constexpr std::string_view method = "dead_letter.drop";
    static constexpr bool writes = true;
    DeadLetterFilter filter;
};

}  // namespace taskd::ipc
