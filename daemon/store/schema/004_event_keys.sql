-- SPDX-License-Identifier: Apache-2.0
-- Step 4. The keys of events by hash, apart from the log: an index on the log itself would write
-- another of its pages for nearly every event, since keys are random.

-- Of the events up to meta.event_keys_seq and of what is left of them in `seen`; see
-- daemon/store/event_keys.h.
CREATE TABLE event_key (
    hash INTEGER NOT NULL,           -- of user_id, source and dedup_key; not unique
    seq INTEGER NOT NULL,            -- in event, else in seen
    PRIMARY KEY (hash, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE seen_4 (
    seq INTEGER PRIMARY KEY,         -- that the event had
    user_id TEXT NOT NULL,
    source TEXT NOT NULL,
    dedup_key TEXT NOT NULL,
    id TEXT NOT NULL,
    type TEXT NOT NULL,
    user_seq INTEGER NOT NULL,
    digest TEXT NOT NULL,            -- of the content, to tell a repeat from a conflict
    expires INTEGER NOT NULL
) STRICT;
-- Their events' numbers are gone; those below zero were never given.
INSERT INTO seen_4 SELECT -row_number() OVER (ORDER BY user_id, source, dedup_key),
    user_id, source, dedup_key, id, type, user_seq, digest, expires FROM seen;
DROP TABLE seen;
ALTER TABLE seen_4 RENAME TO seen;
CREATE INDEX seen_expires ON seen (expires);

DROP INDEX event_dedup;
INSERT INTO event_key SELECT dedup_hash(user_id, source, dedup_key), seq FROM event
    UNION ALL SELECT dedup_hash(user_id, source, dedup_key), seq FROM seen ORDER BY 1, 2;
INSERT INTO meta SELECT 'event_keys_seq', coalesce(max(seq), 0) FROM event WHERE true
    ON CONFLICT (key) DO UPDATE SET value = excluded.value;
