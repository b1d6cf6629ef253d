-- SPDX-License-Identifier: Apache-2.0
-- Step 8. Channels of all kinds, what became of their deliveries, and reminders that go on until
-- somebody reacts.

CREATE TABLE channel_8 (
    user_id TEXT NOT NULL,
    name TEXT NOT NULL,
    is_default INTEGER NOT NULL,
    settings TEXT NOT NULL,          -- the channel, JSON
    secret TEXT NOT NULL,            -- signs what goes out, or gives access; in no reply
    disabled TEXT NOT NULL,          -- why nothing is sent any more; '' while it is in use
    PRIMARY KEY (user_id, name)
) STRICT, WITHOUT ROWID;
INSERT INTO channel_8 SELECT user_id, name, is_default, json_object('name', name, 'kind', kind,
    'argv', json(argv), 'timeout_ms', timeout_ms), '', '' FROM channel;
DROP TABLE channel;
ALTER TABLE channel_8 RENAME TO channel;

ALTER TABLE delivery ADD COLUMN started INTEGER;                    -- the last attempt
ALTER TABLE delivery ADD COLUMN revoked TEXT NOT NULL DEFAULT '';   -- why it is not tried again
ALTER TABLE delivery ADD COLUMN digest TEXT NOT NULL DEFAULT '';    -- the delivery that tells of it
DROP INDEX delivery_state;
CREATE INDEX delivery_open ON delivery (user_id, channel, state, next_attempt_ms)
    WHERE finished IS NULL;
CREATE INDEX delivery_dead ON delivery (user_id, created) WHERE state = 'dead';
CREATE INDEX delivery_forming ON delivery (user_id, channel) WHERE finished IS NULL AND
    reminder_id = '' AND event_user_seq = 0 AND call_key IS NULL;
CREATE INDEX delivery_digest ON delivery (user_id, digest) WHERE digest <> '';
CREATE INDEX delivery_started ON delivery (user_id, channel, started)
    WHERE channel <> '' AND started IS NOT NULL;

ALTER TABLE reminder ADD COLUMN anchor TEXT NOT NULL DEFAULT 'due'; -- what it counts from
ALTER TABLE reminder ADD COLUMN at TEXT;                            -- CalendarTime, JSON
ALTER TABLE reminder ADD COLUMN nag_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE reminder ADD COLUMN nag_max INTEGER NOT NULL DEFAULT 0;
ALTER TABLE reminder ADD COLUMN nags INTEGER NOT NULL DEFAULT 0;
ALTER TABLE reminder ADD COLUMN nag_at INTEGER;
ALTER TABLE reminder ADD COLUMN escalate_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE reminder ADD COLUMN escalate_to TEXT NOT NULL DEFAULT '[]'; -- channels, JSON
ALTER TABLE reminder ADD COLUMN escalate_at INTEGER;
ALTER TABLE reminder ADD COLUMN armed_at INTEGER;                   -- when next_ms was computed

-- Reminders of tasks that are added without any, as they were typed.
CREATE TABLE reminder_default (
    user_id TEXT NOT NULL,
    scope TEXT NOT NULL CHECK (scope IN ('user', 'project', 'tag')),
    name TEXT NOT NULL,              -- of the project or tag
    settings TEXT NOT NULL,          -- JSON
    PRIMARY KEY (user_id, scope, name)
) STRICT, WITHOUT ROWID;

ALTER TABLE user ADD COLUMN agenda TEXT NOT NULL DEFAULT '';        -- time of day
ALTER TABLE user ADD COLUMN agenda_channel TEXT NOT NULL DEFAULT '';
ALTER TABLE user ADD COLUMN agenda_ms INTEGER;                      -- its row in timer
