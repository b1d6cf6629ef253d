// SPDX-License-Identifier: Apache-2.0
// bench_load [--endpoint DIR] [--clients 1,8,64] [--commands N] [--method task.add]: N clients,
// each with one durable command outstanding, over ZeroMQ; and beside it what the disk can do,
// measured in the same run on the same file system: the same bytes by write + fdatasync, one at a
// time.
#include "core/text.h"
#include "driver.h"
#include "ipc/json.h"
#include "ipc/rpc.h"

#include <nlohmann/json.hpp>

#include <fcntl.h>
#include <unistd.h>

namespace {

using namespace taskd;
using namespace taskd::bench;

/// Syncs per second of a file in `directory`, each of `bytes` appended.
double disk_syncs(const std::string& directory, std::size_t bytes) {
    const std::string path = directory + "/bench-sync";
    const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) return 0;
    const std::string block(bytes, 'x');
    int count = 0;
    const auto start = Clock::now();
    for (; seconds_since(start) < 2.0; ++count) {
        if (write(fd, block.data(), block.size()) < 0 || fdatasync(fd) != 0) break;
    }
    const double rate = count / seconds_since(start);
    close(fd);
    unlink(path.c_str());
    return rate;
}

/// One durable command of each client under way.
Figures run(zmq::context_t& context, const ipc::Endpoint& endpoint, const std::string& method,
            std::size_t clients, std::size_t commands) {
    std::size_t started = 0;
    return drive(context, endpoint, {clients, 1}, [&]() -> std::string {
        if (started == commands) return {};
        nlohmann::json params = nlohmann::json::object();
        // A key of its own, as every client of ours sends one: the reply is stored too.
        if (method == "task.add")
            params = {{"summary", "load " + std::to_string(started)},
                      {"idempotency_key", std::to_string(Clock::now().time_since_epoch().count()) +
                                              "-" + std::to_string(started)}};
        return ipc::request_text(++started, method, params);
    });
}

}  // namespace

int main(int argc, char** argv) {
    auto options = read_options(argc, argv,
                                {{"--endpoint", ipc::personal_directory()},
                                 {"--clients", "1,8,64"},
                                 {"--commands", "4000"},
                                 {"--method", "task.add"},
                                 {"--disk", "."}});
    const auto endpoint = endpoint_of(options, "bench_load");
    zmq::context_t context;
    const double syncs = disk_syncs(options["--disk"], 4096);
    std::printf("the disk: %.0f writes of 4 KiB + fdatasync a second\n", syncs);
    std::printf("%8s %12s %9s %9s %14s\n", "clients", "commands/s", "p50 ms", "p99 ms",
                "x disk syncs/s");
    for (const auto& text : core::split(options["--clients"], ',')) {
        const auto clients = static_cast<std::size_t>(std::atoi(text.c_str()));
        const auto commands = static_cast<std::size_t>(std::atoi(options["--commands"].c_str()));
        const auto figures =
            run(context, endpoint, options["--method"], clients, std::max(commands, clients));
        std::printf("%8zu %12.0f %9.2f %9.2f %14.2f\n", clients, figures.rate, figures.p50_ms,
                    figures.p99_ms, figures.rate / syncs);
    }
    return 0;
}
