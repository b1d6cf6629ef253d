-- SPDX-License-Identifier: Apache-2.0
-- Step 16. When taskd was not awake: it did not run, or its machine slept. What explains why a slot
-- was missed.

CREATE TABLE gap (
    until_ms INTEGER PRIMARY KEY,  -- when it was awake again
    since_ms INTEGER NOT NULL      -- the last sign of it before
) STRICT;
