// SPDX-License-Identifier: Apache-2.0
#include "daemon/http/event_tickets.h"

#include "daemon/secret.h"

#include <algorithm>

namespace taskd::daemon {

bool EventTickets::in_force(const Ticket& ticket) const {
    const auto now = clock_.monotonic();
    return !ticket.dropped && now < ticket.made + age_max &&
           (ticket.open > 0 || now < ticket.unused_since + kept);
}

/// Makes room for one more ticket of the user: first what no stream uses, then the oldest.
void EventTickets::drop_surplus(const core::UserId& user) {
    std::erase_if(tickets_, [&](const Shared& ticket) { return !in_force(*ticket); });
    const auto is_theirs = [&](const Shared& ticket) { return ticket->user == user; };
    const auto count = std::count_if(tickets_.begin(), tickets_.end(), is_theirs);
    if (static_cast<std::size_t>(count) < of_user_max) return;
    auto victim = std::find_if(tickets_.begin(), tickets_.end(), [&](const Shared& ticket) {
        return is_theirs(ticket) && ticket->open == 0;
    });
    if (victim == tickets_.end())
        victim = std::find_if(tickets_.begin(), tickets_.end(), is_theirs);
    (*victim)->dropped = true;
    tickets_.erase(victim);
}

std::string EventTickets::make(core::Random& random, const core::UserId& user, CallerNow maker) {
    std::string secret = make_token_secret(random);
    const std::lock_guard lock(mutex_);
    drop_surplus(user);
    if (tickets_.size() >= tickets_max) return {};
    auto ticket = std::make_shared<Ticket>();
    ticket->hash = sha256_hex(secret);
    ticket->user = user;
    ticket->maker = std::move(maker);
    ticket->made = ticket->unused_since = clock_.monotonic();
    tickets_.push_back(std::move(ticket));
    return secret;
}

std::optional<Caller> EventTickets::caller_of(const Shared& ticket) const {
    {
        const std::lock_guard lock(mutex_);
        if (!in_force(*ticket)) return {};
    }
    const auto maker = ticket->maker();
    if (!maker || maker->user != ticket->user) return {};
    Caller caller{ticket->user};
    caller.by_token = true;
    return caller;
}

std::optional<EventTickets::Use> EventTickets::use(std::string_view secret) {
    const std::string hash = sha256_hex(secret);
    Shared ticket;
    std::shared_ptr<const void> open;
    {
        const std::lock_guard lock(mutex_);
        for (const auto& each : tickets_)
            if (equal_secrets(each->hash, hash)) ticket = each;
        if (!ticket || !in_force(*ticket)) return {};
        ++ticket->open;
    }
    open = {this, [this, ticket](const void*) {
                const std::lock_guard lock(mutex_);
                if (--ticket->open == 0) ticket->unused_since = clock_.monotonic();
            }};
    auto caller = caller_of(ticket);
    if (!caller) return {};
    return Use{std::move(*caller), [this, ticket] { return caller_of(ticket); }, std::move(open)};
}

}  // namespace taskd::daemon
