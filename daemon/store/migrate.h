// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/random.h"
#include "core/result.h"
#include "daemon/store/database.h"

#include <string>
#include <vector>

namespace taskd::daemon {

struct SchemaStep {
    const char* name;  ///< "001_init.sql"
    const char* sql;
};

/// The steps of daemon/store/schema, compiled in.
[[nodiscard]] const std::vector<SchemaStep>& schema_steps();

/// Brings the store to the newest schema, each step in a transaction of its own. Before a step on a
/// file that has data, a copy is kept beside it (taskd.db.before-<step>).
///
/// Errors: failed_precondition - the file was written by a newer version, or is some other
///         program's database.
[[nodiscard]] core::Result<void> migrate(Database& database, core::Random& random);

}  // namespace taskd::daemon
