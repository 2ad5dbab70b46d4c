#include "tests/io/faulty_disk.h"

#include <sqlite3.h>

#include <cerrno>
#include <cstring>

namespace landseer::broker {
namespace {

Fault armed = Fault::kNone;
std::uint64_t fails_at = 0;
std::uint64_t seen = 0;
sqlite3_vfs* real = nullptr;
sqlite3_vfs faulty;

/// What SQLite holds; the real layer's file lies behind it in the same allocation.
struct File {
  sqlite3_file base;
  sqlite3_file* inner() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};

File* of(sqlite3_file* file) { return reinterpret_cast<File*>(file); }

bool is_due() {
  ++seen;
  return seen == fails_at || (armed == Fault::kFullForLong && fails_at != 0 && seen > fails_at);
}

int write(sqlite3_file* file, const void* data, int size, sqlite3_int64 offset) {
  if (is_due()) {
    if (armed == Fault::kFull || armed == Fault::kFullForLong) return SQLITE_FULL;
    if (armed == Fault::kWriteError || armed == Fault::kQuota) return SQLITE_IOERR_WRITE;
  }
  return of(file)->inner()->pMethods->xWrite(of(file)->inner(), data, size, offset);
}

int sync(sqlite3_file* file, int flags) {
  if (is_due() && armed == Fault::kSyncError) return SQLITE_IOERR_FSYNC;
  return of(file)->inner()->pMethods->xSync(of(file)->inner(), flags);
}

int control(sqlite3_file* file, int operation, void* value) {
  if (operation == SQLITE_FCNTL_LAST_ERRNO && armed == Fault::kQuota) {
    *static_cast<int*>(value) = EDQUOT;
    return SQLITE_OK;
  }
  return of(file)->inner()->pMethods->xFileControl(of(file)->inner(), operation, value);
}

template <auto Member, class... Arguments>
auto pass(sqlite3_file* file, Arguments... arguments) {
  sqlite3_file* inner = of(file)->inner();
  return (inner->pMethods->*Member)(inner, arguments...);
}

/// Version 2: with shared memory, which a store in exclusive mode does not need, but a history
/// does.
const sqlite3_io_methods kMethods = [] {
  sqlite3_io_methods m{};
  m.iVersion = 2;
  m.xClose = &pass<&sqlite3_io_methods::xClose>;
  m.xRead = &pass<&sqlite3_io_methods::xRead, void*, int, sqlite3_int64>;
  m.xWrite = &write;
  m.xTruncate = &pass<&sqlite3_io_methods::xTruncate, sqlite3_int64>;
  m.xSync = &sync;
  m.xFileSize = &pass<&sqlite3_io_methods::xFileSize, sqlite3_int64*>;
  m.xLock = &pass<&sqlite3_io_methods::xLock, int>;
  m.xUnlock = &pass<&sqlite3_io_methods::xUnlock, int>;
  m.xCheckReservedLock = &pass<&sqlite3_io_methods::xCheckReservedLock, int*>;
  m.xFileControl = &control;
  m.xSectorSize = &pass<&sqlite3_io_methods::xSectorSize>;
  m.xDeviceCharacteristics = &pass<&sqlite3_io_methods::xDeviceCharacteristics>;
  m.xShmMap = &pass<&sqlite3_io_methods::xShmMap, int, int, int, void volatile**>;
  m.xShmLock = &pass<&sqlite3_io_methods::xShmLock, int, int, int>;
  m.xShmBarrier = &pass<&sqlite3_io_methods::xShmBarrier>;
  m.xShmUnmap = &pass<&sqlite3_io_methods::xShmUnmap, int>;
  return m;
}();

int open_file(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out_flags) {
  file->pMethods = nullptr;
  const int code = real->xOpen(real, name, of(file)->inner(), flags, out_flags);
  if (of(file)->inner()->pMethods != nullptr) file->pMethods = &kMethods;
  return code;
}

void install() {
  real = sqlite3_vfs_find(nullptr);
  faulty = *real;
  faulty.pNext = nullptr;
  faulty.zName = "faulty";
  faulty.szOsFile = static_cast<int>(sizeof(File)) + real->szOsFile;
  faulty.xOpen = &open_file;
  sqlite3_vfs_register(&faulty, 1);
}

}  // namespace

void FaultyDisk::arm(Fault fault, std::uint64_t number) {
  if (real == nullptr) install();
  armed = fault;
  fails_at = number;
  seen = 0;
}

std::uint64_t FaultyDisk::calls() { return seen; }

}  // namespace landseer::broker
