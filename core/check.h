// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdio>
#include <cstdlib>

namespace taskd::core {

/// Ends the process when one of our own assumptions is wrong, in release builds too: a daemon that
/// goes on after that would break promises silently, while a restart recovers from the store.
///
/// The caller's place comes from builtins that both compilers have; clang 14 (clang-tidy) lacks
/// std::source_location.
inline void check(bool condition, const char* what, const char* file = __builtin_FILE(),
                  int line = __builtin_LINE()) {
    if (condition) return;
    std::fprintf(stderr, "%s:%d: broken assumption: %s\n", file, line, what);
    std::abort();
}

}  // namespace taskd::core
