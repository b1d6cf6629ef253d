// SPDX-License-Identifier: Apache-2.0
#include "cli/spawn.h"

#include "cli/signals.h"
#include "core/text.h"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <spawn.h>
#include <sys/stat.h>
#include <unistd.h>

extern char** environ;

namespace taskd::cli {
namespace {

class SpawnSettings {
public:
    explicit SpawnSettings(const Spawn& what) {
        posix_spawn_file_actions_init(&actions_);
        for (const auto& [ours, there] : what.descriptors)
            posix_spawn_file_actions_adddup2(&actions_, ours, there);
        posix_spawnattr_init(&attributes_);
        posix_spawnattr_setpgroup(&attributes_, 0);
        sigset_t set{};
        sigemptyset(&set);
        posix_spawnattr_setsigmask(&attributes_, &set);
        sigfillset(&set);
        // SIGPIPE is ignored by taskctl itself; without SIGCHLD a command could not wait.
        for (int number = 1; number < NSIG; ++number)
            if (number != SIGPIPE && number != SIGCHLD && is_ignored(number))
                sigdelset(&set, number);
        posix_spawnattr_setsigdefault(&attributes_, &set);
        const int group = what.own_group ? POSIX_SPAWN_SETPGROUP : 0;
        posix_spawnattr_setflags(&attributes_, static_cast<short>(group | POSIX_SPAWN_SETSIGMASK |
                                                                  POSIX_SPAWN_SETSIGDEF));
    }
    SpawnSettings(const SpawnSettings&) = delete;
    SpawnSettings& operator=(const SpawnSettings&) = delete;
    ~SpawnSettings() {
        posix_spawn_file_actions_destroy(&actions_);
        posix_spawnattr_destroy(&attributes_);
    }
    [[nodiscard]] const posix_spawn_file_actions_t* actions() const { return &actions_; }
    [[nodiscard]] const posix_spawnattr_t* attributes() const { return &attributes_; }

private:
    posix_spawn_file_actions_t actions_{};
    posix_spawnattr_t attributes_{};
};

std::vector<std::string> environment_with(const std::map<std::string, std::string>& variables) {
    std::vector<std::string> all;
    for (char** entry = environ; *entry != nullptr; ++entry) {
        const std::string text = *entry;
        const std::string name = text.substr(0, text.find('='));
        // Nothing of an outer consumer must look like this one's.
        const bool stale = name.rfind("TASKD_EVENT_", 0) == 0 || name == "TASKD_ATTEMPT" ||
                           name == "TASKD_FENCE" || name == "TASKD_IDEMPOTENCY_KEY";
        if (!stale && variables.count(name) == 0) all.push_back(text);
    }
    for (const auto& [name, value] : variables) {
        std::string entry = name;
        entry += '=';
        entry += value;
        all.push_back(std::move(entry));
    }
    return all;
}

std::vector<char*> pointers(std::vector<std::string>& words) {
    std::vector<char*> all;
    all.reserve(words.size() + 1);
    for (auto& word : words) all.push_back(word.data());
    all.push_back(nullptr);
    return all;
}

}  // namespace

core::Result<pid_t> spawn(const Spawn& what) {
    const SpawnSettings settings(what);
    std::vector<std::string> words = what.argv;
    std::vector<std::string> environment = environment_with(what.variables);
    pid_t pid = 0;
    const int failed =
        posix_spawnp(&pid, words.front().c_str(), settings.actions(), settings.attributes(),
                     pointers(words).data(), pointers(environment).data());
    if (failed == 0) return pid;
    return tl::unexpected(core::Error{
        failed == EAGAIN || failed == ENOMEM ? core::Reason::internal : core::Reason::not_found,
        "\"" + core::clipped(words.front(), 200) + "\" can't be started: " + std::strerror(failed),
        {},
        failed == ENOEXEC ? "a script needs #! on its first line" : ""});
}

core::Result<void> check_runnable(const std::string& program) {
    const auto why_not = [](const std::string& path) {
        struct stat status {};
        if (stat(path.c_str(), &status) != 0) return errno;
        if (S_ISDIR(status.st_mode)) return EISDIR;
        if (!S_ISREG(status.st_mode)) return EACCES;
        return access(path.c_str(), X_OK) == 0 ? 0 : errno;
    };
    std::string why = "no such program";
    if (program.find('/') != std::string::npos) {
        const int error = why_not(program);
        if (error == 0) return {};
        why = std::strerror(error);
    }
    // taskctl starts no thread that changes the environment.
    const char* path = std::getenv("PATH");
    if (program.find('/') == std::string::npos)
        for (const auto& folder : core::split(path == nullptr ? "/usr/bin:/bin" : path, ':'))
            if (why_not((folder.empty() ? "." : folder) + "/" + program) == 0) return {};
    return tl::unexpected(
        core::Error{core::Reason::not_found,
                    "\"" + core::clipped(program, 200) + "\" can't be started: " + why,
                    {},
                    "no shell reads COMMAND; for one, say sh -c '...'"});
}

}  // namespace taskd::cli
