// SPDX-License-Identifier: Apache-2.0
#include "cli/autostart.h"

#include "cli/program_file.h"
#include "cli/user_manager.h"
#include "core/text.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <poll.h>
#include <spawn.h>
#include <string_view>
#include <sys/stat.h>
#include <sys/wait.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>

extern char** environ;

namespace taskd::cli {
namespace {

using namespace std::string_view_literals;
using core::Error;
using core::Reason;
using core::Result;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::chrono::seconds start_max{30};
// Who lost a start race waits for the winner, which binds within a second. Longer than this, and
// the other daemon serves somewhere else.
constexpr std::chrono::seconds other_max{5};
constexpr milliseconds look_again{20};
constexpr std::size_t line_bytes_max = 4096;  // of what taskd says about its start
constexpr int child_fd = 3;                   // the pipe's end in taskd

std::string from_environment(const char* name) {
    // taskctl itself starts no thread that changes the environment.
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
}

tl::unexpected<Error> unavailable(std::string message, std::string hint = {}) {
    return tl::unexpected(Error{Reason::unavailable, std::move(message), {}, std::move(hint)});
}

/// A descriptor that closes itself.
class Fd {
public:
    explicit Fd(int fd) : fd_(fd) {}
    Fd(const Fd&) = delete;
    Fd& operator=(const Fd&) = delete;
    ~Fd() { reset(); }
    [[nodiscard]] int get() const { return fd_; }
    void reset() {
        if (fd_ >= 0) close(fd_);
        fd_ = -1;
    }

private:
    int fd_;
};

/// taskd: TASKCTL_TASKD, beside taskctl, on PATH. Absolute, since the child leaves the directory.
Result<std::string> find_taskd() {
    std::error_code error;
    if (const auto named = from_environment("TASKCTL_TASKD"); !named.empty()) {
        if (is_program(named)) return std::filesystem::absolute(named, error).string();
        return unavailable("TASKCTL_TASKD: " + named + " is not a program");
    }
    if (auto found = find_program("taskd")) return *found;
    return unavailable("no daemon is running, and no taskd was found to start one",
                       "install taskd, or name it in TASKCTL_TASKD");
}

/// What taskd itself reads, and what the programs that it starts are given of its own: see
/// ENVIRONMENT in taskctl(1). Nothing else: a runner of pipelines ends at a job's end whatever has
/// the job's variables, and a job's secrets are not the daemon's.
bool is_kept(std::string_view name) {
    constexpr std::array kept{"HOME"sv,
                              "USER"sv,
                              "LOGNAME"sv,
                              "PATH"sv,
                              "SHELL"sv,
                              "LANG"sv,
                              "LANGUAGE"sv,
                              "TZ"sv,
                              "TZDIR"sv,
                              "TMPDIR"sv,
                              "DBUS_SESSION_BUS_ADDRESS"sv,
                              "DISPLAY"sv,
                              "WAYLAND_DISPLAY"sv,
                              "XAUTHORITY"sv,
                              "DESKTOP_SESSION"sv,
                              "BROWSER"sv,
                              "SSL_CERT_FILE"sv,
                              "SSL_CERT_DIR"sv,
                              "APP_API_TOKEN"sv,
                              "DAPR_API_TOKEN"sv,
                              "DAPR_HTTP_ENDPOINT"sv,
                              "DAPR_HTTP_PORT"sv};
    // Of a run that taskctl is a part of: what has them is ended with it.
    constexpr std::array run{"TASKD_RUN_ID"sv,         "TASKD_ONCE_"sv,   "TASKD_EVENT_"sv,
                             "TASKD_TASK_"sv,          "TASKD_ATTEMPT"sv, "TASKD_FENCE"sv,
                             "TASKD_IDEMPOTENCY_KEY"sv};
    const auto begins = [&](std::string_view beginning) { return name.rfind(beginning, 0) == 0; };
    const auto ends = [&](std::string_view end) {
        return name.size() > end.size() && name.substr(name.size() - end.size()) == end;
    };
    if (begins("TASKD_")) return std::none_of(run.begin(), run.end(), begins);
    return begins("LC_") || begins("XDG_") || ends("SAN_OPTIONS") ||
           std::find(kept.begin(), kept.end(), name) != kept.end();
}

std::vector<char*> kept_environment() {
    std::vector<char*> kept;
    for (char** entry = environ; *entry != nullptr; ++entry) {
        const std::string_view text = *entry;
        if (is_kept(text.substr(0, text.find('=')))) kept.push_back(*entry);
    }
    kept.push_back(nullptr);
    return kept;
}

/// What is still to be done after fork. Async-signal-safe throughout: ZeroMQ's threads may exist.
[[noreturn]] void become_taskd(int pipe_end, char* const* argv, char* const* environment,
                               const std::string& exec_failed) {
    setsid();
    // A second fork, so that taskd is no session leader and can't get a terminal by opening one.
    if (fork() != 0) _exit(0);
    const bool moved = chdir("/") == 0;
    const int null = open("/dev/null", O_RDWR);
    for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) dup2(null, standard);
    dup2(pipe_end, child_fd);
    close_range(child_fd + 1, ~0U, 0);

    struct sigaction standard_action {};
    standard_action.sa_handler = SIG_DFL;
    for (int number = 1; number < NSIG; ++number) sigaction(number, &standard_action, nullptr);
    sigset_t none{};
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    if (moved) execve(argv[0], argv, environment);
    (void)!write(child_fd, exec_failed.data(), exec_failed.size());
    _exit(1);
}

/// Starts taskd and returns the end of the pipe that it will write to.
int start(const std::string& taskd, const std::string& directory) {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0)
        throw std::system_error(errno, std::generic_category(), "pipe");
    Fd write_end(ends[1]);
    // Above the numbers that the child fills; a caller may have closed its standard streams.
    const Fd high_end(fcntl(write_end.get(), F_DUPFD_CLOEXEC, child_fd + 1));
    if (high_end.get() < 0) throw std::system_error(errno, std::generic_category(), "fcntl");

    std::array<std::string, 5> words{taskd, "--background-fd", std::to_string(child_fd),
                                     "--endpoint", directory};
    std::array<char*, 6> argv{};
    for (std::size_t i = 0; i < words.size(); ++i) argv.at(i) = words.at(i).data();
    const auto environment = kept_environment();
    const std::string exec_failed = "error " + taskd + " can't be executed\n";

    const pid_t child = fork();
    if (child < 0) throw std::system_error(errno, std::generic_category(), "fork");
    if (child == 0) become_taskd(high_end.get(), argv.data(), environment.data(), exec_failed);
    while (waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
    }
    return ends[0];
}

enum class Ending { line, end_of_file, timed_out };

/// The line that taskd writes once it knows how its start went.
std::pair<Ending, std::string> read_line(int fd, steady_clock::time_point until) {
    std::string line;
    while (line.size() < line_bytes_max) {
        const auto left = std::chrono::ceil<milliseconds>(until - steady_clock::now());
        if (left <= milliseconds{0}) return {Ending::timed_out, line};
        pollfd item{fd, POLLIN, 0};
        if (poll(&item, 1, static_cast<int>(left.count())) <= 0) continue;
        char c = 0;
        const auto got = read(fd, &c, 1);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return {Ending::end_of_file, line};
        if (c == '\n') return {Ending::line, line};
        line += c;
    }
    return {Ending::line, line};
}

/// Another daemon has the locks: it may be about to serve, or about to end.
enum class Other { serves, ended, silent };
Other wait_for(const ipc::Endpoint& endpoint, std::int64_t pid, steady_clock::time_point until) {
    while (steady_clock::now() < until) {
        if (endpoint.is_listening()) return Other::serves;
        if (pid > 0 && !process_runs(pid)) return Other::ended;
        std::this_thread::sleep_for(look_again);
    }
    return Other::silent;
}

/// What to do about a daemon that listens elsewhere: where that is, as its command line tells.
std::string other_hint(std::int64_t pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/cmdline", std::ios::binary);
    std::string word;
    while (std::getline(file, word, '\0'))
        if (word == "--endpoint" && std::getline(file, word, '\0') && !word.empty())
            return "it listens in " + word + ": name that with --endpoint or TASKCTL_ENDPOINT";
    return "name its directory with --endpoint or TASKCTL_ENDPOINT, or end it: kill " +
           std::to_string(pid);
}

}  // namespace

bool process_runs(std::int64_t pid) {
    if (pid <= 0) return false;
    if (kill(static_cast<pid_t>(pid), 0) != 0 && errno == ESRCH) return false;
    std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
    std::string stat;
    std::getline(file, stat);
    // "PID (name) STATE ..."; the name may hold anything, brackets too.
    const auto after_name = stat.rfind(") ");
    if (after_name == std::string::npos || after_name + 2 >= stat.size()) return file.is_open();
    const char state = stat[after_name + 2];
    return state != 'Z' && state != 'X';
}

Result<int> run_taskd(const std::vector<std::string>& arguments) {
    const auto taskd = find_taskd();
    if (!taskd) return tl::unexpected(taskd.error());
    std::vector<std::string> words{*taskd};
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::vector<char*> argv;
    for (auto& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    pid_t child = 0;
    if (const int why = posix_spawn(&child, taskd->c_str(), nullptr, nullptr, argv.data(), environ);
        why != 0)
        return unavailable(*taskd + ": " + std::strerror(why));
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

std::string log_path() {
    const auto state = from_environment("XDG_STATE_HOME");
    if (!state.empty() && state.front() == '/') return state + "/taskd/taskd.log";
    const auto home = from_environment("HOME");
    return (home.empty() ? "~" : home) + "/.local/state/taskd/taskd.log";
}

Result<Place> find_place(const std::string& named) {
    constexpr std::string_view system_root = "/run/taskd/";
    std::error_code error;
    std::string directory = named;
    if (directory.empty()) {
        directory = std::string(system_root) + "u" + std::to_string(geteuid());
        if (!std::filesystem::is_directory(directory, error)) directory = ipc::personal_directory();
    }
    if (!named.empty()) directory = std::filesystem::absolute(named, error).lexically_normal();
    while (directory.size() > 1 && directory.back() == '/') directory.pop_back();
    auto endpoint = ipc::Endpoint::make(directory);
    if (!endpoint) return tl::unexpected(endpoint.error());
    return Place{std::move(*endpoint), directory.rfind(system_root, 0) == 0};
}

Result<void> require_daemon(const Place& place) {
    if (!place.is_system)
        if (auto owned = place.endpoint.check_owner(); !owned) return owned;
    if (place.endpoint.is_listening()) return {};
    const std::string where = "nothing listens in " + place.endpoint.directory();
    if (place.is_system)
        return unavailable("the system's daemon does not run: " + where,
                           "systemctl status taskd says more");
    return unavailable("no daemon is running: " + where);
}

Result<void> ensure_daemon(const Place& place) {
    auto running = require_daemon(place);
    if (running || place.is_system || running.error().reason != Reason::unavailable) return running;
    // A program named by hand is meant to be the one that runs.
    if (from_environment("TASKCTL_TASKD").empty()) {
        const auto started = start_by_user_manager(place.endpoint);
        if (!started) return tl::unexpected(started.error());
        if (*started) return {};
    }
    const auto taskd = find_taskd();
    if (!taskd) return tl::unexpected(taskd.error());

    const auto& endpoint = place.endpoint;
    const auto until = steady_clock::now() + start_max;
    while (steady_clock::now() < until) {
        const Fd pipe(start(*taskd, endpoint.directory()));
        const auto [ending, line] = read_line(pipe.get(), until);
        if (ending == Ending::timed_out) break;
        if (line == "ready") return {};
        if (line.rfind("error ", 0) == 0)
            return unavailable("taskd can't start: " + line.substr(6), "its log is " + log_path());
        if (line.rfind("busy", 0) != 0)
            return unavailable("taskd ended before it was ready; see " + log_path());
        const std::int64_t pid = std::atoll(line.substr(4).c_str());
        switch (wait_for(endpoint, pid, std::min(until, steady_clock::now() + other_max))) {
        case Other::serves:
            return {};
        case Other::ended:
            continue;  // a daemon that was shutting down; now it is our turn
        case Other::silent:
            return unavailable("another taskd (pid " + std::to_string(pid) +
                                   ") holds the store, but does not listen in " +
                                   endpoint.directory(),
                               other_hint(pid));
        }
    }
    return unavailable("taskd was not ready after 30 s; see " + log_path());
}

}  // namespace taskd::cli
