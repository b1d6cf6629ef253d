// SPDX-License-Identifier: Apache-2.0
#include "cli/program_file.h"

#include "core/text.h"

#include <cstdlib>
#include <filesystem>
#include <unistd.h>

namespace taskd::cli {

bool is_program(const std::string& path) {
    std::error_code error;
    return std::filesystem::is_regular_file(path, error) && access(path.c_str(), X_OK) == 0;
}

std::optional<std::string> find_program(const std::string& name) {
    std::error_code error;
    const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
    if (const auto beside = (self.parent_path() / name).string(); !error && is_program(beside))
        return beside;
    const char* path = std::getenv("PATH");
    for (const auto& directory : core::split(path == nullptr ? "" : path, ':'))
        if (const auto file = directory + "/" + name; !directory.empty() && is_program(file))
            return std::filesystem::absolute(file, error).string();
    return {};
}

}  // namespace taskd::cli
