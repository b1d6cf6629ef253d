// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/clock.h"
#include "daemon/http/event_tickets.h"
#include "daemon/http/http_job.h"
#include "daemon/http/http_places.h"
#include "daemon/pulse.h"
#include "daemon/unique_fd.h"

#include <nlohmann/json_fwd.hpp>
#include <zmq.hpp>

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace taskd::daemon {

/// What one stream of events is of.
struct EventSubscription {
    CallerNow caller;   ///< asked again before each page goes out
    core::UserId user;  ///< who it must be each time
    std::vector<std::string> types;
    std::int64_t after = 0;
    bool is_chunked = true;  ///< HTTP/1.1; else its end is the connection's
    HttpPlaces::Place place;
    std::shared_ptr<const void> ticket{};  ///< that it came with: in use until the client is gone
};

/// What goes out before all else: how long EventSource waits until it connects again, and at once,
/// so that it sees the stream open.
[[nodiscard]] std::string event_stream_preface(bool is_chunked);

/// The events of event.read's `page` as Server-Sent Events; a comment when there are none.
/// Source: WHATWG HTML section 9.2, server-sent events; RFC 9112 section 7.1, chunks.
[[nodiscard]] std::string event_stream_frames(const nlohmann::json& page, bool is_chunked);

/// All streams of events (Server-Sent Events), on one thread: each is a cursor over the log, and
/// has one event.read under way or one page that its client has not taken yet, never both. So a
/// client that doesn't read costs a page, and one that is gone costs its place until its last
/// read is answered, after `keep_alive` at the latest: else many short visits would fill the
/// engine's bound of long polls.
class EventStreams {
public:
    struct Options {
        std::size_t streams_max = 64;
        std::size_t of_user_max = 64;
        std::chrono::milliseconds keep_alive{15'000};  ///< a word at least this often
    };
    /// Gives bytes to a connection; true with its last ones. Called on the thread of the streams.
    using Feed = std::function<void(std::uint64_t connection, std::string bytes, bool is_last)>;

    EventStreams(zmq::context_t& context, const core::Clock& clock, Pulse& pulse, Options options,
                 Feed feed);
    EventStreams(const EventStreams&) = delete;
    EventStreams& operator=(const EventStreams&) = delete;
    ~EventStreams();

    /// A place for a stream of the user; none when there are as many as may be. Any thread.
    [[nodiscard]] HttpPlaces::Place take_place(const core::UserId& user) {
        return places_.take(user);
    }

    /// A stream for a connection, which begins once that has written the head. Any thread.
    [[nodiscard]] std::shared_ptr<HttpStream> open(EventSubscription subscription);

    /// Ends the streams and the thread; nothing is fed afterwards.
    void stop();

private:
    class Stream;
    using Shared = std::shared_ptr<Stream>;
    using Time = std::chrono::steady_clock::time_point;
    struct Note {  ///< from a connection
        Shared stream;
        std::uint64_t connection = 0;
        bool is_closed = false;
    };
    struct Read {  ///< an event.read under way
        Shared stream;
        Time until;
    };

    void note(Note note);
    void run();
    void take_notes(zmq::socket_t& loop);
    void ask(zmq::socket_t& loop, const Shared& stream);
    void take_reply(const std::string& reply);
    void give(Stream& stream, const nlohmann::json& reply);
    void end(Stream& stream);
    void expire();
    [[nodiscard]] std::chrono::milliseconds patience() const;

    zmq::context_t& context_;
    const core::Clock& clock_;
    Pulse& pulse_;
    Options options_;
    Feed feed_;
    HttpPlaces places_;
    UniqueFd wake_;
    std::atomic<bool> stopping_{false};
    std::mutex notes_mutex_;
    std::vector<Note> notes_;
    std::map<std::int64_t, Read> reads_;  ///< by the id of the call
    std::int64_t last_read_ = 0;
    std::thread thread_;
};

}  // namespace taskd::daemon
