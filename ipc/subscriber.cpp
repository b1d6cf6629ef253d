// SPDX-License-Identifier: Apache-2.0
#include "ipc/subscriber.h"

#include <algorithm>

namespace taskd::ipc {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds silence_max{60'000};  // then the log is read even without a sign
constexpr int received_max = 1000;           // unread live copies; more are lost and read again
constexpr std::int64_t page_events = 500;

}  // namespace

Subscriber::Subscriber(zmq::context_t& context, Client& client, std::vector<std::string> types,
                       core::TopicFilter filter, std::int64_t after)
    : client_(client),
      types_(std::move(types)),
      filter_(std::move(filter)),
      socket_(context, zmq::socket_type::sub),
      known_(after) {
    socket_.set(zmq::sockopt::linger, 0);
    socket_.set(zmq::sockopt::rcvhwm, received_max);
    socket_.set(zmq::sockopt::reconnect_ivl, 100);
    socket_.set(zmq::sockopt::reconnect_ivl_max, 1000);
    socket_.set(zmq::sockopt::subscribe, "taskd.head");
    for (const auto& prefix : filter_.prefixes()) socket_.set(zmq::sockopt::subscribe, prefix);
    socket_.connect(client_.endpoint().events());
}

core::Result<void> Subscriber::read_log() {
    for (;;) {
        EventRead request;
        request.after = known_;
        request.types = types_;
        request.limit = page_events;
        auto page = client_.call(request);
        if (!page) return tl::unexpected(page.error());
        for (auto& event : page->value.events) ready_.push_back(std::move(event));
        known_ = std::max(known_, page->value.next);
        head_ = std::max(head_, page->value.head);
        if (page->value.next >= page->value.head || !ready_.empty()) break;
    }
    must_read_ = known_ < head_;
    started_ = true;
    heard_ = steady_clock::now();
    return {};
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
        if (message.size() != 3) continue;
        const std::int64_t number = std::atoll(message[1].to_string().c_str());
        head_ = std::max(head_, number);
        if (message[0].to_string_view() == "taskd.head" || number <= known_) continue;
        // In order and whole: taken as it is. Anything else is a sign to read the log.
        if (number != known_ + 1 || must_read_) continue;
        const auto json = parse_json(message[2].to_string_view());
        auto event = json ? from_json<CloudEvent>(*json)
                          : core::Result<CloudEvent>(tl::unexpected(json.error()));
        if (!event || !event->dataref.empty()) continue;
        known_ = number;
        if (filter_.matches(event->type)) ready_.push_back(std::move(*event));
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
        if (must_read_) {
            const auto read = read_log();
            if (!read && !started_) return tl::unexpected(read.error());
            if (!read) {  // the daemon is away; its next head wakes us
                must_read_ = false;
                heard_ = steady_clock::now();
            }
            continue;
        }
        const auto now = steady_clock::now();
        const auto left = std::max(milliseconds{0}, std::chrono::ceil<milliseconds>(until - now));
        const auto quiet = std::chrono::ceil<milliseconds>(heard_ + silence_max - now);
        zmq::pollitem_t item{socket_.handle(), 0, ZMQ_POLLIN, 0};
        if (zmq::poll(&item, 1, std::clamp(quiet, milliseconds{0}, left)) > 0)
            take_live();
        else if (quiet <= left)
            must_read_ = true;
        else
            return std::optional<CloudEvent>();
    }
}

}  // namespace taskd::ipc
