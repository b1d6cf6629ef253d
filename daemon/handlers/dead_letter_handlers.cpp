// SPDX-License-Identifier: Apache-2.0
#include "daemon/handlers/dead_letter_handlers.h"

#include "core/text.h"
#include "daemon/handlers/delivery_handlers.h"
#include "daemon/handlers/inbound_handlers.h"
#include "ipc/json.h"

#include <nlohmann/json.hpp>

#include <array>

namespace taskd::daemon {
namespace {

using core::Result;

constexpr std::int64_t page_max = 1000;
constexpr std::size_t prefix_min = 4;
constexpr std::size_t ids_max = 1000;
constexpr std::array<const char*, 5> origins{"consumer", "handler", "publish", "dapr", "delivery"};

ipc::DeadLetter letter_of(const DeadLetterRow& row) {
    ipc::DeadLetter letter;
    letter.id = row.id;
    letter.origin = row.origin;
    letter.name = row.name;
    if (auto event = ipc::from_json<ipc::CloudEvent>(nlohmann::json::parse(row.event)))
        letter.event = std::move(*event);
    letter.reason = row.reason;
    letter.attempts = row.attempts;
    letter.created = row.created;
    return letter;
}

Result<DeadLetterRow> find(const std::string& id, Handling& h) {
    if (id.size() < prefix_min || id.find_first_not_of("0123456789abcdef-") != std::string::npos)
        return core::invalid_argument("ids", "\"" + core::clipped(id, 64) +
                                                 "\" is not the beginning of an id; use 4 or more "
                                                 "of its characters");
    auto found = h.unit.find_dead_letters(h.user, id);
    if (found.size() == 1) return std::move(found.front());
    if (found.empty()) return core::not_found("ids", "there is no dead letter " + id);
    return core::invalid_argument("ids", id + " is the beginning of several ids; use more of it");
}

/// The letters that are meant, the newest first, at most `limit` of them.
Result<std::vector<DeadLetterRow>> meant(const ipc::DeadLetterFilter& filter, std::int64_t limit,
                                         std::int64_t offset, std::int64_t& total, Handling& h) {
    const auto types = core::TopicFilter::make(filter.types);
    if (!types) return tl::unexpected(types.error());
    if (!filter.origin.empty() &&
        std::find(origins.begin(), origins.end(), filter.origin) == origins.end())
        return core::invalid_argument("origin", "\"" + core::clipped(filter.origin, 64) +
                                                    "\" is not accepted; use consumer, handler, "
                                                    "publish, dapr or delivery");
    if (filter.ids.empty())
        return h.unit.list_dead_letters(h.user, filter, *types, limit, offset, total);
    if (filter.ids.size() > ids_max)
        return core::invalid_argument("ids", "more than 1000 ids were given");
    std::vector<DeadLetterRow> letters;
    for (const auto& id : filter.ids) {
        auto letter = find(id, h);
        if (!letter) return tl::unexpected(letter.error());
        letters.push_back(std::move(*letter));
    }
    total = static_cast<std::int64_t>(letters.size());
    return letters;
}

/// Of retry and drop: all letters only when that was said.
Result<std::vector<DeadLetterRow>> chosen(const ipc::DeadLetterFilter& filter, Handling& h) {
    const bool narrowed = !filter.ids.empty() || !filter.origin.empty() || !filter.name.empty() ||
                          !filter.types.empty();
    if (!narrowed && !filter.all)
        return core::invalid_argument("ids", "nothing was chosen; name ids, a filter, or all");
    std::int64_t total = 0;
    return meant(filter, page_max, 0, total, h);
}

/// Why it can't be tried again, "" when it now is.
std::string retry_one(const DeadLetterRow& letter, Handling& h) {
    if (letter.origin == "publish")
        return "its key is taken by another event; publish it under a new id, or drop it";
    if (letter.origin == "dapr")
        return "it was refused as it came; publish it as it should be, or drop it";
    if (letter.origin == "delivery")
        return revive_call(core::DeliveryId{letter.name}, h) ? "" : "its call is gone";
    if (letter.origin == "handler")
        return revive_handler(letter, h) ? "" : "its handler's mark is gone";
    const auto before = h.unit.find_consumer(h.user, letter.name);
    if (!before) return "consumer " + letter.name + " was removed";
    // Retention was faster than the one who had it, and there is nothing left to hand out.
    const auto event = letter_of(letter).event;
    if (event.id.empty()) return "its event is past retention";
    h.stirred.push_back(before->name);
    // One that the consumer has yet to look at, after a reset, comes by itself.
    if (letter.user_seq > before->position || h.unit.find_unsettled(*before, letter.user_seq))
        return "";
    core::Unsettled row;
    row.user_seq = letter.user_seq;
    row.subject = event.subject;
    row.state = core::UnsettledState::waiting;
    row.due = h.unit.now();
    row.fence = 0;
    row.event = letter.event;
    h.unit.insert_unsettled(*before, row);
    return "";
}

template <class Work>
Result<ipc::DeadLettersChanged> change(const ipc::DeadLetterFilter& filter, Handling& h,
                                       const Work& work) {
    const auto letters = chosen(filter, h);
    if (!letters) return tl::unexpected(letters.error());
    ipc::DeadLettersChanged reply;
    for (const auto& letter : *letters) {
        const std::string why_not = work(letter);
        if (!why_not.empty()) {
            if (filter.ids.size() == 1) return core::failed_precondition("ids", why_not);
            reply.skipped.push_back(letter.id + ": " + why_not);
            continue;
        }
        h.unit.erase_dead_letter(h.user, letter);
        ++reply.count;
        reply.ids.push_back(letter.id);
    }
    return reply;
}

}  // namespace

Result<ipc::DeadLetterPage> list_dead_letters(const ipc::DeadLetterList& request, Handling& h) {
    if (request.limit < 1 || request.limit > page_max)
        return core::invalid_argument(
            "limit", std::to_string(request.limit) + " is not accepted; use 1 to 1000");
    if (request.offset < 0)
        return core::invalid_argument("offset", std::to_string(request.offset) + " is below 0");
    ipc::DeadLetterPage page;
    const auto letters = meant(request.filter, request.limit, request.offset, page.total, h);
    if (!letters) return tl::unexpected(letters.error());
    for (const auto& row : *letters) page.dead_letters.push_back(letter_of(row));
    return page;
}

Result<ipc::DeadLettersChanged> retry_dead_letters(const ipc::DeadLetterRetry& request,
                                                   Handling& h) {
    return change(request.filter, h,
                  [&](const DeadLetterRow& letter) { return retry_one(letter, h); });
}

Result<ipc::DeadLettersChanged> drop_dead_letters(const ipc::DeadLetterDrop& request, Handling& h) {
    return change(request.filter, h, [](const DeadLetterRow&) { return std::string(); });
}

}  // namespace taskd::daemon
