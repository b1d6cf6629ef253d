-- SPDX-License-Identifier: Apache-2.0
-- Step 13. Series of which each slot waits for a ping.

CREATE TABLE expectation (
    user_id TEXT NOT NULL,
    series_id TEXT NOT NULL,
    name TEXT NOT NULL,              -- of one series that goes on, and of any that have ended
    expectation TEXT NOT NULL,       -- grace, window, what was heard of it last; JSON
    PRIMARY KEY (user_id, series_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX expectation_name ON expectation (user_id, name);
