// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/unique_fd.h"

#include <catch2/catch.hpp>

#include <array>
#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdexcept>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace taskd::test {

inline constexpr std::chrono::seconds child_patience{20};

/// A program that ends with this object, or, as its input ends and for want of a parent, with this
/// process. Speaks in lines.
class Child {
public:
    explicit Child(const std::vector<std::string>& words) {
        std::array<int, 2> input{};
        std::array<int, 2> output{};
        REQUIRE(pipe2(input.data(), O_CLOEXEC) == 0);
        REQUIRE(pipe2(output.data(), O_CLOEXEC) == 0);
        const daemon::UniqueFd child_input(input[0]);
        const daemon::UniqueFd child_output(output[1]);
        input_ = daemon::UniqueFd(input[1]);
        output_ = daemon::UniqueFd(output[0]);

        std::vector<std::string> all{"/usr/bin/setpriv", "--pdeathsig", "TERM"};
        all.insert(all.end(), words.begin(), words.end());
        std::vector<char*> arguments;
        arguments.reserve(all.size() + 1);
        for (auto& word : all) arguments.push_back(word.data());
        arguments.push_back(nullptr);
        posix_spawn_file_actions_t actions{};
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_adddup2(&actions, child_input.get(), STDIN_FILENO);
        posix_spawn_file_actions_adddup2(&actions, child_output.get(), STDOUT_FILENO);
        const int error =
            posix_spawn(&pid_, arguments[0], &actions, nullptr, arguments.data(), environ);
        posix_spawn_file_actions_destroy(&actions);
        REQUIRE(error == 0);
    }
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    ~Child() {
        kill(pid_, SIGCONT);
        kill(pid_, SIGTERM);
        waitpid(pid_, nullptr, 0);
    }

    void write_line(std::string line) const {
        line += '\n';
        REQUIRE(write(input_.get(), line.data(), line.size()) == static_cast<ssize_t>(line.size()));
    }

    std::string read_line() {
        for (;;) {
            if (const auto end = buffer_.find('\n'); end != std::string::npos) {
                std::string line = buffer_.substr(0, end);
                buffer_.erase(0, end + 1);
                return line;
            }
            std::array<char, 65536> bytes{};
            pollfd ready{output_.get(), POLLIN, 0};
            if (poll(&ready, 1,
                     static_cast<int>(std::chrono::milliseconds(child_patience).count())) != 1)
                throw std::runtime_error("no line in time; so far: " + buffer_);
            const auto got = read(output_.get(), bytes.data(), bytes.size());
            if (got <= 0) throw std::runtime_error("the child ended; so far: " + buffer_);
            buffer_.append(bytes.data(), static_cast<std::size_t>(got));
        }
    }

    void signal(int number) const { kill(pid_, number); }

private:
    daemon::UniqueFd input_;
    daemon::UniqueFd output_;
    std::string buffer_;
    pid_t pid_ = 0;
};

}  // namespace taskd::test
