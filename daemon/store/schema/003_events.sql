-- SPDX-License-Identifier: Apache-2.0
-- Step 3. Events of others, consumers and dead letters.

-- One row per event and no other: the heads are the newest row's numbers, and what retention took
-- of a user's log leaves its last numbers in `user`.
CREATE TABLE event_3 (
    seq INTEGER PRIMARY KEY,         -- global, never leaves the daemon; given by us, see meta.event_seq
    user_id TEXT NOT NULL,
    user_seq INTEGER NOT NULL,       -- per user, without gaps
    bytes_total INTEGER NOT NULL,    -- of this event and all the user ever had before it
    dedup_key TEXT NOT NULL,         -- data.event_id, else the id
    id TEXT NOT NULL,
    source TEXT NOT NULL,
    type TEXT NOT NULL,              -- for routing: data.event_type, else the envelope's
    subject TEXT NOT NULL,           -- '' for none
    time INTEGER NOT NULL,           -- of the sender
    received INTEGER NOT NULL,       -- by us; retention and --since go by it
    attributes TEXT,                 -- the envelope's other attributes, JSON; null for none
    data TEXT NOT NULL,              -- JSON; '' for none
    traceparent TEXT,
    change_id INTEGER
) STRICT;
INSERT INTO event_3 SELECT seq, user_id, user_seq,
    sum(length(CAST(data AS BLOB)) + 256) OVER (PARTITION BY user_id ORDER BY user_seq),
    dedup_key, id, source, type, subject, time, received, attributes, data, traceparent, change_id
    FROM event;
-- The newest number that was ever given, also when its row is gone.
INSERT INTO meta SELECT 'event_seq', seq FROM sqlite_sequence WHERE name = 'event';
DROP TABLE event;
ALTER TABLE event_3 RENAME TO event;
CREATE UNIQUE INDEX event_user_seq ON event (user_id, user_seq);
CREATE UNIQUE INDEX event_dedup ON event (user_id, source, dedup_key);

-- What retention took: all of the user's log up to event_floor, which weighed event_bytes_floor.
ALTER TABLE user RENAME COLUMN event_head TO event_floor;
ALTER TABLE user ADD COLUMN event_bytes_floor INTEGER NOT NULL DEFAULT 0;
UPDATE user SET event_floor = coalesce(
    (SELECT min(user_seq) - 1 FROM event e WHERE e.user_id = user.user_id), event_floor);
ALTER TABLE user ADD COLUMN task_count INTEGER NOT NULL DEFAULT 0;   -- for quota.tasks
UPDATE user SET task_count = (SELECT count(*) FROM task t WHERE t.user_id = user.user_id);

-- The keys of others' events that retention took, until dedup.ttl, with the first answer.
DROP TABLE seen;
CREATE TABLE seen (
    user_id TEXT NOT NULL,
    source TEXT NOT NULL,
    dedup_key TEXT NOT NULL,
    id TEXT NOT NULL,
    type TEXT NOT NULL,
    user_seq INTEGER NOT NULL,
    digest TEXT NOT NULL,            -- of the content, to tell a repeat from a conflict
    expires INTEGER NOT NULL,
    PRIMARY KEY (user_id, source, dedup_key)
) STRICT, WITHOUT ROWID;
CREATE INDEX seen_expires ON seen (expires);

-- A named reader. What it has settled is everything up to `position` but for its rows in in_flight.
DROP TABLE in_flight;
DROP TABLE consumer;
CREATE TABLE consumer (
    user_id TEXT NOT NULL,
    name TEXT NOT NULL,
    filter TEXT NOT NULL,            -- types, sources, subjects, where: JSON
    lease_ms INTEGER NOT NULL,
    max_in_flight INTEGER NOT NULL,
    attempts_max INTEGER NOT NULL,
    backoff_ms INTEGER NOT NULL,
    backoff_max_ms INTEGER NOT NULL,
    position INTEGER NOT NULL,       -- user_seq up to which it has looked
    fence INTEGER NOT NULL,          -- the last one given; only ever rises
    created INTEGER NOT NULL,
    next_ms INTEGER,                 -- its row in timer
    PRIMARY KEY (user_id, name)
) STRICT, WITHOUT ROWID;

-- An event that a consumer has looked at and not settled.
CREATE TABLE in_flight (
    user_id TEXT NOT NULL,
    consumer TEXT NOT NULL,
    user_seq INTEGER NOT NULL,
    subject TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('leased', 'waiting', 'held')),
    due_ms INTEGER NOT NULL,         -- end of the lease, or when it may be tried again
    member TEXT NOT NULL,            -- of the last lease
    fence INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    reason TEXT NOT NULL,            -- why the last attempt failed
    event TEXT,                      -- CloudEvent, JSON: of a dead letter that is tried again
    PRIMARY KEY (user_id, consumer, user_seq),
    FOREIGN KEY (user_id, consumer) REFERENCES consumer (user_id, name) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX in_flight_subject ON in_flight (user_id, consumer, subject, user_seq)
    WHERE subject <> '';
CREATE INDEX in_flight_due ON in_flight (user_id, consumer, state, due_ms);

DROP TABLE dead_letter;
CREATE TABLE dead_letter (
    user_id TEXT NOT NULL,
    id TEXT NOT NULL,
    origin TEXT NOT NULL CHECK (origin IN ('consumer', 'handler', 'publish')),
    name TEXT NOT NULL,              -- the consumer's or handler's; '' for publish
    user_seq INTEGER NOT NULL,       -- 0 for an event that was not taken
    type TEXT NOT NULL,
    event TEXT NOT NULL,             -- CloudEvent, JSON
    reason TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    created INTEGER NOT NULL,
    PRIMARY KEY (user_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX dead_letter_created ON dead_letter (user_id, created, id);
CREATE INDEX dead_letter_name ON dead_letter (user_id, origin, name);

-- What a handler has made of an event, in the transaction of its effect.
DROP TABLE inbox;
CREATE TABLE inbox (
    user_id TEXT NOT NULL,
    handler TEXT NOT NULL,
    source TEXT NOT NULL,
    dedup_key TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('done', 'waiting', 'dead')),
    user_seq INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    next_ms INTEGER,                 -- its row in timer, while it waits
    reason TEXT NOT NULL,
    expires INTEGER NOT NULL,
    PRIMARY KEY (user_id, handler, source, dedup_key)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX inbox_user_seq ON inbox (user_id, handler, user_seq);
CREATE INDEX inbox_expires ON inbox (expires);
