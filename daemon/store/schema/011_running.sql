-- SPDX-License-Identifier: Apache-2.0
-- Step 11. The runs whose lease begins anew with the daemon.

CREATE INDEX run_running ON run (user_id, key) WHERE state = 'running';
