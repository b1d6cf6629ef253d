// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/http/http_listen.h"
#include "daemon/http/http_parser.h"
#include "daemon/http/http_workers.h"
#include "daemon/unique_fd.h"

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <set>
#include <thread>
#include <utility>
#include <vector>

namespace taskd::daemon {

/// Owns every connection, on one thread, without ever blocking on one: it accepts, reads requests
/// to their end, hands complete ones to the workers and writes their answers. So what a client
/// doesn't send or doesn't read costs a descriptor and its bytes, never a thread.
///
/// A connection has one request under way; further ones that were sent already wait unread in the
/// socket and are answered in order. When all connections are taken, the one that has been idle
/// longest is closed for a new one, else the one that has been sending its request for longest;
/// one that waits for its answer is never closed for another, nor is a stream: an answer that goes
/// on with what is fed to it. Its HttpStream is told when all of that is written; it is cut when it
/// takes nothing for `request` while something waits.
class HttpFront {
public:
    struct Limits {
        std::size_t connections_max = 512;
        std::size_t threads = 32;
        std::size_t queue_max = 64;
        std::size_t body_bytes_max = 4 * 1024 * 1024;
        std::size_t held_bytes_max = 64 * 1024 * 1024;  ///< of all bodies that are under way
        std::chrono::milliseconds request{10'000};  ///< to send a request, and to take its answer
        std::chrono::milliseconds idle{120'000};    ///< kept between two requests
    };
    /// Both are called on the front's thread.
    struct Observer {
        std::function<void(int status)> refused;  ///< something that never became a request
        std::function<void(std::size_t connections, std::size_t queued)> standing;
    };
    HttpFront(std::vector<Listener> listeners, Limits limits,
              std::function<HttpHandler()> make_handler, Observer observer);
    HttpFront(const HttpFront&) = delete;
    HttpFront& operator=(const HttpFront&) = delete;
    ~HttpFront();

    /// Closes the listeners and all connections without a request under way; finishes the others
    /// for at most `grace`. Returns at once.
    void begin_stop(std::chrono::milliseconds grace);

    /// Gives a stream more to write, and ends it behind that if `is_last`; nothing happens if its
    /// connection is gone. Any thread, and once for each time that the stream was drained.
    void feed(std::uint64_t connection, std::string bytes, bool is_last);

    [[nodiscard]] bool has_stopped() const { return stopped_; }

    [[nodiscard]] std::size_t connections() const { return open_; }
    [[nodiscard]] std::size_t queued() const { return workers_.queued(); }

private:
    using Time = std::chrono::steady_clock::time_point;
    using Id = std::uint64_t;
    enum class Phase { idle, reading, running, writing, streaming, lingering };
    struct Connection {
        Id id;
        UniqueFd fd;
        HttpPeer peer;
        HttpParser parser;
        Phase phase = Phase::idle;
        Time deadline{};
        std::uint32_t interest = 0;  ///< what epoll watches
        std::string input{};
        std::string output{};
        std::size_t written = 0;
        bool close_after = false;
        std::shared_ptr<HttpStream> stream{};
        std::size_t held = 0;  ///< of its body, in memory
    };

    void run();
    void wait();
    void accept_from(const Listener& listener);
    void admit(int fd, const Listener& listener);
    bool make_room();
    void handle(Connection& connection, std::uint32_t events);
    void read_from(Connection& connection);
    [[nodiscard]] bool hold(Connection& connection, std::size_t bytes);
    void discard_from(Connection& connection);
    void proceed(Connection& connection);
    void start(Connection& connection);
    void refuse(Connection& connection, const HttpRefusal& refusal);
    void respond(Connection& connection, HttpAnswer answer);
    void write_to(Connection& connection);
    void continue_stream(Connection& connection, const HttpAnswer& more);
    void give_answer(Id id, HttpAnswer answer);
    void enter(Connection& connection, Phase phase, std::chrono::milliseconds limit);
    void watch(Connection& connection, std::uint32_t events);
    void expire();
    void take_answers();
    void wake();
    void close_connection(Id id);
    void stop_now();

    std::vector<Listener> listeners_;
    Limits limits_;
    Observer observer_;
    UniqueFd epoll_;
    UniqueFd wake_;
    std::map<Id, std::unique_ptr<Connection>> connections_;
    std::set<std::pair<Time, Id>> deadlines_;
    Id last_id_;
    std::size_t held_ = 0;
    bool accepting_ = true;
    Time accept_again_{};
    std::atomic<std::size_t> open_{0};
    std::atomic<bool> stopping_{false};
    std::atomic<bool> stopped_{false};
    std::chrono::milliseconds grace_{0};
    bool is_closing_ = false;
    Time close_at_{};
    std::mutex answers_mutex_;
    std::vector<std::pair<Id, HttpAnswer>> answers_;
    HttpWorkers workers_;
    std::thread thread_;
};

}  // namespace taskd::daemon
