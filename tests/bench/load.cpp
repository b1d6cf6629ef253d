// SPDX-License-Identifier: Apache-2.0
// bench_load [--endpoint DIR] [--clients 1,8,64] [--commands N] [--method task.add]: N clients,
// each with one durable command outstanding, over ZeroMQ; and beside it what the disk can do,
// measured in the same run on the same file system: the same bytes by write + fdatasync, one at a
// time.
#include "core/text.h"
#include "ipc/endpoint.h"
#include "ipc/json.h"
#include "ipc/rpc.h"

#include <nlohmann/json.hpp>
#include <zmq.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <map>
#include <string>
#include <unistd.h>
#include <vector>

namespace {

using namespace taskd;
using Clock = std::chrono::steady_clock;
using std::chrono::duration;

double seconds_since(Clock::time_point start) {
    return duration<double>(Clock::now() - start).count();
}

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

struct Figures {
    double rate = 0;
    double p50_ms = 0;
    double p99_ms = 0;
};

/// All clients in one thread: each a DEALER socket with one request outstanding.
Figures run(zmq::context_t& context, const ipc::Endpoint& endpoint, const std::string& method,
            std::size_t clients, std::size_t commands) {
    std::vector<zmq::socket_t> sockets;
    std::vector<zmq::pollitem_t> items;
    for (std::size_t i = 0; i < clients; ++i) {
        sockets.emplace_back(context, zmq::socket_type::dealer);
        sockets.back().set(zmq::sockopt::linger, 0);
        sockets.back().connect(endpoint.requests());
    }
    for (auto& socket : sockets) items.push_back({socket.handle(), 0, ZMQ_POLLIN, 0});
    std::vector<Clock::time_point> sent(clients);
    std::vector<double> latencies;
    std::size_t started = 0;
    const auto send = [&](std::size_t client) {
        nlohmann::json params{{"summary", "load " + std::to_string(started)}};
        // A key of its own, as every client of ours sends one: the reply is stored too.
        if (method == "task.add")
            params["idempotency_key"] = std::to_string(Clock::now().time_since_epoch().count()) +
                                        "-" + std::to_string(started);
        else
            params = nlohmann::json::object();
        sent[client] = Clock::now();
        sockets[client].send(zmq::buffer(ipc::request_text(++started, method, params)),
                             zmq::send_flags::none);
    };
    const auto begin = Clock::now();
    for (std::size_t client = 0; client < clients; ++client) send(client);
    zmq::message_t reply;
    while (latencies.size() < commands) {
        zmq::poll(items.data(), items.size(), std::chrono::seconds{60});
        for (std::size_t client = 0; client < clients; ++client) {
            if ((items[client].revents & ZMQ_POLLIN) == 0) continue;
            (void)sockets[client].recv(reply);
            if (reply.to_string_view().find("\"result\"") == std::string_view::npos) {
                std::fprintf(stderr, "refused: %s\n", reply.to_string().c_str());
                std::exit(1);
            }
            latencies.push_back(seconds_since(sent[client]) * 1000);
            if (started < commands) send(client);
        }
    }
    Figures figures;
    figures.rate = static_cast<double>(commands) / seconds_since(begin);
    std::sort(latencies.begin(), latencies.end());
    figures.p50_ms = latencies[latencies.size() / 2];
    figures.p99_ms = latencies[latencies.size() * 99 / 100];
    return figures;
}

}  // namespace

int main(int argc, char** argv) {
    std::map<std::string, std::string> options{{"--endpoint", ipc::personal_directory()},
                                               {"--clients", "1,8,64"},
                                               {"--commands", "4000"},
                                               {"--method", "task.add"},
                                               {"--disk", "."}};
    for (int i = 1; i + 1 < argc; i += 2) options[argv[i]] = argv[i + 1];
    const auto endpoint = ipc::Endpoint::make(options["--endpoint"]);
    if (!endpoint || !endpoint->is_listening()) {
        std::fprintf(stderr, "bench_load: no taskd listens in %s\n", options["--endpoint"].c_str());
        return 6;
    }
    zmq::context_t context;
    const double syncs = disk_syncs(options["--disk"], 4096);
    std::printf("the disk: %.0f writes of 4 KiB + fdatasync a second\n", syncs);
    std::printf("%8s %12s %9s %9s %14s\n", "clients", "commands/s", "p50 ms", "p99 ms",
                "x disk syncs/s");
    for (const auto& text : core::split(options["--clients"], ',')) {
        const auto clients = static_cast<std::size_t>(std::atoi(text.c_str()));
        const auto commands = static_cast<std::size_t>(std::atoi(options["--commands"].c_str()));
        const auto figures =
            run(context, *endpoint, options["--method"], clients, std::max(commands, clients));
        std::printf("%8zu %12.0f %9.2f %9.2f %14.2f\n", clients, figures.rate, figures.p50_ms,
                    figures.p99_ms, figures.rate / syncs);
    }
    return 0;
}
