-- SPDX-License-Identifier: Apache-2.0
-- Step 5. A moved slot goes off at its own time, whatever the order of the others: a reminder keeps
-- how far it is in that order apart from the slots that were moved.

ALTER TABLE reminder ADD COLUMN from_slot TEXT;    -- slots before it are over; null: silent
ALTER TABLE reminder ADD COLUMN passed_slot TEXT;  -- it went off, or was missed, up to this one
ALTER TABLE reminder ADD COLUMN moved TEXT;        -- JSON; null: none
UPDATE reminder SET passed_slot = fired_slot, from_slot = next_slot;
