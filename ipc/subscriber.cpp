// SPDX-License-Identifier: Apache-2.0
#include "ipc/subscriber.h"

#include <algorithm>

namespace taskd::ipc {
namespace {

using core::Reason;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds silence_max{60'000};  // then the log is read even without a sign
constexpr milliseconds away_pause{500};      // between two looks for a daemon that is away
constexpr int received_max = 1000;           // unread live copies; more are lost and read again
constexpr std::size_t skipped_max = 1000;    // ranges that are remembered, for counting only
constexpr std::int64_t page_events = 500;

/// Whether waiting may help. Anything else is the caller's to know.
bool may_pass(Reason reason) {
    return reason == Reason::unavailable || reason == Reason::deadline_exceeded ||
           reason == Reason::unknown || reason == Reason::resource_exhausted ||
           reason == Reason::internal;
}

core::Error replaced(std::int64_t head, std::int64_t after) {
    return {Reason::data_loss,
            "the store was replaced: its newest event is " + std::to_string(head) + ", and " +
                std::to_string(after) + " was read before",
            {},
            {}};
}

}  // namespace

core::Result<EventPage> read_page(Client& client, const EventRead& request) {
    auto page = client.call(request);
    if (page && (request.since || page->value.head >= request.after)) return std::move(page->value);
    if (page) return tl::unexpected(replaced(page->value.head, request.after));
    if (page.error().reason != Reason::invalid_argument || page.error().field != "after")
        return tl::unexpected(page.error());
    EventRead from_begin;
    from_begin.limit = 1;
    const auto first = client.call(from_begin);
    if (!first || first->value.head >= request.after) return tl::unexpected(page.error());
    return tl::unexpected(replaced(first->value.head, request.after));
}

Subscriber::Subscriber(zmq::context_t& context, Client& client, std::vector<std::string> types,
                       core::TopicFilter filter, std::int64_t after,
                       std::optional<core::Timestamp> since)
    : client_(client),
      types_(std::move(types)),
      filter_(std::move(filter)),
      socket_(context, zmq::socket_type::sub),
      known_(after),
      since_(since) {
    socket_.set(zmq::sockopt::linger, 0);
    socket_.set(zmq::sockopt::rcvhwm, received_max);
    socket_.set(zmq::sockopt::reconnect_ivl, 100);
    socket_.set(zmq::sockopt::reconnect_ivl_max, 1000);
    socket_.set(zmq::sockopt::subscribe, "taskd.head");
    for (const auto& prefix : filter_.prefixes()) socket_.set(zmq::sockopt::subscribe, prefix);
    socket_.connect(client_.endpoint().events());
}

core::Result<void> Subscriber::read_log() {
    do {
        EventRead request;
        request.after = known_;
        request.since = since_;
        if (since_) request.after = 0;
        request.types = types_;
        request.limit = page_events;
        request.missed = lost_ - told_;
        auto page = read_page(client_, request);
        if (!page) return tl::unexpected(page.error());
        told_ += request.missed;
        take_page(*page);
    } while (must_read_ && ready_.empty());
    return {};
}

void Subscriber::take_page(EventPage& page) {
    if (!since_ && page.oldest > known_ + 1) gone_ = EventRange{known_ + 1, page.oldest - 1};
    since_.reset();
    for (auto& event : page.events) {
        const auto number = event.userseq;
        if (std::any_of(skipped_.begin(), skipped_.end(), [&](const EventRange& range) {
                return number >= range.first && number <= range.last;
            }))
            ++lost_;
        ready_.push_back(std::move(event));
    }
    known_ = std::max(known_, page.next);
    // What the log says is true, also where a head that came before it is higher.
    head_ = page.head;
    must_read_ = known_ < head_;
    while (!skipped_.empty() && skipped_.front().last <= known_) skipped_.pop_front();
    started_ = true;
    heard_ = steady_clock::now();
}

/// Numbers between two live copies: of types that were not asked for, or lost. Which of the two,
/// the log will tell.
void Subscriber::note_skipped(std::int64_t number) {
    const std::int64_t before = std::max(live_, known_);
    if (live_ > 0 && number > before + 1 && skipped_.size() < skipped_max)
        skipped_.push_back({before + 1, number - 1});
    live_ = std::max(live_, number);
}

void Subscriber::take_message(const std::vector<zmq::message_t>& message) {
    if (message.size() != 3) return;
    const std::int64_t number = std::atoll(message[1].to_string().c_str());
    if (message[0].to_string_view() == "taskd.head") {
        // A lower one is an old one that waited here, or another store's. The log tells.
        if (number != known_) must_read_ = true;
        return;
    }
    note_skipped(number);
    head_ = std::max(head_, number);
    // In order and whole: taken as it is. Anything else is a sign to read the log.
    if (number != known_ + 1 || must_read_) return;
    const auto json = parse_json(message[2].to_string_view());
    auto event = json ? from_json<CloudEvent>(*json)
                      : core::Result<CloudEvent>(tl::unexpected(json.error()));
    if (!event || !event->dataref.empty()) return;
    known_ = number;
    if (filter_.matches(event->type)) ready_.push_back(std::move(*event));
}

void Subscriber::take_live() {
    std::vector<zmq::message_t> frames;
    zmq::message_t frame;
    while (socket_.recv(frame, zmq::recv_flags::dontwait)) {
        frames.push_back(std::move(frame));
        if (frames.back().more()) continue;
        heard_ = steady_clock::now();
        const std::vector<zmq::message_t> message = std::move(frames);
        frames.clear();
        take_message(message);
    }
    must_read_ = must_read_ || known_ < head_;
}

std::optional<CloudEvent> Subscriber::pop() {
    if (ready_.empty()) return {};
    CloudEvent event = std::move(ready_.front());
    ready_.pop_front();
    return event;
}

core::Result<std::optional<CloudEvent>> Subscriber::next(milliseconds wait) {
    const auto until = steady_clock::now() + wait;
    for (;;) {
        if (auto event = pop()) return event;
        auto now = steady_clock::now();
        if (must_read_ && now >= read_again_) {
            const auto read = read_log();
            if (!read && (!started_ || !may_pass(read.error().reason)))
                return tl::unexpected(read.error());
            if (read) continue;
            now = steady_clock::now();
            heard_ = now;
            read_again_ = now + away_pause;
        }
        const auto left = std::max(milliseconds{0}, std::chrono::ceil<milliseconds>(until - now));
        const auto sign = must_read_ ? read_again_ : heard_ + silence_max;
        const auto quiet = std::max(milliseconds{0}, std::chrono::ceil<milliseconds>(sign - now));
        zmq::pollitem_t item{socket_.handle(), 0, ZMQ_POLLIN, 0};
        if (zmq::poll(&item, 1, std::min(quiet, left)) > 0)
            take_live();
        else if (quiet <= left)
            must_read_ = true;
        else
            return std::optional<CloudEvent>();
    }
}

}  // namespace taskd::ipc
