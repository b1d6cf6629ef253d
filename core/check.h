// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdio>
#include <cstdlib>
#include <source_location>

namespace taskd::core {

/// Ends the process when one of our own assumptions is wrong, in release builds too: a daemon that
/// goes on after that would break promises silently, while a restart recovers from the store.
inline void check(bool condition, const char* what,
                  std::source_location where = std::source_location::current()) {
    if (condition) return;
    std::fprintf(stderr, "%s:%u: broken assumption: %s\n", where.file_name(),
                 static_cast<unsigned>(where.line()), what);
    std::abort();
}

}  // namespace taskd::core
