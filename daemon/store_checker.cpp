// SPDX-License-Identifier: Apache-2.0
#include "daemon/store_checker.h"

#include "daemon/store/maintenance.h"

namespace taskd::daemon {

StoreChecker::StoreChecker(std::string store, Log log)
    : thread_([this, store = std::move(store), log = std::move(log)] {
          const std::string found = quick_check(store, stopping_);
          if (stopping_)
              log->info("store_check_given_up because=stopping");
          else if (found.empty())
              log->info("store_checked after=unclean_stop result=ok");
          else
              log->error("store_damaged found={}", field(found));
      }) {}

StoreChecker::~StoreChecker() {
    stopping_ = true;
    thread_.join();
}

}  // namespace taskd::daemon
