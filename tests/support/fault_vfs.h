// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/random.h"

#include <cstdint>
#include <string>

namespace taskd::test {

/// What goes wrong, once, at the n-th write, sync or truncation (or allocation) from now on.
/// `death` lets everything after it fail too, as for a process that is no longer there.
enum class Fault { none, full, io_error, failed_sync, no_memory, death };

/// A VFS in front of the real one, as default VFS of this process: real files, with faults on
/// demand and a memory of what was written since the last sync, so that a power cut can take it
/// back.
class FaultVfs {
public:
    /// Registers it; to be called before the first connection is opened. One thread only.
    static FaultVfs& install();

    void arm(Fault fault, std::uint64_t countdown);
    void disarm();
    [[nodiscard]] bool fired() const;
    [[nodiscard]] bool dead() const;

    /// From now on nothing reaches the disk, until revive(). Close the connections meanwhile.
    void die();
    /// Takes back what was not synced, all but a random part of it: disks write in any order.
    void lose_power(core::Random& random);
    /// The disk works again; unsynced writes of before count as written.
    void revive();

private:
    FaultVfs() = default;
};

}  // namespace taskd::test
