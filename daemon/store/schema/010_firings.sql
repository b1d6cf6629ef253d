-- SPDX-License-Identifier: Apache-2.0
-- Step 10. A slot that is moved after it went off must not give a number again that it had.

ALTER TABLE reminder ADD COLUMN firing_high INTEGER NOT NULL DEFAULT 0; -- the highest firing so far
UPDATE reminder SET firing_high = max(firing, coalesce((SELECT max(firing) FROM delivery d
    WHERE d.user_id = reminder.user_id AND d.reminder_id = reminder.id), 0));
