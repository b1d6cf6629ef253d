// SPDX-License-Identifier: Apache-2.0
#include "tests/support/fault_vfs.h"

#include <sqlite3.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <new>
#include <optional>
#include <vector>

namespace taskd::test {
namespace {

struct Write {
    sqlite3_int64 offset;
    std::string before;  // shorter than `after` where the file grew
    std::string after;
    std::optional<sqlite3_int64> truncated_from;  // a truncation instead: the size before
};

struct State {
    sqlite3_vfs* real = nullptr;
    sqlite3_mem_methods memory{};
    Fault fault = Fault::none;
    std::uint64_t countdown = 0;
    bool fired = false;
    bool dead = false;
    std::map<std::string, std::vector<Write>> unsynced;
};
State state;

// What SQLite opens: our methods, the path, and behind it the real VFS's own file.
struct File {
    sqlite3_file base;
    const char* path;
    bool journalled;
    [[nodiscard]] sqlite3_file* real() {
        return reinterpret_cast<sqlite3_file*>(reinterpret_cast<char*>(this) + sizeof(File));
    }
};
File* of(sqlite3_file* file) {
    return reinterpret_cast<File*>(file);
}

/// Counts one operation; gives the error that it is to fail with.
int strike(bool sync) {
    if (state.dead) return sync ? SQLITE_IOERR_FSYNC : SQLITE_IOERR_WRITE;
    if (state.fault == Fault::none || state.fault == Fault::no_memory) return SQLITE_OK;
    if (state.fault == Fault::failed_sync && !sync) return SQLITE_OK;
    if (state.countdown-- > 0) return SQLITE_OK;
    const Fault fault = state.fault;
    state.fault = Fault::none;
    state.fired = true;
    switch (fault) {
    case Fault::full:
        return sync ? SQLITE_IOERR_WRITE : SQLITE_FULL;
    case Fault::io_error:
        return SQLITE_IOERR_WRITE;
    case Fault::failed_sync:
        return SQLITE_IOERR_FSYNC;
    case Fault::death:
        state.dead = true;
        return sync ? SQLITE_IOERR_FSYNC : SQLITE_IOERR_WRITE;
    case Fault::none:
    case Fault::no_memory:
        break;
    }
    return SQLITE_OK;
}

void* allocate(int bytes) {
    if (state.fault == Fault::no_memory && state.countdown-- == 0) {
        state.fault = Fault::none;
        state.fired = true;
        return nullptr;
    }
    return state.memory.xMalloc(bytes);
}

std::string read_before(File* file, int amount, sqlite3_int64 offset) {
    sqlite3_int64 size = 0;
    file->real()->pMethods->xFileSize(file->real(), &size);
    const auto there = std::max<sqlite3_int64>(0, std::min<sqlite3_int64>(amount, size - offset));
    std::string before(static_cast<std::size_t>(there), '\0');
    if (there > 0)
        file->real()->pMethods->xRead(file->real(), before.data(), static_cast<int>(there), offset);
    return before;
}

int do_write(sqlite3_file* f, const void* data, int amount, sqlite3_int64 offset) {
    if (const int error = strike(false); error != SQLITE_OK) return error;
    File* file = of(f);
    if (file->journalled)
        state.unsynced[file->path].push_back(
            {offset,
             read_before(file, amount, offset),
             std::string(static_cast<const char*>(data), static_cast<std::size_t>(amount)),
             {}});
    return file->real()->pMethods->xWrite(file->real(), data, amount, offset);
}

int do_truncate(sqlite3_file* f, sqlite3_int64 size) {
    if (const int error = strike(false); error != SQLITE_OK) return error;
    File* file = of(f);
    sqlite3_int64 was = 0;
    file->real()->pMethods->xFileSize(file->real(), &was);
    if (file->journalled && was > size)
        state.unsynced[file->path].push_back(
            {size, read_before(file, static_cast<int>(was - size), size), "", was});
    return file->real()->pMethods->xTruncate(file->real(), size);
}

int do_sync(sqlite3_file* f, int) {
    // The real fsync is left out: what survives a power cut is decided here.
    if (const int error = strike(true); error != SQLITE_OK) return error;
    state.unsynced.erase(of(f)->path);
    return SQLITE_OK;
}

// Everything else goes straight through.
#define PASS(name, declaration, arguments)        \
    int do_##name declaration {                   \
        sqlite3_file* real = of(f)->real();       \
        return real->pMethods->x##name arguments; \
    }
PASS(Read, (sqlite3_file * f, void* d, int n, sqlite3_int64 o), (real, d, n, o))
PASS(FileSize, (sqlite3_file * f, sqlite3_int64* n), (real, n))
PASS(Lock, (sqlite3_file * f, int l), (real, l))
PASS(Unlock, (sqlite3_file * f, int l), (real, l))
PASS(CheckReservedLock, (sqlite3_file * f, int* r), (real, r))
PASS(FileControl, (sqlite3_file * f, int op, void* a), (real, op, a))
PASS(ShmMap, (sqlite3_file * f, int p, int s, int e, void volatile** m), (real, p, s, e, m))
PASS(ShmLock, (sqlite3_file * f, int o, int n, int l), (real, o, n, l))
PASS(ShmUnmap, (sqlite3_file * f, int d), (real, d))
#undef PASS
int do_close(sqlite3_file* f) {
    return of(f)->real()->pMethods->xClose(of(f)->real());
}
int do_sector(sqlite3_file* f) {
    return of(f)->real()->pMethods->xSectorSize(of(f)->real());
}
// No promise of atomic or ordered writes: the strictest disk.
int do_device(sqlite3_file*) {
    return 0;
}
void do_barrier(sqlite3_file* f) {
    of(f)->real()->pMethods->xShmBarrier(of(f)->real());
}

const sqlite3_io_methods methods{2,
                                 do_close,
                                 do_Read,
                                 do_write,
                                 do_truncate,
                                 do_sync,
                                 do_FileSize,
                                 do_Lock,
                                 do_Unlock,
                                 do_CheckReservedLock,
                                 do_FileControl,
                                 do_sector,
                                 do_device,
                                 do_ShmMap,
                                 do_ShmLock,
                                 do_barrier,
                                 do_ShmUnmap,
                                 nullptr,
                                 nullptr};

int open_file(sqlite3_vfs*, const char* path, sqlite3_file* f, int flags, int* out) {
    File* file = new (f) File{};
    file->path = path == nullptr ? "" : path;
    file->journalled = (flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL)) != 0;
    const int result = state.real->xOpen(state.real, path, file->real(), flags, out);
    file->base.pMethods = result == SQLITE_OK ? &methods : nullptr;
    return result;
}

int delete_file(sqlite3_vfs*, const char* path, int sync) {
    if (state.dead) return SQLITE_IOERR_DELETE;
    state.unsynced.erase(path);
    return state.real->xDelete(state.real, path, sync);
}

}  // namespace

FaultVfs& FaultVfs::install() {
    static FaultVfs self;
    if (state.real != nullptr) return self;
    sqlite3_config(SQLITE_CONFIG_GETMALLOC, &state.memory);
    static sqlite3_mem_methods memory = state.memory;
    memory.xMalloc = allocate;
    sqlite3_config(SQLITE_CONFIG_MALLOC, &memory);
    sqlite3_initialize();
    state.real = sqlite3_vfs_find(nullptr);
    static sqlite3_vfs vfs = *state.real;
    vfs.zName = "taskd-fault";
    vfs.szOsFile = static_cast<int>(sizeof(File)) + state.real->szOsFile;
    vfs.xOpen = open_file;
    vfs.xDelete = delete_file;
    sqlite3_vfs_register(&vfs, 1);
    return self;
}

void FaultVfs::arm(Fault fault, std::uint64_t countdown) {
    state.fault = fault;
    state.countdown = countdown;
    state.fired = false;
}
void FaultVfs::disarm() {
    state.fault = Fault::none;
}
bool FaultVfs::fired() const {
    return state.fired;
}
bool FaultVfs::dead() const {
    return state.dead;
}
void FaultVfs::die() {
    state.dead = true;
}

void FaultVfs::lose_power(core::Random& random) {
    for (auto& [path, writes] : state.unsynced) {
        std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
        if (!file) continue;
        std::string content((std::istreambuf_iterator<char>(file)), {});
        file.close();
        for (auto write = writes.rbegin(); write != writes.rend(); ++write) {
            const auto at = static_cast<std::size_t>(write->offset);
            if (write->truncated_from) {
                content.resize(at);
                content += write->before;
                continue;
            }
            const bool grew = write->before.size() < write->after.size();
            content.replace(at, std::min(content.size() - at, write->after.size()), write->before);
            if (grew) content.resize(std::min(content.size(), at + write->before.size()));
        }
        for (const auto& write : writes) {
            if (write.truncated_from || random.next() % 2 == 0) continue;
            const auto at = static_cast<std::size_t>(write.offset);
            if (content.size() < at + write.after.size()) content.resize(at + write.after.size());
            content.replace(at, write.after.size(), write.after);
        }
        std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
    }
    state.unsynced.clear();
}

void FaultVfs::revive() {
    state.dead = false;
    state.fault = Fault::none;
    state.unsynced.clear();
}

}  // namespace taskd::test
