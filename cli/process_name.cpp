// SPDX-License-Identifier: Apache-2.0
#include "cli/process_name.h"

#include "ipc/system_random.h"

#include <array>
#include <string_view>
#include <unistd.h>

namespace taskd::cli {

std::string process_name() {
    std::array<char, 65> host{};
    if (gethostname(host.data(), host.size() - 1) != 0) host[0] = '\0';
    ipc::SystemRandom random;
    constexpr std::string_view digits = "0123456789abcdef";
    std::string tail;
    for (auto bits = random.next(); tail.size() < 8; bits >>= 4U) tail += digits[bits & 15U];
    return (host[0] == '\0' ? "host" : std::string(host.data())) + "-" + std::to_string(getpid()) +
           "-" + tail;
}

}  // namespace taskd::cli
