// SPDX-License-Identifier: Apache-2.0
#include "daemon/http/event_streams.h"

#include "daemon/http/rpc_bridge.h"
#include "ipc/rpc.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <sys/eventfd.h>
#include <unistd.h>

namespace taskd::daemon {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

// Of one page; it weighs about a megabyte at most, however large its events are.
constexpr int page_events_max = 100;
// A read that isn't answered so long after its wait is over was lost, or the loop hangs.
constexpr milliseconds answer_max{10'000};
constexpr const char* last_chunk = "0\r\n\r\n";

std::string framed(std::string text, bool is_chunked) {
    if (!is_chunked) return text;
    std::array<char, 24> size{};
    std::snprintf(size.data(), size.size(), "%zx\r\n", text.size());
    return size.data() + text + "\r\n";
}

}  // namespace

std::string event_stream_preface(bool is_chunked) {
    return framed("retry: 1000\n\n", is_chunked);
}

std::string event_stream_frames(const json& page, bool is_chunked) {
    std::string text;
    for (const auto& event : page.at("events"))
        // JSON's own text has no line break. No `event:` field: EventSource would need a listener
        // for each type then.
        text += "id: " + std::to_string(event.at("userseq").get<std::int64_t>()) +
                "\ndata: " + event.dump(-1, ' ', false, json::error_handler_t::replace) + "\n\n";
    if (text.empty()) text = ": keep-alive\n\n";
    return framed(std::move(text), is_chunked);
}

/// Shared by its connection and by the notes and reads that speak of it.
class EventStreams::Stream final : public HttpStream, public std::enable_shared_from_this<Stream> {
public:
    Stream(EventStreams& all, EventSubscription subscription)
        : wanted(std::move(subscription)), streams_(all), ticket_(std::move(wanted.ticket)) {}

    // On the connections' thread.
    void drained(std::uint64_t of) override { streams_.note({shared_from_this(), of, false}); }
    void closed() override {
        ticket_.reset();
        streams_.note({shared_from_this(), 0, true});
    }

    // On the streams' thread only.
    EventSubscription wanted;
    std::uint64_t connection = 0;
    bool is_over = false;

private:
    EventStreams& streams_;
    std::shared_ptr<const void> ticket_;
};

EventStreams::EventStreams(zmq::context_t& context, const core::Clock& clock, Pulse& pulse,
                           Options options, Feed feed)
    : context_(context),
      clock_(clock),
      pulse_(pulse),
      options_(options),
      feed_(std::move(feed)),
      places_(options.streams_max, options.of_user_max),
      wake_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
      thread_(&EventStreams::run, this) {}

EventStreams::~EventStreams() {
    stop();
}

void EventStreams::stop() {
    stopping_ = true;
    const std::uint64_t one = 1;
    (void)!write(wake_.get(), &one, sizeof one);
    if (thread_.joinable()) thread_.join();
}

std::shared_ptr<HttpStream> EventStreams::open(EventSubscription subscription) {
    return std::make_shared<Stream>(*this, std::move(subscription));
}

void EventStreams::note(Note note) {
    {
        const std::lock_guard lock(notes_mutex_);
        if (stopping_) return;  // nobody reads them any more
        notes_.push_back(std::move(note));
    }
    const std::uint64_t one = 1;
    (void)!write(wake_.get(), &one, sizeof one);
}

void EventStreams::run() {
    zmq::socket_t loop = connect_to_loop(context_);
    std::array<zmq::pollitem_t, 2> items{
        {{loop.handle(), 0, ZMQ_POLLIN, 0}, {nullptr, wake_.get(), ZMQ_POLLIN, 0}}};
    while (!stopping_) {
        zmq::poll(items.data(), items.size(), patience());
        take_notes(loop);
        zmq::message_t reply;
        while (loop.recv(reply, zmq::recv_flags::dontwait)) take_reply(reply.to_string());
        expire();
    }
    for (const auto& [id, read] : reads_)
        if (!read.stream->is_over) end(*read.stream);
}

milliseconds EventStreams::patience() const {
    milliseconds patience{-1};
    for (const auto& [id, read] : reads_) {
        const auto left = std::max(
            milliseconds{0}, std::chrono::ceil<milliseconds>(read.until - steady_clock::now()));
        patience = patience.count() < 0 ? left : std::min(patience, left);
    }
    return patience;
}

void EventStreams::take_notes(zmq::socket_t& loop) {
    std::uint64_t ignored = 0;
    (void)!read(wake_.get(), &ignored, sizeof ignored);
    std::vector<Note> notes;
    {
        const std::lock_guard lock(notes_mutex_);
        notes.swap(notes_);
    }
    for (const auto& [stream, connection, is_closed] : notes) {
        if (is_closed) stream->is_over = true;
        if (stream->is_over) continue;
        stream->connection = connection;
        ask(loop, stream);
    }
}

void EventStreams::ask(zmq::socket_t& loop, const Shared& stream) {
    const std::int64_t id = ++last_read_;
    const auto& wanted = stream->wanted;
    const std::string call = ipc::request_text(id, "event.read",
                                               {{"after", wanted.after},
                                                {"types", wanted.types},
                                                {"limit", page_events_max},
                                                {"wait_ms", options_.keep_alive.count()}});
    pulse_.asked(clock_.monotonic());
    // Reading one's own events needs no other right, whatever the caller may do elsewhere.
    send_to_loop(loop, Caller{wanted.user}, call);
    reads_[id] = {stream, steady_clock::now() + options_.keep_alive + answer_max};
}

void EventStreams::take_reply(const std::string& reply) {
    const json message = json::parse(reply, nullptr, false);
    const auto id = message.is_object() ? message.find("id") : message.end();
    // While taskd stops, refusals come without an id.
    if (id == message.end() || !id->is_number_integer()) return;
    const auto found = reads_.find(id->get<std::int64_t>());
    if (found == reads_.end()) return;
    const Shared stream = std::move(found->second.stream);
    reads_.erase(found);
    if (stream->is_over) return;
    try {
        give(*stream, message);
    } catch (const std::exception&) {  // no memory for a page: this client connects again
        end(*stream);
    }
}

void EventStreams::give(Stream& stream, const json& reply) {
    const auto page = reply.find("result");
    const auto caller = stream.wanted.caller();
    if (page == reply.end() || !caller || caller->user != stream.wanted.user) return end(stream);
    std::string frames = event_stream_frames(*page, stream.wanted.is_chunked);
    stream.wanted.after = page->at("next").get<std::int64_t>();
    feed_(stream.connection, std::move(frames), false);
}

void EventStreams::end(Stream& stream) {
    stream.is_over = true;
    feed_(stream.connection, stream.wanted.is_chunked ? last_chunk : "", true);
}

void EventStreams::expire() {
    const auto now = steady_clock::now();
    std::erase_if(reads_, [&](const auto& entry) {
        const Read& read = entry.second;
        if (now < read.until) return false;
        if (!read.stream->is_over) end(*read.stream);
        return true;
    });
}

}  // namespace taskd::daemon
