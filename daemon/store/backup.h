// SPDX-License-Identifier: Apache-2.0
// Copies of the store, made while it serves, and put back while it does not.
#pragma once

#include "core/result.h"

#include <atomic>
#include <cstdint>
#include <string>

namespace taskd::daemon {

/// Writes a consistent copy of the store as it is at one moment, from a connection that only reads,
/// and checks the copy. Linear in the store's size; never on the loop's thread. Nothing is left at
/// `path` unless all of it succeeded.
///
/// Shape:  the copy's size in bytes.
/// Errors: failed_precondition on `path` - something is there already; unavailable - it can't be
///         written, or `stopping` was set; resource_exhausted - the disk is full; data_loss - the
///         store or the copy is damaged.
[[nodiscard]] core::Result<std::int64_t> back_up(const std::string& store, const std::string& path,
                                                 const std::atomic<bool>& stopping);

/// Reads all of a store and says what is wrong with it: integrity, references, whose it is.
///
/// Errors: not_found - no such file; data_loss - damaged; failed_precondition - another program's,
///         or a newer taskd's.
[[nodiscard]] core::Result<void> check_store(const std::string& path);

/// Puts a checked copy in the place of the store. What was there is kept beside it.
///
/// Shape:  where the old store is kept; "" if there was none.
/// Errors: as check_store for the copy; unavailable - files can't be written or moved.
[[nodiscard]] core::Result<std::string> restore_store(const std::string& copy,
                                                      const std::string& store);

}  // namespace taskd::daemon
