// SPDX-License-Identifier: Apache-2.0
// HTTP beside ZeroMQ on one running daemon:
//   bench_http [--endpoint DIR] --http /path/http.sock [--commands 2000] [--clients 1,8,24]
//              [--idle 200] [--writers 64] [--probes 2000]
// First GET /health alone, then while `writers` clients write over ZeroMQ and `idle` connections
// are held; then task.add over HTTP and over ZeroMQ in turns, so that both meet the same disk.
#include "core/text.h"
#include "ipc/endpoint.h"
#include "ipc/rpc.h"

#include <zmq.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>

namespace {

using namespace taskd;
using Clock = std::chrono::steady_clock;

[[noreturn]] void fail(const std::string& what) {
    std::fprintf(stderr, "bench_http: %s\n", what.c_str());
    std::exit(1);
}

double ms_since(Clock::time_point start) {
    return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

struct Figures {
    double rate = 0;
    double p50_ms = 0;
    double p99_ms = 0;
};

Figures figures_of(std::vector<double> latencies, double total_ms) {
    std::sort(latencies.begin(), latencies.end());
    return {static_cast<double>(latencies.size()) / total_ms * 1000,
            latencies[latencies.size() / 2], latencies[latencies.size() * 99 / 100]};
}

std::string add_text(std::size_t number) {
    static const auto run = std::to_string(Clock::now().time_since_epoch().count());
    static std::atomic<std::size_t> keys{0};
    return ipc::request_text(
        number, "task.add",
        {{"summary", "load"}, {"idempotency_key", run + "-" + std::to_string(++keys)}});
}

/// One kept connection on the Unix socket.
class HttpClient {
public:
    explicit HttpClient(const std::string& path) : fd_(socket(AF_UNIX, SOCK_STREAM, 0)) {
        sockaddr_un name{};
        name.sun_family = AF_UNIX;
        path.copy(name.sun_path, sizeof name.sun_path - 1);
        if (connect(fd_, reinterpret_cast<sockaddr*>(&name), sizeof name) != 0)
            fail("nobody listens on " + path);
    }
    HttpClient(const HttpClient&) = delete;
    HttpClient& operator=(const HttpClient&) = delete;
    ~HttpClient() { close(fd_); }

    [[nodiscard]] int fd() const { return fd_; }

    void send(const std::string& text) const {
        if (::send(fd_, text.data(), text.size(), MSG_NOSIGNAL) !=
            static_cast<ssize_t>(text.size()))
            fail("the daemon takes no request");
    }
    void send_get() const { send("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"); }
    void send_call(const std::string& body) const {
        send(
            "POST /v1/rpc HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            "Content-Length: " +
            std::to_string(body.size()) + "\r\n\r\n" + body);
    }
    /// Reads what is there; true once the answer is complete.
    bool receive() {
        char bytes[16384];
        const auto count = recv(fd_, bytes, sizeof bytes, 0);
        if (count <= 0) fail("the connection was closed: " + buffer_);
        buffer_.append(bytes, static_cast<std::size_t>(count));
        const auto end = buffer_.find("\r\n\r\n");
        const auto at = buffer_.find("Content-Length: ");
        if (end == std::string::npos) return false;
        const auto length = std::strtoul(buffer_.c_str() + at + 16, nullptr, 10);
        if (buffer_.size() < end + 4 + length) return false;
        if (buffer_.compare(0, 12, "HTTP/1.1 200") != 0) fail("refused: " + buffer_);
        buffer_.clear();
        return true;
    }

private:
    int fd_;
    std::string buffer_;
};

Figures probe(const std::string& path, std::size_t probes) {
    HttpClient client(path);
    std::vector<double> latencies;
    const auto begin = Clock::now();
    while (latencies.size() < probes) {
        const auto sent = Clock::now();
        client.send_get();
        while (!client.receive()) {
        }
        latencies.push_back(ms_since(sent));
    }
    return figures_of(std::move(latencies), ms_since(begin));
}

Figures over_http(const std::string& path, std::size_t clients, std::size_t commands) {
    std::vector<std::unique_ptr<HttpClient>> connections;
    std::vector<pollfd> items;
    for (std::size_t i = 0; i < clients; ++i) {
        connections.push_back(std::make_unique<HttpClient>(path));
        items.push_back({connections.back()->fd(), POLLIN, 0});
    }
    std::vector<Clock::time_point> sent(clients);
    std::vector<double> latencies;
    std::size_t started = 0;
    const auto send = [&](std::size_t client) {
        sent[client] = Clock::now();
        connections[client]->send_call(add_text(++started));
    };
    const auto begin = Clock::now();
    for (std::size_t client = 0; client < clients; ++client) send(client);
    while (latencies.size() < commands) {
        poll(items.data(), items.size(), 60'000);
        for (std::size_t client = 0; client < clients; ++client) {
            if ((items[client].revents & POLLIN) == 0 || !connections[client]->receive()) continue;
            latencies.push_back(ms_since(sent[client]));
            if (started < commands) send(client);
        }
    }
    return figures_of(std::move(latencies), ms_since(begin));
}

/// Each client a DEALER with one request outstanding; until `commands` are done, or `stop`.
Figures over_zeromq(zmq::context_t& context, const ipc::Endpoint& endpoint, std::size_t clients,
                    std::size_t commands, const std::atomic<bool>& stop) {
    std::vector<zmq::socket_t> sockets;
    std::vector<zmq::pollitem_t> items;
    items.reserve(clients);
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
        sent[client] = Clock::now();
        sockets[client].send(zmq::buffer(add_text(++started)), zmq::send_flags::none);
    };
    const auto begin = Clock::now();
    for (std::size_t client = 0; client < clients; ++client) send(client);
    zmq::message_t reply;
    while (latencies.size() < commands && !stop) {
        zmq::poll(items.data(), items.size(), std::chrono::seconds{60});
        for (std::size_t client = 0; client < clients; ++client) {
            if ((items[client].revents & ZMQ_POLLIN) == 0) continue;
            (void)sockets[client].recv(reply);
            if (reply.to_string_view().find("\"result\"") == std::string_view::npos)
                fail("refused: " + reply.to_string());
            latencies.push_back(ms_since(sent[client]));
            if (started < commands) send(client);
        }
    }
    return figures_of(std::move(latencies), ms_since(begin));
}

void print(const char* what, const Figures& figures) {
    std::printf("%-40s %10.0f/s  p50 %8.3f ms  p99 %8.3f ms\n", what, figures.rate, figures.p50_ms,
                figures.p99_ms);
}

}  // namespace

int main(int argc, char** argv) {
    std::map<std::string, std::string> options{{"--endpoint", ipc::personal_directory()},
                                               {"--http", ""},
                                               {"--commands", "2000"},
                                               {"--clients", "1,8,24"},
                                               {"--idle", "200"},
                                               {"--writers", "64"},
                                               {"--probes", "2000"}};
    for (int i = 1; i + 1 < argc; i += 2) options[argv[i]] = argv[i + 1];
    const auto number = [&](const char* name) {
        return static_cast<std::size_t>(std::atoi(options[name].c_str()));
    };
    const auto endpoint = ipc::Endpoint::make(options["--endpoint"]);
    if (!endpoint || !endpoint->is_listening()) fail("no taskd in " + options["--endpoint"]);
    const std::string& path = options["--http"];
    zmq::context_t context;
    constexpr std::size_t endless = ~std::size_t{0};
    const std::atomic<bool> never{false};

    const auto alone = probe(path, number("--probes"));
    print("health, nothing else", alone);
    {
        std::vector<std::unique_ptr<HttpClient>> idle;
        for (std::size_t i = 0; i < number("--idle"); ++i)
            idle.push_back(std::make_unique<HttpClient>(path));
        std::atomic<bool> stop{false};
        Figures writing;
        std::thread writers(
            [&] { writing = over_zeromq(context, *endpoint, number("--writers"), endless, stop); });
        const auto loaded = probe(path, number("--probes"));
        stop = true;
        writers.join();
        print("  the writers beside it (ZeroMQ)", writing);
        print("health, writers and idle connections", loaded);
        std::printf("  health p99 under load / alone: %.1f\n", loaded.p99_ms / alone.p99_ms);
    }
    for (const auto& text : core::split(options["--clients"], ',')) {
        const auto clients = static_cast<std::size_t>(std::atoi(text.c_str()));
        const auto commands = std::max(number("--commands"), clients);
        const auto zeromq = over_zeromq(context, *endpoint, clients, commands, never);
        const auto http = over_http(path, clients, commands);
        print(("task.add over ZeroMQ, " + text + " clients").c_str(), zeromq);
        print(("task.add over HTTP, " + text + " clients").c_str(), http);
        std::printf("  HTTP / ZeroMQ: %.2f of the rate, %.2f times the p50\n",
                    http.rate / zeromq.rate, http.p50_ms / zeromq.p50_ms);
    }
    return 0;
}
