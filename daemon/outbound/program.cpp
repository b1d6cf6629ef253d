// SPDX-License-Identifier: Apache-2.0
#include "daemon/outbound/program.h"

#include "core/text.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

namespace taskd::daemon {
namespace {

constexpr std::array inherited{"PATH",
                               "HOME",
                               "USER",
                               "LOGNAME",
                               "SHELL",
                               "LANG",
                               "LC_ALL",
                               "TZ",
                               "DISPLAY",
                               "WAYLAND_DISPLAY",
                               "XDG_RUNTIME_DIR",
                               "DBUS_SESSION_BUS_ADDRESS",
                               "XAUTHORITY"};

std::vector<char*> pointers(std::vector<std::string>& texts) {
    std::vector<char*> list;
    list.reserve(texts.size() + 1);
    for (auto& text : texts) list.push_back(text.data());
    list.push_back(nullptr);
    return list;
}

/// The program by the PATH that it gets itself, which need not be the daemon's; its name as it is
/// where that has none.
std::string found_on_path(const Program& program) {
    const auto& name = program.argv.front();
    const std::string key = "PATH=";
    const auto path =
        std::find_if(program.environment.begin(), program.environment.end(),
                     [&](const auto& variable) { return variable.rfind(key, 0) == 0; });
    if (name.find('/') != std::string::npos || path == program.environment.end()) return name;
    for (const auto& directory : core::split(path->substr(key.size()), ':')) {
        std::string candidate = (directory.empty() ? "." : std::string(directory)) + "/" + name;
        if (candidate.front() != '/') candidate.insert(0, program.directory + "/");
        struct stat info {};
        if (stat(candidate.c_str(), &info) == 0 && S_ISREG(info.st_mode) &&
            access(candidate.c_str(), X_OK) == 0)
            return candidate;
    }
    return name;
}

}  // namespace

Pipe make_pipe() {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0)
        throw std::system_error(errno, std::generic_category(), "pipe");
    return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

Pipe make_output() {
    Pipe output = make_pipe();
    fcntl(output.read.get(), F_SETFL, O_NONBLOCK);
    return output;
}

UniqueFd input_of(const std::string& text) {
    if (text.empty()) return {};
    UniqueFd fd(memfd_create("event", MFD_CLOEXEC));
    if (fd.get() < 0) throw std::system_error(errno, std::generic_category(), "memfd_create");
    for (std::size_t at = 0; at < text.size();) {
        const auto put = write(fd.get(), text.data() + at, text.size() - at);
        if (put < 0 && errno != EINTR)
            throw std::system_error(errno, std::generic_category(), "its standard input");
        if (put > 0) at += static_cast<std::size_t>(put);
    }
    lseek(fd.get(), 0, SEEK_SET);
    return fd;
}

std::vector<std::string> inherited_environment() {
    std::vector<std::string> environment;
    for (const char* name : inherited)
        // No thread of ours ever writes the environment.
        if (const char* value = std::getenv(name); value != nullptr)
            environment.push_back(std::string(name) + "=" + value);
    return environment;
}

void append_variables(std::vector<std::string>& environment,
                      const std::vector<std::pair<std::string, std::string>>& variables) {
    // A title may hold a NUL; a variable can't.
    for (const auto& [name, value] : variables)
        environment.push_back(name + "=" + value.substr(0, value.find('\0')));
}

std::string file_of(const Program& program) {
    std::string file = found_on_path(program);
    if (file.find('/') == std::string::npos) return "";
    if (file.front() != '/') file.insert(0, program.directory + "/");
    return file;
}

pid_t start(const Program& program, int input, int output) {
    std::vector<std::string> arguments = program.argv;
    std::vector<std::string> environment = program.environment;
    const std::string file = found_on_path(program);
    posix_spawn_file_actions_t actions{};
    posix_spawnattr_t attributes{};
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    if (input >= 0)
        posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
    else
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
    if (!program.directory.empty())
        posix_spawn_file_actions_addchdir_np(&actions, program.directory.c_str());
    sigset_t none{};
    sigset_t all{};
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setflags(
        &attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    pid_t pid = 0;
    const int error = posix_spawnp(&pid, file.c_str(), &actions, &attributes,
                                   pointers(arguments).data(), pointers(environment).data());
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return error == 0 ? pid : -error;
}

std::string readable(std::string text, Cut cut) {
    constexpr std::size_t rest_max = 3;  // of a character of up to 4 bytes
    for (std::size_t left = cut == Cut::none ? 0 : rest_max; left > 0 && !core::is_utf8(text);
         --left) {
        const std::string_view all = text;
        const std::size_t bytes = std::min(rest_max - left + 1, all.size());
        const auto rest = cut == Cut::front ? all.substr(bytes) : all.substr(0, all.size() - bytes);
        if (core::is_utf8(rest)) return std::string(rest);
    }
    if (core::is_utf8(text)) return text;
    for (char& c : text)
        if (static_cast<unsigned char>(c) >= 0x80) c = '?';
    return text;
}

core::Outcome outcome_of(int status, std::string text) {
    if (WIFSIGNALED(status))
        return {false, true, "killed by signal " + std::to_string(WTERMSIG(status)),
                std::move(text)};
    const int code = WEXITSTATUS(status);
    return {code == 0, true, "exit " + std::to_string(code), std::move(text)};
}

std::string in_words(std::chrono::milliseconds span) {
    using std::chrono::seconds;
    if (span % seconds{1} == std::chrono::milliseconds{0})
        return std::to_string(span / seconds{1}) + " s";
    return std::to_string(span.count()) + " ms";
}

}  // namespace taskd::daemon
