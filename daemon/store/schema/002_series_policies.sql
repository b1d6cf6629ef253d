-- SPDX-License-Identifier: Apache-2.0
-- Step 2. Series with policies, dates of their own, single slots changed ahead, and successors.

ALTER TABLE series ADD COLUMN policies TEXT NOT NULL DEFAULT '{}';   -- those that were set, JSON
ALTER TABLE series ADD COLUMN rdates TEXT NOT NULL DEFAULT '[]';     -- local times, JSON
ALTER TABLE series ADD COLUMN exdates TEXT NOT NULL DEFAULT '[]';
ALTER TABLE series ADD COLUMN overrides TEXT NOT NULL DEFAULT '[]';  -- slots moved or skipped, JSON
ALTER TABLE series ADD COLUMN predecessor TEXT NOT NULL DEFAULT '';  -- split off from this series
ALTER TABLE series ADD COLUMN successor TEXT NOT NULL DEFAULT '';    -- and this one goes on with it
ALTER TABLE series ADD COLUMN next_ms INTEGER;                       -- its row in timer

-- Nominal local times of a repeated hour don't sort, and a series that counts from completion may
-- come back earlier than it was planned: the order of what was decided is a number of its own. It
-- rises with each row of a series and starts from the slot's own position (core/slot.h).
ALTER TABLE occurrence ADD COLUMN position INTEGER NOT NULL DEFAULT 0;
UPDATE occurrence SET position = unixepoch(recurrence_id) * 100000;
CREATE UNIQUE INDEX occurrence_position ON occurrence (user_id, series_id, position);
CREATE INDEX occurrence_task ON occurrence (user_id, task_id) WHERE task_id IS NOT NULL;
CREATE INDEX task_series ON task (user_id, series_id) WHERE series_id IS NOT NULL;

-- Days off, for series that move or skip the slots on them: dates, JSON.
ALTER TABLE user ADD COLUMN holidays TEXT NOT NULL DEFAULT '[]';
