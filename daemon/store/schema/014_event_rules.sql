-- SPDX-License-Identifier: Apache-2.0
-- Step 14. What taskd does by itself when an event comes.

CREATE TABLE event_rule (
    user_id TEXT NOT NULL,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    rule TEXT NOT NULL,              -- which events, what is done, how often it was; JSON
    PRIMARY KEY (user_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX event_rule_name ON event_rule (user_id, name);

-- The open task that a rule means by its title.
CREATE INDEX task_open_summary ON task (user_id, summary)
    WHERE deleted IS NULL AND status IN ('needs-action', 'in-process');

-- The rules that led to a delivery, see core/event_rule.h: what is told of it has them, too.
ALTER TABLE delivery ADD COLUMN rule_chain TEXT NOT NULL DEFAULT '';
ALTER TABLE reminder ADD COLUMN rule_chain TEXT NOT NULL DEFAULT '';
