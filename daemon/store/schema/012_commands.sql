-- SPDX-License-Identifier: Apache-2.0
-- Step 12. Commands that taskd runs when a task's time comes. Each run is a delivery, whose call
-- says what is run.

CREATE TABLE command (
    user_id TEXT NOT NULL,
    id TEXT NOT NULL,                -- of the task, or of the series and all its tasks
    command TEXT NOT NULL,           -- program, arguments, environment, limits; JSON
    PRIMARY KEY (user_id, id)
) STRICT, WITHOUT ROWID;

ALTER TABLE delivery ADD COLUMN command_group TEXT;  -- of a run its group or ''; else null
ALTER TABLE delivery ADD COLUMN command_id TEXT;     -- of a run the command's; else null
ALTER TABLE delivery ADD COLUMN planned INTEGER;     -- of a run when its slot's time was
CREATE INDEX delivery_run ON delivery (user_id, created, planned, id)
    WHERE command_group IS NOT NULL;
CREATE INDEX delivery_run_of ON delivery (user_id, command_id, created, planned, id)
    WHERE command_group IS NOT NULL;
-- All that is asked of runs that wait or run, so that no row with its whole command is read.
CREATE INDEX delivery_run_open ON delivery (user_id, state, command_group, command_id,
    next_attempt_ms, firing, planned, created, id)
    WHERE command_group IS NOT NULL AND finished IS NULL;
