// SPDX-License-Identifier: Apache-2.0
// The front end with real sockets and a handler of the test's own: keeping, limits, slow clients.
#include "daemon/http/http_front.h"

#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>

#include <condition_variable>
#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

using namespace taskd;
using namespace std::chrono_literals;

namespace {

constexpr int patience_ms = 20'000;

/// A client with a blocking socket; each read waits for a descriptor, with a deadline.
class Client {
public:
    explicit Client(const std::string& path) : fd_(socket(AF_UNIX, SOCK_STREAM, 0)) {
        sockaddr_un name{};
        name.sun_family = AF_UNIX;
        path.copy(name.sun_path, sizeof name.sun_path - 1);
        REQUIRE(connect(fd_.get(), reinterpret_cast<sockaddr*>(&name), sizeof name) == 0);
    }
    void send(const std::string& text) const {
        REQUIRE(::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL) ==
                static_cast<ssize_t>(text.size()));
    }
    /// One more piece; "" at the end of the stream, however it ended.
    std::string receive() const {
        pollfd item{fd_.get(), POLLIN, 0};
        REQUIRE(poll(&item, 1, patience_ms) == 1);
        std::array<char, 4096> bytes{};
        const auto count = recv(fd_.get(), bytes.data(), bytes.size(), 0);
        return {bytes.data(), static_cast<std::size_t>(std::max<ssize_t>(count, 0))};
    }
    /// Everything until `text` has come `times` times, or until the end.
    std::string until(const std::string& text, int times = 1) const {
        std::string all;
        for (;;) {
            int found = 0;
            for (std::size_t at = 0; (at = all.find(text, at)) != std::string::npos; ++at) ++found;
            if (found >= times) return all;
            const auto more = receive();
            if (more.empty()) return all;
            all += more;
        }
    }
    [[nodiscard]] bool is_closed() const { return until("\x01").empty(); }
    [[nodiscard]] bool is_quiet() const {
        pollfd item{fd_.get(), POLLIN, 0};
        return poll(&item, 1, 0) == 0;
    }
    [[nodiscard]] int fd() const { return fd_.get(); }

private:
    daemon::UniqueFd fd_;
};

std::string request(const std::string& path) {
    return "GET " + path + " HTTP/1.1\r\nHost: a\r\n\r\n";
}

/// Looks at something that has no descriptor to wait on.
template <class Condition>
void await(Condition condition) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds{patience_ms};
    while (!condition()) {
        REQUIRE(std::chrono::steady_clock::now() < until);
        poll(nullptr, 0, 1);
    }
}

/// What the front told a stream.
class Heard final : public daemon::HttpStream {
public:
    void drained(std::uint64_t of) override {
        const std::lock_guard lock(mutex_);
        connection_ = of;
        ++drained_;
        changed_.notify_all();
    }
    void closed() override {
        const std::lock_guard lock(mutex_);
        ++closed_;
        changed_.notify_all();
    }
    /// The connection, once all has been written `times` times.
    std::uint64_t await_drained(int times) {
        std::unique_lock lock(mutex_);
        REQUIRE(changed_.wait_for(lock, 20s, [&] { return drained_ >= times; }));
        CHECK(drained_ == times);
        return connection_;
    }
    void await_closed() {
        std::unique_lock lock(mutex_);
        REQUIRE(changed_.wait_for(lock, 20s, [&] { return closed_ > 0; }));
        CHECK(closed_ == 1);
    }
    [[nodiscard]] int drained_so_far() {
        const std::lock_guard lock(mutex_);
        return drained_;
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::uint64_t connection_ = 0;
    int drained_ = 0;
    int closed_ = 0;
};

/// Answers with the path; /stream goes on as the test says; /wait waits until the test opens the
/// gate; /large is more than any socket takes unread.
class FrontFixture {
public:
    static daemon::HttpFront::Limits small() {
        daemon::HttpFront::Limits limits;
        limits.connections_max = 3;
        limits.threads = 1;
        limits.queue_max = 1;
        return limits;
    }

    void start(daemon::HttpFront::Limits limits) {
        path = directory.path() + "/http.sock";
        std::vector<daemon::Listener> listeners;
        auto address = daemon::parse_listen("unix:" + path, false);
        REQUIRE(address.has_value());
        auto listener = daemon::Listener::open(address->at(0), false);
        REQUIRE(listener.has_value());
        listeners.push_back(std::move(*listener));
        front.emplace(
            std::move(listeners), limits,
            [this] { return [this](const daemon::HttpJob& job) { return answer(job); }; },
            daemon::HttpFront::Observer{[this](int status) { refused = status; },
                                        [](std::size_t, std::size_t) {}});
    }
    FrontFixture() = default;
    FrontFixture(const FrontFixture&) = delete;
    FrontFixture& operator=(const FrontFixture&) = delete;
    ~FrontFixture() {
        open_gate();
        front.reset();
    }

    daemon::HttpAnswer answer(const daemon::HttpJob& job) {
        std::string body = std::string(job.request.path()) + job.request.body + "|uid " +
                           std::to_string(job.peer.uid.value_or(0)) + "|end";
        if (job.request.path() == "/stream") return {"head|end", true, stream};
        if (job.request.path() == "/wait") {
            std::unique_lock lock(mutex);
            ++waiting;
            changed.notify_all();
            changed.wait(lock, [&] { return is_open; });
        }
        if (job.request.path() == "/large") body = std::string(8'000'000, 'x');
        return {
            "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body,
            false};
    }
    void await_waiting(int count) {
        std::unique_lock lock(mutex);
        REQUIRE(changed.wait_for(lock, 20s, [&] { return waiting >= count; }));
    }
    void open_gate() {
        const std::lock_guard lock(mutex);
        is_open = true;
        changed.notify_all();
    }

    test::TempDir directory;
    std::string path;
    std::mutex mutex;
    std::condition_variable changed;
    int waiting = 0;
    bool is_open = false;
    std::atomic<int> refused{0};
    std::shared_ptr<Heard> stream = std::make_shared<Heard>();
    std::optional<daemon::HttpFront> front;
};

}  // namespace

TEST_CASE_METHOD(FrontFixture, "http: a kept connection answers one request after another") {
    start({});
    const Client client(path);
    for (int i = 0; i < 20; ++i) {
        client.send(request("/" + std::to_string(i)));
        CHECK(client.until("|end").find("/" + std::to_string(i) + "|uid " +
                                        std::to_string(getuid())) != std::string::npos);
    }
    CHECK(front->connections() == 1);
}

TEST_CASE_METHOD(FrontFixture, "http: requests that were sent ahead are answered in order") {
    start({});
    const Client client(path);
    std::string all;
    for (const char* each : {"/1", "/2", "/3"}) all += request(each);
    client.send(all + "GET /4 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" + request("/5"));
    const auto answers = client.until("\x01");
    CHECK(answers.find("/1|") < answers.find("/2|"));
    CHECK(answers.find("/2|") < answers.find("/3|"));
    CHECK(answers.find("/3|") < answers.find("/4|"));
    CHECK(answers.find("/5|") == std::string::npos);
}

TEST_CASE_METHOD(FrontFixture,
                 "http: past the threads and the queue a request is told to come back") {
    auto limits = small();
    limits.connections_max = 10;
    start(limits);
    const Client running(path);
    running.send(request("/wait"));
    await_waiting(1);
    const Client queued(path);
    queued.send(request("/queued"));
    // It is in the queue once another one finds no place.
    await([&] { return front->queued() == 1; });
    const Client third(path);
    third.send(request("/third"));
    const auto refusal = third.until("\x01");
    CHECK(refusal.rfind("HTTP/1.1 503 ", 0) == 0);
    CHECK(refusal.find("Retry-After: 1\r\n") != std::string::npos);
    CHECK(refused == 503);
    CHECK(queued.is_quiet());
    open_gate();
    CHECK(running.until("|end").find("/wait|") != std::string::npos);
    CHECK(queued.until("|end").find("/queued|") != std::string::npos);
}

TEST_CASE_METHOD(FrontFixture, "http: at the bound of connections the longest idle one goes") {
    start(small());
    std::vector<std::unique_ptr<Client>> clients;
    for (int i = 0; i < 3; ++i) {
        clients.push_back(std::make_unique<Client>(path));
        clients.back()->send(request("/x"));
        clients.back()->until("|end");
    }
    CHECK(front->connections() == 3);
    const Client fourth(path);
    fourth.send(request("/y"));
    CHECK(fourth.until("|end").find("/y|") != std::string::npos);
    CHECK(clients[0]->is_closed());
    clients[1]->send(request("/z"));
    CHECK(clients[1]->until("|end").find("/z|") != std::string::npos);
    CHECK(front->connections() == 3);
}

TEST_CASE_METHOD(FrontFixture, "http: clients that drip their requests keep nobody out") {
    start(small());
    std::vector<std::unique_ptr<Client>> drips;
    for (int i = 0; i < 30; ++i) {
        drips.push_back(std::make_unique<Client>(path));
        drips.back()->send("GET / HTTP/1.1\r\n");
    }
    const Client honest(path);
    honest.send(request("/health"));
    CHECK(honest.until("|end").find("/health|") != std::string::npos);
    CHECK(drips[0]->is_closed());
}

TEST_CASE_METHOD(FrontFixture, "http: who waits for an answer is never closed for a newcomer") {
    auto limits = small();
    limits.threads = 3;
    start(limits);
    std::vector<std::unique_ptr<Client>> busy;
    for (int i = 0; i < 3; ++i) {
        busy.push_back(std::make_unique<Client>(path));
        busy.back()->send(request("/wait"));
    }
    await_waiting(3);
    const Client late(path);
    CHECK(late.until("\x01").rfind("HTTP/1.1 503 ", 0) == 0);
    open_gate();
    for (const auto& client : busy)
        CHECK(client->until("|end").find("/wait|") != std::string::npos);
}

TEST_CASE_METHOD(FrontFixture, "http: half a request is told that its time is over") {
    auto limits = small();
    limits.request = 100ms;
    start(limits);
    const Client slow(path);
    slow.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf");
    CHECK(slow.until("\x01").rfind("HTTP/1.1 408 ", 0) == 0);
    CHECK(refused == 408);
}

TEST_CASE_METHOD(FrontFixture, "http: an idle connection is closed without a word") {
    auto limits = small();
    limits.idle = 100ms;
    start(limits);
    const Client silent(path);
    CHECK(silent.is_closed());
    CHECK(refused == 0);
}

TEST_CASE_METHOD(FrontFixture, "http: a client that doesn't read is cut and delays nobody") {
    auto limits = small();
    limits.request = 300ms;
    start(limits);
    const Client stuck(path);
    stuck.send(request("/large"));
    const Client other(path);
    other.send(request("/x"));
    CHECK(other.until("|end").find("/x|") != std::string::npos);
    // Cut: the stream ends before the answer does.
    await([&] { return front->connections() == 1; });
    CHECK(stuck.until("\x01").size() < 8'000'000);
}

TEST_CASE_METHOD(FrontFixture, "http: a client that left leaves nothing behind") {
    auto limits = small();
    start(limits);
    {
        const Client gone(path);
        gone.send(request("/wait"));
        await_waiting(1);
    }
    open_gate();
    const Client next(path);
    next.send(request("/x"));
    CHECK(next.until("|end").find("/x|") != std::string::npos);
    await([&] { return front->connections() == 1; });
}

TEST_CASE_METHOD(FrontFixture, "http: 100-continue is answered before the body comes") {
    start({});
    const Client client(path);
    client.send("POST /x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
    CHECK(client.until("\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n");
    client.send("body");
    CHECK(client.until("|end").find("/xbody|") != std::string::npos);
}

TEST_CASE_METHOD(FrontFixture, "http: a refusal reaches a client that is still sending") {
    daemon::HttpFront::Limits limits;
    limits.body_bytes_max = 1000;
    start(limits);
    const Client client(path);
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n" +
                std::string(100'000, 'x'));
    const auto answer = client.until("\x01");
    CHECK(answer.rfind("HTTP/1.1 413 ", 0) == 0);
    CHECK(answer.find("application/problem+json") != std::string::npos);
}

TEST_CASE_METHOD(FrontFixture, "http: what all unfinished requests hold in memory is bounded") {
    daemon::HttpFront::Limits limits;
    limits.held_bytes_max = 200'000;
    start(limits);
    const std::string head = "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 150000\r\n\r\n";
    const Client first(path);
    first.send(head + std::string(149'999, 'x'));
    await([&] {  // until it has been read
        int unread = 1;
        REQUIRE(ioctl(first.fd(), SIOCOUTQ, &unread) == 0);
        return unread == 0;
    });
    const Client second(path);
    second.send(head + std::string(149'999, 'x'));
    CHECK(second.until("\x01").rfind("HTTP/1.1 503 ", 0) == 0);
    // Small ones always find room.
    const Client small_one(path);
    small_one.send("POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n" +
                   std::string(1000, 'y'));
    CHECK(small_one.until("|end").find("/small") != std::string::npos);
    first.send("x");
    CHECK(first.until("|end").find("|uid") != std::string::npos);
    // And given back: the same fits again.
    const Client third(path);
    third.send(head + std::string(150'000, 'x'));
    CHECK(third.until("|end").find("|uid") != std::string::npos);
}

TEST_CASE_METHOD(FrontFixture, "http: a stop lets running requests finish and closes the others") {
    start(small());
    const Client idle(path);
    const Client half(path);
    half.send("GET / HT");
    const Client running(path);
    running.send(request("/wait"));
    await_waiting(1);
    front->begin_stop(20s);
    CHECK(idle.is_closed());
    CHECK(half.is_closed());
    CHECK(running.is_quiet());
    CHECK_FALSE(front->has_stopped());
    open_gate();
    CHECK(running.until("\x01").find("/wait|") != std::string::npos);
    CHECK(access(path.c_str(), F_OK) != 0);
}

TEST_CASE_METHOD(FrontFixture, "http: a stop waits no longer than its grace") {
    start(small());
    const Client running(path);
    running.send(request("/wait"));
    await_waiting(1);
    front->begin_stop(50ms);
    CHECK(running.is_closed());
}

TEST_CASE_METHOD(FrontFixture, "http: a stream goes on with what it is fed, then ends") {
    auto limits = small();
    limits.request = 300ms;  // no bound of a stream that is read
    start(limits);
    const Client client(path);
    client.send(request("/stream") + request("/never"));
    CHECK(client.until("|end") == "head|end");
    const auto id = stream->await_drained(1);
    for (int i = 2; i < 6; ++i) {
        front->feed(id, std::to_string(i) + "|end", false);
        CHECK(client.until("|end") == std::to_string(i) + "|end");
        stream->await_drained(i);
    }
    poll(nullptr, 0, 400);  // longer than `request`: silence has no bound either
    front->feed(id, "last", true);
    CHECK(client.until("\x01") == "last");
    stream->await_closed();
    CHECK(stream->drained_so_far() == 5);
    front->feed(id, "late", false);
    const Client next(path);
    next.send(request("/x"));
    CHECK(next.until("|end").find("/x|") != std::string::npos);
}

TEST_CASE_METHOD(FrontFixture, "http: a stream that is not read is told of nothing and cut") {
    auto limits = small();
    limits.request = 300ms;
    start(limits);
    const Client stuck(path);
    stuck.send(request("/stream"));
    const auto id = stream->await_drained(1);
    front->feed(id, std::string(8'000'000, 'x'), false);
    const Client other(path);
    other.send(request("/x"));
    CHECK(other.until("|end").find("/x|") != std::string::npos);
    stream->await_closed();
    CHECK(stream->drained_so_far() == 1);
    CHECK(stuck.until("\x01").size() < 8'000'000);
}

TEST_CASE_METHOD(FrontFixture, "http: a stream that is read slowly lives as long as it is read") {
    auto limits = small();
    limits.request = 300ms;
    start(limits);
    const Client slow(path);
    slow.send(request("/stream"));
    const auto id = stream->await_drained(1);
    constexpr std::size_t size = 2'000'000;
    front->feed(id, std::string(size, 'x'), false);
    std::size_t got = slow.until("|end").size() - 8;
    const auto begun = std::chrono::steady_clock::now();
    for (int pieces = 1; got < size; ++pieces) {
        const auto piece = slow.receive();
        REQUIRE_FALSE(piece.empty());
        got += piece.size();
        if (pieces % 16 == 0) poll(nullptr, 0, 20);  // the client's own pace
    }
    CHECK(std::chrono::steady_clock::now() - begun > limits.request);
    stream->await_drained(2);
}

TEST_CASE_METHOD(FrontFixture, "http: a stream whose client left is told so") {
    start(small());
    {
        const Client gone(path);
        gone.send(request("/stream"));
        stream->await_drained(1);
    }
    stream->await_closed();
    await([&] { return front->connections() == 0; });
}

TEST_CASE_METHOD(FrontFixture, "http: a stream is never closed for a newcomer") {
    auto limits = small();
    limits.connections_max = 1;
    start(limits);
    const Client client(path);
    client.send(request("/stream"));
    const auto id = stream->await_drained(1);
    const Client late(path);
    CHECK(late.until("\x01").rfind("HTTP/1.1 503 ", 0) == 0);
    front->feed(id, "more|end", false);
    CHECK(client.until("|end", 2) == "head|endmore|end");
}

TEST_CASE_METHOD(FrontFixture, "http: a stop closes streams at once") {
    start(small());
    const Client client(path);
    client.send(request("/stream"));
    stream->await_drained(1);
    front->begin_stop(20s);
    CHECK(client.until("\x01") == "head|end");
    stream->await_closed();
    await([&] { return front->has_stopped(); });
}
