-- SPDX-License-Identifier: Apache-2.0
-- Step 9. Commands that are run once for their key. The table of step 1 was never written to.

DROP TABLE run;
CREATE TABLE run (
    user_id TEXT NOT NULL,
    key TEXT NOT NULL,
    command TEXT NOT NULL,           -- argument list, JSON
    state TEXT NOT NULL CHECK (state IN ('running', 'succeeded', 'failed', 'abandoned')),
    holder TEXT NOT NULL,
    fence INTEGER NOT NULL,          -- user_seq of the event that told of its start
    holders INTEGER NOT NULL,
    lease_ms INTEGER NOT NULL,
    ttl_ms INTEGER NOT NULL,
    started INTEGER NOT NULL,
    finished INTEGER,
    until_ms INTEGER NOT NULL,       -- end of the lease, then when it is forgotten; in timer
    status INTEGER NOT NULL,
    took_ms INTEGER NOT NULL,
    output_bytes INTEGER NOT NULL,   -- that were printed
    kept_bytes INTEGER NOT NULL,     -- what of them weighs in the next column
    output TEXT,                     -- pieces of both streams, JSON
    PRIMARY KEY (user_id, key)
) STRICT;
CREATE INDEX run_started ON run (user_id, started);

ALTER TABLE user ADD COLUMN runs INTEGER NOT NULL DEFAULT 0;       -- rows in run
ALTER TABLE user ADD COLUMN run_bytes INTEGER NOT NULL DEFAULT 0;  -- kept_bytes of all of them
