// SPDX-License-Identifier: Apache-2.0
#include "cli/editor.h"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

namespace taskd::cli {
namespace {

using core::Error;
using core::Reason;
using core::Result;

std::string from_environment(const char* name) {
    // taskctl itself starts no thread that changes the environment.
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
}

/// Runs the editor as git and crontab do: the variable is a shell's words, the file comes after
/// them. Ctrl-C is for the editor alone meanwhile.
int run(const std::string& command, const std::string& path) {
    const std::string script = command + " \"$@\"";
    struct sigaction ignore {};
    ignore.sa_handler = SIG_IGN;
    struct sigaction before {};
    sigaction(SIGINT, &ignore, &before);
    const pid_t child = fork();
    if (child == 0) {
        sigaction(SIGINT, &before, nullptr);
        execl("/bin/sh", "sh", "-c", script.c_str(), "taskctl", path.c_str(), nullptr);
        _exit(127);
    }
    int status = -1;
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    sigaction(SIGINT, &before, nullptr);
    return child > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : 126;
}

}  // namespace

Result<Editor> Editor::open() {
    std::string command = from_environment("VISUAL");
    if (command.empty()) command = from_environment("EDITOR");
    if (command.empty()) {
        if (isatty(STDIN_FILENO) == 0 || isatty(STDOUT_FILENO) == 0)
            return core::invalid_argument(
                "edit",
                "there is no terminal for an editor; say what to change, for example "
                "--summary TEXT, or set EDITOR");
        command = "vi";
    }
    const std::string named = from_environment("TMPDIR");
    std::string path = (named.empty() ? "/tmp" : named) + "/taskctl-edit-XXXXXX.toml";
    const int fd = mkstemps(path.data(), 5);
    if (fd < 0)
        return core::invalid_argument("edit", path + ": " + std::strerror(errno),
                                      "set TMPDIR to a directory that you can write to");
    close(fd);
    return Editor(std::move(command), std::move(path));
}

Editor::Editor(Editor&& other) noexcept
    : command_(std::move(other.command_)), path_(std::exchange(other.path_, {})) {}

Editor::~Editor() {
    if (!path_.empty()) unlink(path_.c_str());
}

std::string Editor::keep() {
    return std::exchange(path_, {});
}

Result<std::string> Editor::edit(const std::string& text) {
    {
        std::ofstream file(path_, std::ios::trunc);
        file << text;
        if (!file.flush()) return core::invalid_argument("edit", path_ + ": can't be written");
    }
    if (const int status = run(command_, path_); status != 0)
        return core::failed_precondition(
            "edit", "the editor \"" + command_ + "\" ended with status " + std::to_string(status) +
                        "; nothing was changed");
    std::ifstream file(path_);
    std::stringstream all;
    all << file.rdbuf();
    return all.str();
}

}  // namespace taskd::cli
