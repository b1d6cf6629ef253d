-- SPDX-License-Identifier: Apache-2.0
-- Step 1. Numbered steps are applied in order, each in one transaction, and never edited once
-- released. Times are UTC milliseconds (_ms) unless named otherwise; local times are ISO 8601 text,
-- which sorts as it reads; JSON columns hold what taskd-protocol(7) calls by the same name.

-- One row: schema_version, store_id, node and the like.
CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- A user's settings and the two heads, which only ever rise: a number is never used twice, also
-- after its event or task is gone.
CREATE TABLE user (
    user_id TEXT PRIMARY KEY,
    event_head INTEGER NOT NULL DEFAULT 0,
    task_number_head INTEGER NOT NULL DEFAULT 0,
    zone TEXT,                       -- IANA name, null: the caller's
    email TEXT NOT NULL DEFAULT '',
    quiet_hours TEXT NOT NULL DEFAULT ''  -- "22:00-07:00" in the user's zone, '' for none
) STRICT, WITHOUT ROWID;

-- The append-only log: outbox and bus in one. `seq` is global and never leaves the daemon, since it
-- would show other users' activity; user_seq counts per user without gaps.
CREATE TABLE event (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id TEXT NOT NULL,
    user_seq INTEGER NOT NULL,
    dedup_key TEXT NOT NULL,
    id TEXT NOT NULL,
    source TEXT NOT NULL,
    type TEXT NOT NULL,
    subject TEXT NOT NULL,
    time INTEGER NOT NULL,           -- of the sender
    received INTEGER NOT NULL,       -- by us; retention and --since go by it
    attributes TEXT,                 -- the envelope's other attributes, JSON
    data TEXT NOT NULL,
    traceparent TEXT,
    change_id INTEGER
) STRICT;
CREATE UNIQUE INDEX event_user_seq ON event (user_id, user_seq);
CREATE UNIQUE INDEX event_dedup ON event (user_id, source, dedup_key);

-- The keys of events that retention took, remembered until dedup.ttl.
CREATE TABLE seen (
    user_id TEXT NOT NULL,
    source TEXT NOT NULL,
    dedup_key TEXT NOT NULL,
    expires INTEGER NOT NULL,
    PRIMARY KEY (user_id, source, dedup_key)
) STRICT, WITHOUT ROWID;
CREATE INDEX seen_expires ON seen (expires);

CREATE TABLE series (
    user_id TEXT NOT NULL,
    id TEXT NOT NULL,
    content TEXT NOT NULL,           -- what each occurrence's task says, JSON
    dtstart TEXT NOT NULL,           -- local time in tzid
    is_date INTEGER NOT NULL,
    tzid TEXT NOT NULL,
    rrule TEXT NOT NULL,
    created INTEGER NOT NULL,
    ended INTEGER,
    ended_by_user INTEGER NOT NULL,
    paused INTEGER,                  -- since when
    pause_note TEXT NOT NULL,
    revision INTEGER NOT NULL,
    PRIMARY KEY (user_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE task (
    user_id TEXT NOT NULL,
    id TEXT NOT NULL,
    number INTEGER NOT NULL,
    summary TEXT NOT NULL,
    notes TEXT NOT NULL,
    project TEXT NOT NULL,
    priority INTEGER NOT NULL,
    start TEXT,                      -- CalendarTime, JSON
    due TEXT,
    due_ms INTEGER,                  -- the instant of due, for lists
    status TEXT NOT NULL,            -- RFC 5545's words, in lower case
    series_id TEXT,
    recurrence_id TEXT,
    created INTEGER NOT NULL,
    modified INTEGER NOT NULL,
    completed INTEGER,
    deleted INTEGER,
    revision INTEGER NOT NULL,
    PRIMARY KEY (user_id, id),
    FOREIGN KEY (user_id, series_id) REFERENCES series (user_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX task_number ON task (user_id, number);
-- The order of a list: the next due first, those without a due time last. A page then costs its
-- own length, not the number of tasks.
CREATE INDEX task_due ON task (user_id, ifnull(due_ms, 9223372036854775807), number);
CREATE INDEX task_deleted ON task (deleted) WHERE deleted IS NOT NULL;

CREATE TABLE tag (
    user_id TEXT NOT NULL,
    task_id TEXT NOT NULL,
    tag TEXT NOT NULL,
    PRIMARY KEY (user_id, task_id, tag),
    FOREIGN KEY (user_id, task_id) REFERENCES task (user_id, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE dependency (
    user_id TEXT NOT NULL,
    task_id TEXT NOT NULL,
    depends_on TEXT NOT NULL,
    PRIMARY KEY (user_id, task_id, depends_on),
    FOREIGN KEY (user_id, task_id) REFERENCES task (user_id, id) ON DELETE CASCADE,
    FOREIGN KEY (user_id, depends_on) REFERENCES task (user_id, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX dependency_on ON dependency (user_id, depends_on);

-- What became of the slots of a series, from DTSTART on without a hole (P11). The primary key is
-- promise P5: a slot becomes a task at most once. A run of skipped slots is one row.
CREATE TABLE occurrence (
    user_id TEXT NOT NULL,
    series_id TEXT NOT NULL,
    recurrence_id TEXT NOT NULL,     -- the slot, or the first of a run
    last_slot TEXT NOT NULL,         -- the last of a run, else the same
    count INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('created', 'moved', 'skipped')),
    reason TEXT,                     -- of a skip, one of the fixed list
    task_id TEXT,                    -- of a created one
    PRIMARY KEY (user_id, series_id, recurrence_id),
    FOREIGN KEY (user_id, series_id) REFERENCES series (user_id, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE reminder (
    user_id TEXT NOT NULL,
    id TEXT NOT NULL,
    task_id TEXT,
    series_id TEXT,
    before_ms INTEGER NOT NULL,
    channels TEXT NOT NULL,          -- names, JSON; none: the user's default
    grace_ms INTEGER NOT NULL,
    fired INTEGER NOT NULL,
    firing INTEGER NOT NULL,         -- how often it went off for its last slot
    fired_at INTEGER,
    snoozed_until INTEGER,
    acknowledged INTEGER,
    fired_slot TEXT,
    next_slot TEXT,
    next_ms INTEGER,                 -- its row in timer
    PRIMARY KEY (user_id, id),
    FOREIGN KEY (user_id, task_id) REFERENCES task (user_id, id) ON DELETE CASCADE,
    FOREIGN KEY (user_id, series_id) REFERENCES series (user_id, id) ON DELETE CASCADE,
    CHECK ((task_id IS NULL) <> (series_id IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX reminder_task ON reminder (user_id, task_id) WHERE task_id IS NOT NULL;
CREATE INDEX reminder_series ON reminder (user_id, series_id) WHERE series_id IS NOT NULL;

CREATE TABLE channel (
    user_id TEXT NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    argv TEXT NOT NULL,              -- JSON list
    timeout_ms INTEGER NOT NULL,
    is_default INTEGER NOT NULL,
    PRIMARY KEY (user_id, name)
) STRICT, WITHOUT ROWID;

-- An effect on the outside world: the attempts of one firing on one channel.
CREATE TABLE delivery (
    user_id TEXT NOT NULL,
    id TEXT NOT NULL,
    reminder_id TEXT NOT NULL,
    task_id TEXT,
    recurrence_id TEXT NOT NULL,     -- '' for a task without series
    channel TEXT NOT NULL,
    firing INTEGER NOT NULL,
    event_user_seq INTEGER NOT NULL,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    created INTEGER NOT NULL,
    next_attempt_ms INTEGER,         -- its row in timer
    finished INTEGER,
    result TEXT NOT NULL,
    output TEXT NOT NULL,
    PRIMARY KEY (user_id, id),
    UNIQUE (user_id, reminder_id, recurrence_id, channel, firing)
) STRICT, WITHOUT ROWID;
CREATE INDEX delivery_created ON delivery (user_id, created);
CREATE INDEX delivery_task ON delivery (user_id, task_id);
CREATE INDEX delivery_finished ON delivery (finished) WHERE finished IS NOT NULL;
CREATE INDEX delivery_state ON delivery (state, user_id) WHERE state <> 'succeeded';

-- One row per writing command, with the rows that it replaced, for undo, history and explain.
CREATE TABLE change (
    change_id INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id TEXT NOT NULL,
    time INTEGER NOT NULL,
    command TEXT NOT NULL,
    before TEXT NOT NULL             -- [[table, key, old row or null], ...]
) STRICT;
CREATE INDEX change_time ON change (time);

-- The index of everything that must happen later. The kind comes first, so that the earliest of each
-- kind is one seek and a kind that has to wait (deliveries while all workers are busy) costs the
-- others nothing.
CREATE TABLE timer (
    kind TEXT NOT NULL,
    due_ms INTEGER NOT NULL,
    user_id TEXT NOT NULL,
    ref TEXT NOT NULL,
    PRIMARY KEY (kind, due_ms, user_id, ref)
) STRICT, WITHOUT ROWID;

-- What was answered to whom under which idempotency key (P3).
CREATE TABLE reply (
    user_id TEXT NOT NULL,
    key TEXT NOT NULL,
    digest TEXT NOT NULL,
    body TEXT NOT NULL,              -- {"result": ...} or {"error": ...}
    expires INTEGER NOT NULL,
    PRIMARY KEY (user_id, key)
) STRICT;
CREATE INDEX reply_expires ON reply (expires);

CREATE TABLE consumer (
    user_id TEXT NOT NULL,
    name TEXT NOT NULL,
    filter TEXT NOT NULL,            -- JSON
    cursor INTEGER NOT NULL,         -- user_seq of the acknowledged prefix
    PRIMARY KEY (user_id, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE in_flight (
    user_id TEXT NOT NULL,
    consumer TEXT NOT NULL,
    user_seq INTEGER NOT NULL,
    member TEXT NOT NULL,
    fence INTEGER NOT NULL,
    lease_until INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    PRIMARY KEY (user_id, consumer, user_seq),
    FOREIGN KEY (user_id, consumer) REFERENCES consumer (user_id, name) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE dead_letter (
    user_id TEXT NOT NULL,
    id TEXT NOT NULL,
    origin TEXT NOT NULL,            -- handler, consumer, delivery or publish
    event TEXT NOT NULL,             -- the CloudEvent, JSON
    reason TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    created INTEGER NOT NULL,
    PRIMARY KEY (user_id, id)
) STRICT, WITHOUT ROWID;

-- A handler's mark that it has dealt with an event, in the transaction of its effect.
CREATE TABLE inbox (
    handler TEXT NOT NULL,
    user_id TEXT NOT NULL,
    source TEXT NOT NULL,
    dedup_key TEXT NOT NULL,
    expires INTEGER NOT NULL,
    PRIMARY KEY (handler, user_id, source, dedup_key)
) STRICT, WITHOUT ROWID;

-- Bearer tokens of HTTP. The secret itself is shown once and stored nowhere.
CREATE TABLE token (
    user_id TEXT NOT NULL,
    id TEXT NOT NULL,
    name TEXT NOT NULL,              -- what its user calls it; of the unexpired ones unique
    hash TEXT NOT NULL UNIQUE,       -- SHA-256 of the secret, hexadecimal
    scope TEXT NOT NULL,             -- user, service (may name other users)
    created INTEGER NOT NULL,
    expires INTEGER,
    PRIMARY KEY (user_id, id)
) STRICT, WITHOUT ROWID;

-- A command that runs once per key.
CREATE TABLE run (
    user_id TEXT NOT NULL,
    key TEXT NOT NULL,
    digest TEXT NOT NULL,
    state TEXT NOT NULL,
    fence INTEGER NOT NULL,
    lease_until INTEGER,
    result TEXT,                     -- exit status, output and times, JSON
    expires INTEGER,
    PRIMARY KEY (user_id, key)
) STRICT;
