-- SPDX-License-Identifier: Apache-2.0
-- Step 6. What a sidecar delivered and nobody could take is a dead letter too.

CREATE TABLE dead_letter_6 (
    user_id TEXT NOT NULL,
    id TEXT NOT NULL,
    origin TEXT NOT NULL CHECK (origin IN ('consumer', 'handler', 'publish', 'dapr')),
    name TEXT NOT NULL,              -- the consumer's, handler's or topic's; '' for publish
    user_seq INTEGER NOT NULL,       -- 0 for an event that was not taken
    type TEXT NOT NULL,
    event TEXT NOT NULL,             -- CloudEvent, JSON
    reason TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    created INTEGER NOT NULL,
    PRIMARY KEY (user_id, id)
) STRICT, WITHOUT ROWID;
INSERT INTO dead_letter_6 SELECT * FROM dead_letter;
DROP TABLE dead_letter;
ALTER TABLE dead_letter_6 RENAME TO dead_letter;
CREATE INDEX dead_letter_created ON dead_letter (user_id, created, id);
CREATE INDEX dead_letter_name ON dead_letter (user_id, origin, name);
