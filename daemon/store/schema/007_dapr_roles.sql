-- SPDX-License-Identifier: Apache-2.0
-- Step 7. Durable calls, chains of recurring tasks of other services, and the publisher's cursors.

-- A delivery is a reminder's firing on a channel, or a call: then reminder_id and channel are ''.
CREATE TABLE delivery_7 (
    user_id TEXT NOT NULL,
    id TEXT NOT NULL,
    reminder_id TEXT NOT NULL,
    task_id TEXT,
    recurrence_id TEXT NOT NULL,     -- '' for a task without series
    channel TEXT NOT NULL,
    firing INTEGER NOT NULL,
    event_user_seq INTEGER NOT NULL, -- the event that it tells of; 0 for none
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    created INTEGER NOT NULL,
    next_attempt_ms INTEGER,         -- its row in timer
    finished INTEGER,
    result TEXT NOT NULL,
    output TEXT NOT NULL,
    log TEXT,                        -- the newest attempts: [[time, result], ...]; null for none
    call TEXT,                       -- what is asked of whom, JSON; null for a channel
    call_key TEXT,                   -- of a call; one key is one call
    status INTEGER NOT NULL,         -- HTTP, of the app's last answer to a call; 0 for none
    expires INTEGER,                 -- of a call: when it is given up
    PRIMARY KEY (user_id, id)
) STRICT, WITHOUT ROWID;
INSERT INTO delivery_7 SELECT user_id, id, reminder_id, task_id, recurrence_id, channel, firing,
    event_user_seq, state, attempts, created, next_attempt_ms, finished, result, output,
    NULL, NULL, NULL, 0, NULL FROM delivery;
DROP TABLE delivery;
ALTER TABLE delivery_7 RENAME TO delivery;
CREATE UNIQUE INDEX delivery_firing ON delivery (user_id, reminder_id, recurrence_id, channel,
    firing) WHERE reminder_id <> '';
CREATE UNIQUE INDEX delivery_call ON delivery (user_id, call_key) WHERE call_key IS NOT NULL;
CREATE INDEX delivery_waiting ON delivery (user_id) WHERE call_key IS NOT NULL AND finished IS NULL;
CREATE INDEX delivery_created ON delivery (user_id, created);
CREATE INDEX delivery_task ON delivery (user_id, task_id);
CREATE INDEX delivery_finished ON delivery (finished) WHERE finished IS NOT NULL;
CREATE INDEX delivery_state ON delivery (state, user_id) WHERE state <> 'succeeded';

-- What other services say of a task, kept as data.
ALTER TABLE task ADD COLUMN recurring_pattern TEXT NOT NULL DEFAULT '';
ALTER TABLE task ADD COLUMN parent TEXT NOT NULL DEFAULT '';           -- its id, JSON
ALTER TABLE task ADD COLUMN reminder_sent INTEGER NOT NULL DEFAULT 0;

-- An occurrence of a recurring task of another service: where its chain began, and whether the next
-- one was made. The primary key is what makes it exactly one.
CREATE TABLE chain (
    user_id TEXT NOT NULL,
    task TEXT NOT NULL,              -- its id as it came, JSON
    first TEXT NOT NULL,             -- local time in tzid, of the whole chain
    tzid TEXT NOT NULL,
    slot TEXT NOT NULL,              -- this one's time
    next TEXT,                       -- that of the next one, once it was decided
    ended INTEGER NOT NULL,          -- .. and there is none
    child TEXT,                      -- the id of the next one, once it is known
    expires INTEGER,                 -- once it was decided: how long a repeat is known
    PRIMARY KEY (user_id, task)
) STRICT, WITHOUT ROWID;
CREATE INDEX chain_expires ON chain (expires) WHERE expires IS NOT NULL;

-- Up to where of the log a topic has what is to be published to it.
CREATE TABLE publisher (
    topic TEXT PRIMARY KEY,
    seq INTEGER NOT NULL,            -- in event
    lost INTEGER NOT NULL DEFAULT 0  -- events that retention.max_bytes took before they were
) STRICT, WITHOUT ROWID;

-- What a durable call was given up for is a dead letter too.
CREATE TABLE dead_letter_7 (
    user_id TEXT NOT NULL,
    id TEXT NOT NULL,
    origin TEXT NOT NULL
        CHECK (origin IN ('consumer', 'handler', 'publish', 'dapr', 'delivery')),
    name TEXT NOT NULL,              -- the consumer's, handler's, topic's or delivery's
    user_seq INTEGER NOT NULL,       -- 0 for an event that was not taken
    type TEXT NOT NULL,
    event TEXT NOT NULL,             -- CloudEvent, JSON
    reason TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    created INTEGER NOT NULL,
    PRIMARY KEY (user_id, id)
) STRICT, WITHOUT ROWID;
INSERT INTO dead_letter_7 SELECT * FROM dead_letter;
DROP TABLE dead_letter;
ALTER TABLE dead_letter_7 RENAME TO dead_letter;
CREATE INDEX dead_letter_created ON dead_letter (user_id, created, id);
CREATE INDEX dead_letter_name ON dead_letter (user_id, origin, name);
