-- SPDX-License-Identifier: Apache-2.0
-- Step 15. Runs that wait for another one, in the order in which they are to begin: what comes last
-- is of the past (firing). The end of a run looks for the next ones without reading them all.

CREATE INDEX delivery_run_line ON delivery (user_id, firing, coalesce(planned, created), id)
    WHERE command_group IS NOT NULL AND finished IS NULL AND state = 'pending' AND
    next_attempt_ms IS NULL;
