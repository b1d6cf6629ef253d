// SPDX-License-Identifier: Apache-2.0
#include "daemon/http/http_front.h"

#include "core/check.h"
#include "daemon/http/http_problem.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <system_error>
#include <unistd.h>

namespace taskd::daemon {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::size_t read_bytes_max = 64 * 1024;  // of one connection before the others' turn
constexpr int accepts_max = 64;                    // in a row, for the same reason
constexpr std::size_t small_request_bytes = 64 * 1024;
constexpr milliseconds linger_max{1000};   // for what a refused client is still sending
constexpr milliseconds accept_pause{100};  // when the process has no descriptor left
constexpr std::uint64_t wake_id = 0;       // 1 to 16 are the listeners
constexpr const char* continue_line = "HTTP/1.1 100 Continue\r\n\r\n";

int timeout_until(steady_clock::time_point then) {
    const auto left = std::chrono::ceil<milliseconds>(then - steady_clock::now()).count();
    return static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
}

/// Past the executable's own accept4, which hides from libzmq that no descriptor is left: this
/// front wants to know, and makes room.
int accept_connection(int listener) {
    return static_cast<int>(
        syscall(SYS_accept4, listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
}

void add_to(const UniqueFd& epoll, int fd, std::uint64_t id) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = id;
    if (epoll_ctl(epoll.get(), EPOLL_CTL_ADD, fd, &event) != 0)
        throw std::system_error(errno, std::generic_category(), "epoll_ctl");
}

}  // namespace

HttpFront::HttpFront(std::vector<Listener> listeners, Limits limits,
                     std::function<HttpHandler()> make_handler, Observer observer)
    : listeners_(std::move(listeners)),
      limits_(limits),
      observer_(std::move(observer)),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      wake_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
      last_id_(http_listeners_max),
      workers_(limits.threads, limits.queue_max, std::move(make_handler),
               [this](Id id, HttpAnswer answer) { give_answer(id, std::move(answer)); }) {
    core::check(listeners_.size() <= http_listeners_max, "listeners have ids of their own");
    add_to(epoll_, wake_.get(), wake_id);
    for (std::size_t i = 0; i < listeners_.size(); ++i) add_to(epoll_, listeners_[i].fd(), i + 1);
    thread_ = std::thread(&HttpFront::run, this);
}

HttpFront::~HttpFront() {
    begin_stop(milliseconds{0});
    thread_.join();
}

void HttpFront::begin_stop(milliseconds grace) {
    if (!stopping_) grace_ = grace;
    stopping_ = true;
    wake();
}

void HttpFront::give_answer(Id id, HttpAnswer answer) {
    {
        const std::lock_guard lock(answers_mutex_);
        answers_.emplace_back(id, std::move(answer));
    }
    wake();
}

void HttpFront::feed(Id connection, std::string bytes, bool is_last) {
    give_answer(connection, {std::move(bytes), is_last});
}

void HttpFront::wake() {
    const std::uint64_t one = 1;
    (void)!write(wake_.get(), &one, sizeof one);
}

void HttpFront::run() {
    for (;;) {
        wait();
        take_answers();
        expire();
        observer_.standing(connections_.size(), workers_.queued());
        if (stopping_ && !is_closing_) stop_now();
        if (is_closing_ && (connections_.empty() || steady_clock::now() >= close_at_)) break;
    }
    connections_.clear();
    open_ = 0;
    stopped_ = true;
}

void HttpFront::wait() {
    int timeout = -1;
    if (!deadlines_.empty()) timeout = timeout_until(deadlines_.begin()->first);
    const auto sooner = [&](Time then) {
        const int until = timeout_until(then);
        timeout = timeout < 0 ? until : std::min(timeout, until);
    };
    if (!accepting_ && !is_closing_) sooner(accept_again_);
    if (is_closing_) sooner(close_at_);

    std::array<epoll_event, 128> events{};
    const int count =
        epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), timeout);
    if (!accepting_ && !is_closing_ && steady_clock::now() >= accept_again_) {
        accepting_ = true;
        for (std::size_t i = 0; i < listeners_.size(); ++i)
            add_to(epoll_, listeners_[i].fd(), i + 1);
    }
    for (int i = 0; i < count; ++i) {
        const auto& event = events.at(static_cast<std::size_t>(i));
        const Id id = event.data.u64;
        if (id == wake_id) {
            std::uint64_t ignored = 0;
            (void)!read(wake_.get(), &ignored, sizeof ignored);
        } else if (id <= http_listeners_max) {
            if (accepting_ && id <= listeners_.size()) accept_from(listeners_[id - 1]);
        } else if (const auto found = connections_.find(id); found != connections_.end()) {
            handle(*found->second, event.events);
        }
    }
}

void HttpFront::accept_from(const Listener& listener) {
    for (int i = 0; i < accepts_max; ++i) {
        const int fd = accept_connection(listener.fd());
        if (fd >= 0) {
            admit(fd, listener);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            // Nobody is let in for a moment, else this thread would spin on what it can't accept.
            (void)make_room();
            accepting_ = false;
            accept_again_ = steady_clock::now() + accept_pause;
            for (const auto& each : listeners_)
                epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, each.fd(), nullptr);
        }
        return;
    }
}

void HttpFront::admit(int fd, const Listener& listener) {
    UniqueFd owned(fd);
    HttpPeer peer{{}, listener.is_loopback()};
    if (listener.is_unix()) {
        ucred credentials{};
        socklen_t length = sizeof credentials;
        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0) return;
        peer.uid = credentials.uid;
    } else {
        const int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    if (connections_.size() >= limits_.connections_max && !make_room()) {
        const std::string busy =
            problem_response({503, "all connections are in use", {{"Retry-After", "1"}}});
        (void)!send(fd, busy.data(), busy.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        observer_.refused(503);
        return;
    }
    const Id id = ++last_id_;
    auto connection = std::make_unique<Connection>(
        Connection{id, std::move(owned), peer, HttpParser(limits_.body_bytes_max)});
    epoll_event event{};
    event.data.u64 = id;
    if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) return;
    auto& added = *connections_.emplace(id, std::move(connection)).first->second;
    open_ = connections_.size();
    deadlines_.emplace(added.deadline, id);
    enter(added, Phase::idle, limits_.idle);
}

/// Closes the connection that is missed least; false if every one has a request under way.
bool HttpFront::make_room() {
    for (const Phase phase : {Phase::lingering, Phase::idle, Phase::reading})
        for (const auto& [deadline, id] : deadlines_) {  // those that wait longest come first
            if (connections_.at(id)->phase != phase) continue;
            close_connection(id);
            return true;
        }
    return false;
}

void HttpFront::handle(Connection& connection, std::uint32_t events) {
    if ((events & (EPOLLERR | EPOLLHUP)) != 0 && (events & EPOLLIN) == 0)
        return close_connection(connection.id);
    switch (connection.phase) {
    case Phase::idle:
    case Phase::reading:
        return read_from(connection);
    case Phase::writing:
        return write_to(connection);
    case Phase::streaming:
        if ((events & EPOLLRDHUP) != 0) return close_connection(connection.id);
        if (!connection.output.empty()) write_to(connection);
        return;
    case Phase::lingering:
        return discard_from(connection);
    case Phase::running:
        return;
    }
}

void HttpFront::read_from(Connection& connection) {
    std::array<char, read_bytes_max> bytes;  // NOLINT: read() fills what is used of it
    const ssize_t count = recv(connection.fd.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (count <= 0) return close_connection(connection.id);
    connection.input.append(bytes.data(), static_cast<std::size_t>(count));
    proceed(connection);
}

/// Keeps the account of what all unfinished requests hold; false when there is no room for this
/// one. Small requests always find some.
bool HttpFront::hold(Connection& connection, std::size_t bytes) {
    held_ = held_ - connection.held + bytes;
    connection.held = bytes;
    return held_ <= limits_.held_bytes_max || bytes <= small_request_bytes;
}

void HttpFront::discard_from(Connection& connection) {
    std::array<char, read_bytes_max> bytes;  // NOLINT: never looked at
    const ssize_t count = recv(connection.fd.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (count <= 0) close_connection(connection.id);
}

/// What has been read of a request, as far as it goes.
void HttpFront::proceed(Connection& connection) {
    if (connection.input.empty()) return;
    if (connection.phase == Phase::idle) enter(connection, Phase::reading, limits_.request);
    switch (connection.parser.advance(connection.input)) {
    case HttpParser::State::refused:
        return refuse(connection, connection.parser.refusal());
    case HttpParser::State::done:
    case HttpParser::State::head:
    case HttpParser::State::body:
        break;
    }
    if (!hold(connection, connection.parser.body_bytes()))
        return refuse(connection, {503,
                                   "the requests that are under way hold as much as they may",
                                   {{"Retry-After", "1"}}});
    if (connection.parser.state() == HttpParser::State::done) return start(connection);
    if (!connection.parser.take_continue() || !connection.input.empty()) return;
    const std::string_view line = continue_line;
    const auto sent =
        send(connection.fd.get(), line.data(), line.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    // A client that asks for this and has no room for 25 bytes reads nothing at all.
    if (sent != static_cast<ssize_t>(line.size())) close_connection(connection.id);
}

void HttpFront::start(Connection& connection) {
    HttpJob job{connection.id, connection.peer, connection.parser.take_request()};
    connection.close_after = !job.request.keep_alive;
    connection.phase = Phase::running;
    deadlines_.erase({connection.deadline, connection.id});
    watch(connection, 0);
    if (!workers_.start(job))
        refuse(connection, {503, "too many requests wait already", {{"Retry-After", "1"}}});
}

void HttpFront::refuse(Connection& connection, const HttpRefusal& refusal) {
    observer_.refused(refusal.status);
    respond(connection, {problem_response(refusal), true});
}

void HttpFront::respond(Connection& connection, HttpAnswer answer) {
    (void)hold(connection, 0);
    connection.output = std::move(answer.bytes);
    connection.written = 0;
    connection.close_after = connection.close_after || answer.close || is_closing_;
    connection.stream = std::move(answer.stream);
    if (connection.stream) connection.close_after = is_closing_;
    enter(connection, connection.stream ? Phase::streaming : Phase::writing, limits_.request);
    write_to(connection);
}

void HttpFront::continue_stream(Connection& connection, const HttpAnswer& more) {
    connection.output += more.bytes;
    connection.close_after = connection.close_after || more.close;
    enter(connection, Phase::streaming, limits_.request);
    write_to(connection);
}

void HttpFront::write_to(Connection& connection) {
    const auto written_before = connection.written;
    while (connection.written < connection.output.size()) {
        const ssize_t count =
            send(connection.fd.get(), connection.output.data() + connection.written,
                 connection.output.size() - connection.written, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0 && errno == EAGAIN) {
            // An answer has its time as a whole; a stream lives as long as it is read.
            if (connection.stream && connection.written > written_before)
                enter(connection, Phase::streaming, limits_.request);
            return;
        }
        if (count < 0) return close_connection(connection.id);
        connection.written += static_cast<std::size_t>(count);
    }
    connection.output = {};
    connection.written = 0;
    if (connection.close_after) {
        // Closing with unread bytes resets the connection, and the answer with it.
        shutdown(connection.fd.get(), SHUT_WR);
        if (connection.stream) std::exchange(connection.stream, nullptr)->closed();
        return enter(connection, Phase::lingering, linger_max);
    }
    if (connection.stream) {
        deadlines_.erase({connection.deadline, connection.id});
        watch(connection, EPOLLRDHUP);
        return connection.stream->drained(connection.id);
    }
    connection.parser = HttpParser(limits_.body_bytes_max);
    enter(connection, Phase::idle, limits_.idle);
    proceed(connection);  // the next request may be here already
}

void HttpFront::enter(Connection& connection, Phase phase, milliseconds limit) {
    connection.phase = phase;
    deadlines_.erase({connection.deadline, connection.id});
    connection.deadline = steady_clock::now() + limit;
    deadlines_.emplace(connection.deadline, connection.id);
    // Of a stream's client nothing is read any more, but that it leaves must be seen.
    watch(connection, phase == Phase::streaming ? EPOLLOUT | EPOLLRDHUP
                      : phase == Phase::writing ? EPOLLOUT
                                                : EPOLLIN);
}

void HttpFront::watch(Connection& connection, std::uint32_t events) {
    if (connection.interest == events) return;
    connection.interest = events;
    epoll_event event{};
    event.events = events;
    event.data.u64 = connection.id;
    epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, connection.fd.get(), &event);
}

void HttpFront::expire() {
    const auto now = steady_clock::now();
    while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
        const Id id = deadlines_.begin()->second;
        auto& connection = *connections_.at(id);
        // Told once; a writer that is late is cut, and so is one that stays after it was told.
        if (connection.phase == Phase::reading)
            refuse(connection, {408, "the request did not come to its end in time", {}});
        else
            close_connection(id);
    }
}

void HttpFront::take_answers() {
    std::vector<std::pair<Id, HttpAnswer>> answers;
    {
        const std::lock_guard lock(answers_mutex_);
        answers.swap(answers_);
    }
    for (auto& [id, answer] : answers) {
        const auto found = connections_.find(id);
        if (found == connections_.end()) continue;
        Connection& connection = *found->second;
        if (connection.phase == Phase::streaming)
            continue_stream(connection, answer);
        else if (connection.phase == Phase::running)
            respond(connection, std::move(answer));
    }
}

void HttpFront::close_connection(Id id) {
    const auto found = connections_.find(id);
    deadlines_.erase({found->second->deadline, id});
    (void)hold(*found->second, 0);
    if (found->second->stream) found->second->stream->closed();
    connections_.erase(found);  // closing takes it out of epoll
    open_ = connections_.size();
}

void HttpFront::stop_now() {
    is_closing_ = true;
    close_at_ = steady_clock::now() + grace_;
    listeners_.clear();
    std::vector<Id> unused;  // a stream is none of those that come to an end by themselves
    for (const auto& [id, connection] : connections_)
        if (connection->phase != Phase::running && connection->phase != Phase::writing)
            unused.push_back(id);
    for (const Id id : unused) close_connection(id);
}

}  // namespace taskd::daemon
