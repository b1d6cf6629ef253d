// SPDX-License-Identifier: Apache-2.0
// What the load drivers share: clients over ZeroMQ, all in one thread, and what they measured.
#pragma once

#include "ipc/endpoint.h"

#include <zmq.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <map>
#include <string>
#include <vector>

namespace taskd::bench {

using Clock = std::chrono::steady_clock;

inline double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

/// "--name value" pairs over the defaults.
using Options = std::map<std::string, std::string>;
inline Options read_options(int argc, char** argv, Options options) {
    for (int i = 1; i + 1 < argc; i += 2) options[argv[i]] = argv[i + 1];
    return options;
}

/// The daemon of --endpoint. Ends the program with status 6 where there is none.
inline ipc::Endpoint endpoint_of(const Options& options, const char* program) {
    const auto endpoint = ipc::Endpoint::make(options.at("--endpoint"));
    if (endpoint && endpoint->is_listening()) return *endpoint;
    std::fprintf(stderr, "%s: no taskd listens in %s\n", program, options.at("--endpoint").c_str());
    std::exit(6);
}

struct Shape {
    std::size_t clients = 1;
    std::size_t outstanding = 1;  ///< requests of each client that are under way at once
};

struct Figures {
    std::size_t requests = 0;
    double rate = 0;  ///< requests a second, to the last reply
    double p50_ms = 0;
    double p99_ms = 0;
};

/// Sends what `next` gives, a request's text each time, until it gives "" and all are answered.
/// Each client is a DEALER socket. A refusal ends the program with status 1: figures of it would
/// mean nothing.
template <class Next>
Figures drive(zmq::context_t& context, const ipc::Endpoint& endpoint, Shape shape, Next next) {
    std::vector<zmq::socket_t> sockets;
    std::vector<zmq::pollitem_t> items;
    for (std::size_t i = 0; i < shape.clients; ++i) {
        sockets.emplace_back(context, zmq::socket_type::dealer);
        sockets.back().set(zmq::sockopt::linger, 0);
        sockets.back().connect(endpoint.requests());
    }
    for (auto& socket : sockets) items.push_back({socket.handle(), 0, ZMQ_POLLIN, 0});
    // One client's replies come in the order of its requests.
    std::vector<std::deque<Clock::time_point>> sent(shape.clients);
    std::vector<double> latencies;
    std::size_t under_way = 0;
    const auto send = [&](std::size_t client) {
        const std::string& text = next();  // a reference, or a value that it keeps
        if (text.empty()) return;
        sent[client].push_back(Clock::now());
        sockets[client].send(zmq::buffer(text), zmq::send_flags::none);
        ++under_way;
    };
    const auto begin = Clock::now();
    for (std::size_t i = 0; i < shape.outstanding; ++i)
        for (std::size_t client = 0; client < shape.clients; ++client) send(client);
    zmq::message_t reply;
    while (under_way > 0) {
        zmq::poll(items.data(), items.size(), std::chrono::seconds{60});
        for (std::size_t client = 0; client < shape.clients; ++client) {
            if ((items[client].revents & ZMQ_POLLIN) == 0) continue;
            while (!sent[client].empty() &&
                   sockets[client].recv(reply, zmq::recv_flags::dontwait)) {
                if (reply.to_string_view().find("\"result\"") == std::string_view::npos) {
                    std::fprintf(stderr, "refused: %s\n", reply.to_string().c_str());
                    std::exit(1);
                }
                latencies.push_back(seconds_since(sent[client].front()) * 1000);
                sent[client].pop_front();
                --under_way;
                send(client);
            }
        }
    }
    Figures figures;
    if (latencies.empty()) return figures;
    figures.requests = latencies.size();
    figures.rate = static_cast<double>(latencies.size()) / seconds_since(begin);
    std::sort(latencies.begin(), latencies.end());
    figures.p50_ms = latencies[latencies.size() / 2];
    figures.p99_ms = latencies[latencies.size() * 99 / 100];
    return figures;
}

}  // namespace taskd::bench
