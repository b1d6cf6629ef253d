// SPDX-License-Identifier: Apache-2.0
// sim [--seeds N] [--seed S] [--steps N] [--plain 1] [--only-slots 1]: the engine under random
// commands, crashes, disk faults and clock steps; and, of each seed too, scheduled commands against
// their reference. Stops at the first broken promise and prints its seed.
#include "tests/sim/slots.h"
#include "tests/sim/world.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>

namespace {

long option(int argc, char** argv, const char* name, long standard) {
    for (int i = 1; i + 1 < argc; ++i)
        if (std::strcmp(argv[i], name) == 0) return std::strtol(argv[i + 1], nullptr, 10);
    return standard;
}

/// Whether every promise held; else says which did not.
template <class World, class... More>
bool holds(long seed, int steps, More... more) {
    std::string history;
    try {
        World world(static_cast<std::uint64_t>(seed), more...);
        try {
            world.run(steps);
        } catch (...) {
            history = world.history();
            throw;
        }
        return true;
    } catch (const std::exception& broken) {
        std::fprintf(stderr, "%sseed %ld: %s\nrun again with: sim --seed %ld --steps %d\n",
                     history.c_str(), seed, broken.what(), seed, steps);
        return false;
    }
}

}  // namespace

int main(int argc, char** argv) {
    const long first = option(argc, argv, "--seed", 1);
    const long seeds = option(argc, argv, "--seeds", 1);
    const auto steps = static_cast<int>(option(argc, argv, "--steps", 40));
    const bool plain = option(argc, argv, "--plain", 0) != 0;  // without the roles in a Dapr system
    const bool only_slots = option(argc, argv, "--only-slots", 0) != 0;
    for (long seed = first; seed < first + seeds; ++seed) {
        if (!only_slots && !holds<taskd::sim::World>(seed, steps, plain)) return 1;
        if (!holds<taskd::sim::SlotWorld>(seed, steps)) return 1;
    }
    std::printf("%ld seeds of %d steps each, from %ld on: every promise held\n", seeds, steps,
                first);
    return 0;
}
