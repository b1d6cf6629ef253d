// SPDX-License-Identifier: Apache-2.0
#include "core/check.h"
#include "core/text.h"
#include "daemon/handlers/consumer_handlers.h"
#include "ipc/data_fields.h"
#include "ipc/json.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace taskd::daemon {
namespace {

using core::Consumer;
using core::Error;
using core::Reason;
using core::Result;
using core::Unsettled;
using nlohmann::json;

constexpr std::size_t batch_bytes_max = 1024 * 1024;  // a reply stays far below a message's limit
constexpr std::int64_t scan_rows_max = 20'000;        // of one fetch, however rare what it wants is
constexpr std::size_t member_bytes_max = 128;

/// One fetch: gives events to a member until there are enough, or no more can be had.
class Fetch {
public:
    Fetch(UnitOfWork& unit, Consumer consumer, const ipc::ConsumerFetch& request)
        : unit_(unit), before_(std::move(consumer)), consumer_(before_), request_(request) {}

    Result<ipc::ConsumerBatch> run() {
        if (auto whole = check_whole(); !whole) return tl::unexpected(whole.error());
        take_back_lapsed(unit_, consumer_);
        give_again();
        const auto counts = unit_.count_unsettled(consumer_);
        room_ = std::max<std::int64_t>(0, consumer_.max_in_flight - counts.leased);
        give_ready();
        look_further(counts.all());
        unit_.update_consumer(before_, consumer_);
        batch_.head = unit_.event_head(consumer_.user);
        batch_.lag = std::max<std::int64_t>(0, batch_.head - cursor_of(unit_, consumer_));
        return std::move(batch_);
    }

    /// Whether the log has more that was not looked at for want of time only.
    [[nodiscard]] bool stopped_early() const { return stopped_early_; }

private:
    /// What retention took before this consumer had it is told, not passed over.
    Result<void> check_whole() {
        const auto floor = unit_.event_floor(consumer_.user);
        const auto cursor = cursor_of(unit_, consumer_);
        if (cursor >= floor) return {};
        return tl::unexpected(
            Error{Reason::data_loss,
                  "consumer " + consumer_.name + ": events " + std::to_string(cursor + 1) + " to " +
                      std::to_string(floor) + " are past retention, and it has not settled them",
                  "name", "consumer.reset to \"oldest\" goes on with what is there"});
    }

    [[nodiscard]] bool is_full() const {
        return static_cast<std::int64_t>(batch_.events.size()) >= request_.limit || room_ <= 0 ||
               bytes_ > batch_bytes_max;
    }

    void give(const Unsettled& row, ipc::CloudEvent event) {
        bytes_ += event.data.size();
        batch_.events.push_back({std::move(event), row.fence, row.attempts, row.due});
        if (!consumer_.next || row.due < *consumer_.next) consumer_.next = row.due;
    }

    [[nodiscard]] ipc::CloudEvent event_of(const Unsettled& row) {
        if (row.event.empty()) {
            auto event = unit_.find_event(consumer_.user, row.user_seq);
            core::check(event.has_value(), "what is unsettled is in the log, or was told as lost");
            return std::move(*event);
        }
        auto event = ipc::from_json<ipc::CloudEvent>(json::parse(row.event));
        core::check(event.has_value(), "an event that is stored can be read");
        return std::move(*event);
    }

    /// What the member was given and does not hold got lost on the way to it.
    void give_again() {
        if (!request_.holding) return;
        const auto& holding = *request_.holding;
        for (auto& row : unit_.leased_to(consumer_, request_.member)) {
            if (std::find(holding.begin(), holding.end(), row.fence) != holding.end()) continue;
            if (static_cast<std::int64_t>(batch_.events.size()) >= request_.limit) return;
            row.due = unit_.now() + consumer_.lease;
            unit_.update_unsettled(consumer_, row);
            give(row, event_of(row));
        }
    }

    void lease(Unsettled row, ipc::CloudEvent event, bool is_new) {
        ++consumer_.fence;
        row = core::leased(std::move(row), consumer_, request_.member, unit_.now());
        if (is_new)
            unit_.insert_unsettled(consumer_, row);
        else
            unit_.update_unsettled(consumer_, row);
        --room_;
        give(row, std::move(event));
    }

    void give_ready() {
        if (is_full()) return;
        const auto limit =
            std::min(request_.limit - static_cast<std::int64_t>(batch_.events.size()), room_);
        for (const auto& row : unit_.ready_unsettled(consumer_, limit)) {
            if (is_full()) return;
            lease(row, event_of(row), false);
        }
    }

    void look_further(std::int64_t unsettled) {
        if (is_full() || unsettled >= core::unsettled_max) return;
        const auto filter = core::EventFilter::make(consumer_.filter);
        core::check(filter.has_value(), "a filter that is stored was accepted");
        bool stopped = false;
        std::int64_t rows = 0;
        const auto position = unit_.scan_events(
            consumer_.user, consumer_.position, scan_rows_max, [&](const ipc::CloudEvent& event) {
                ++rows;
                consumer_.position = event.userseq;
                ipc::DataFields fields(event);
                if (!filter->matches(event.type, event.source, event.subject, std::ref(fields)))
                    return true;
                Unsettled row;
                row.user_seq = event.userseq;
                row.subject = event.subject;
                row.due = unit_.now();
                ++unsettled;
                if (unit_.is_subject_busy(consumer_, event.subject))
                    unit_.insert_unsettled(consumer_, row);
                else
                    lease(std::move(row), event, true);
                stopped = is_full() || unsettled >= core::unsettled_max;
                return !stopped;
            });
        consumer_.position = std::max(consumer_.position, position);
        stopped_early_ = !stopped && rows == scan_rows_max;
    }

    UnitOfWork& unit_;
    const Consumer before_;
    Consumer consumer_;
    const ipc::ConsumerFetch& request_;
    ipc::ConsumerBatch batch_;
    std::int64_t room_ = 0;
    std::size_t bytes_ = 0;
    bool stopped_early_ = false;
};

Result<void> check_request(const ipc::ConsumerFetch& request) {
    if (request.limit < 1 || request.limit > static_cast<std::int64_t>(ipc::fetch_events_max))
        return core::invalid_argument(
            "limit", std::to_string(request.limit) + " is not accepted; use 1 to 1000");
    if (request.wait_ms < 0 || request.wait_ms > ipc::wait_ms_max)
        return core::invalid_argument(
            "wait_ms", std::to_string(request.wait_ms) + " is not accepted; use 0 to 60000");
    if (request.member.empty() || request.member.size() > member_bytes_max ||
        core::has_control(request.member))
        return core::invalid_argument("member", "\"" + core::clipped(request.member, 64) +
                                                    "\" is not accepted; use 1 to 128 bytes "
                                                    "without control characters that no other "
                                                    "member has");
    if (request.holding && request.holding->size() > ipc::fetch_events_max)
        return core::invalid_argument("holding", "names more than 1000 leases");
    return {};
}

}  // namespace

Result<ipc::ConsumerBatch> fetch_now(const ipc::ConsumerFetch& request, const core::UserId& user,
                                     UnitOfWork& unit) {
    auto consumer = require_consumer(unit, user, request.name);
    if (!consumer) return tl::unexpected(consumer.error());
    return Fetch(unit, std::move(*consumer), request).run();
}

Result<ipc::ConsumerBatch> fetch_events(const ipc::ConsumerFetch& request, Handling& h) {
    if (auto good = check_request(request); !good) return tl::unexpected(good.error());
    auto consumer = require_consumer(h.unit, h.user, request.name);
    if (!consumer) return tl::unexpected(consumer.error());
    Fetch fetch(h.unit, std::move(*consumer), request);
    auto batch = fetch.run();
    if (!batch || !batch->events.empty() || request.wait_ms == 0 || fetch.stopped_early())
        return batch;
    const auto wait =
        h.deadline_ms > 0 ? std::min(request.wait_ms, h.deadline_ms) : request.wait_ms;
    h.poll = Poll{h.user, 0, 0, {}, h.received + std::chrono::milliseconds{wait}, request};
    return batch;
}

}  // namespace taskd::daemon
