// SPDX-License-Identifier: Apache-2.0
#include "daemon/backup_worker.h"

#include "core/check.h"
#include "daemon/store/backup.h"

#include <cerrno>
#include <cstdint>
#include <sys/eventfd.h>
#include <system_error>

namespace taskd::daemon {

BackupWorker::BackupWorker(std::string store)
    : store_(std::move(store)), done_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
    if (done_.get() < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
}

BackupWorker::~BackupWorker() {
    stopping_ = true;
    if (thread_.joinable()) thread_.join();
}

void BackupWorker::start(const std::string& path) {
    core::check(!thread_.joinable(), "one backup at a time");
    thread_ = std::thread([this, path] {
        core::Result<ipc::BackupReply> result = ipc::BackupReply{path, 0};
        try {
            const auto bytes = back_up(store_, path, stopping_);
            if (bytes)
                result->bytes = *bytes;
            else
                result = tl::unexpected(bytes.error());
        } catch (const std::exception& failure) {
            result = tl::unexpected(core::Error{
                core::Reason::internal, std::string("internal: ") + failure.what(), {}, {}});
        }
        const std::lock_guard lock(mutex_);
        result_ = std::move(result);
        const std::uint64_t one = 1;
        (void)!write(done_.get(), &one, sizeof one);
    });
}

std::optional<core::Result<ipc::BackupReply>> BackupWorker::take() {
    std::uint64_t count = 0;
    if (read(done_.get(), &count, sizeof count) < 0) return {};
    thread_.join();
    const std::lock_guard lock(mutex_);
    return std::exchange(result_, std::nullopt);
}

}  // namespace taskd::daemon
