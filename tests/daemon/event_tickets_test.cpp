// SPDX-License-Identifier: Apache-2.0
#include "daemon/http/event_tickets.h"

#include "tests/support/manual_clock.h"
#include "tests/support/seeded_random.h"

#include <catch2/catch.hpp>

using namespace taskd;
using namespace std::chrono_literals;

namespace {

struct TicketFixture {
    test::ManualClock clock{core::Timestamp{1'000'000s}};
    test::SeededRandom random{7};
    daemon::EventTickets tickets{clock};
    std::optional<daemon::Caller> maker = operator_of("ada");

    static daemon::Caller operator_of(const std::string& user) {
        daemon::Caller caller{core::UserId{user}, true, true};
        caller.events_endpoint = "ipc:///x";
        return caller;
    }
    std::string make(const std::string& user = "ada") {
        return tickets.make(random, core::UserId{user},
                            [this, user] { return user == "ada" ? maker : operator_of(user); });
    }
    bool opens(const std::string& ticket) { return tickets.use(ticket).has_value(); }
};

}  // namespace

TEST_CASE_METHOD(TicketFixture, "http: a ticket carries its user's rights and no more") {
    const auto ticket = make();
    CHECK(ticket.size() == 6 + 43);
    CHECK(make() != ticket);
    const auto use = tickets.use(ticket);
    REQUIRE(use.has_value());
    CHECK(use->caller.user.str() == "ada");
    CHECK_FALSE(use->caller.is_operator);
    CHECK_FALSE(use->caller.may_name_users);
    CHECK(use->caller.by_token);
    CHECK(use->caller.events_endpoint.empty());
    CHECK(use->again()->user.str() == "ada");
    for (const std::string& wrong :
         {std::string(), ticket + "x", ticket.substr(1), ticket.substr(0, ticket.size() - 1)})
        CHECK_FALSE(opens(wrong));
}

TEST_CASE_METHOD(TicketFixture, "http: a ticket is in force for a minute beside its streams") {
    const auto ticket = make();
    clock.advance(59'999ms);
    CHECK(opens(ticket));  // and what was opened has ended again: another minute
    clock.advance(59'999ms);
    {
        const auto first = tickets.use(ticket);
        const auto second = tickets.use(ticket);
        REQUIRE(second.has_value());
        clock.advance(30min);
        CHECK(first->again().has_value());
    }
    clock.advance(59'999ms);
    CHECK(opens(ticket));
    clock.advance(60'000ms);
    CHECK_FALSE(opens(ticket));
    clock.set_now(core::Timestamp{0s});  // the wall clock has no say
    CHECK_FALSE(opens(ticket));
}

TEST_CASE_METHOD(TicketFixture, "http: after an hour a ticket is over, its stream too") {
    const auto use = tickets.use(make());
    clock.advance(1h - 1ms);
    CHECK(use->again().has_value());
    clock.advance(1ms);
    CHECK_FALSE(use->again().has_value());
}

TEST_CASE_METHOD(TicketFixture, "http: a ticket ends with what it was made by") {
    const auto ticket = make();
    const auto use = tickets.use(ticket);
    maker = operator_of("eve");  // the uid is somebody else's now
    CHECK_FALSE(use->again().has_value());
    CHECK_FALSE(opens(ticket));
    maker.reset();
    CHECK_FALSE(use->again().has_value());
    CHECK_FALSE(opens(ticket));
}

TEST_CASE_METHOD(TicketFixture, "http: a user has sixteen tickets, the oldest unused one goes") {
    const auto of_bob = make("bob");
    const auto used = make();
    const auto use = tickets.use(used);
    std::vector<std::string> unused;
    for (std::size_t i = 0; i < daemon::EventTickets::of_user_max; ++i) unused.push_back(make());
    CHECK_FALSE(opens(unused[0]));
    CHECK(opens(unused[1]));
    CHECK(opens(used));
    CHECK(opens(of_bob));
    std::vector<daemon::EventTickets::Use> uses;
    for (std::size_t i = 1; i < unused.size(); ++i) uses.push_back(*tickets.use(unused[i]));
    CHECK(opens(make()));  // all are in use: the oldest goes
    CHECK_FALSE(use->again().has_value());
}

TEST_CASE_METHOD(TicketFixture, "http: all users together have a bound of tickets") {
    constexpr auto max = daemon::EventTickets::tickets_max;
    for (std::size_t i = 0; i < max; ++i)
        REQUIRE_FALSE(make("user" + std::to_string(i / 10)).empty());
    CHECK(make().empty());
    CHECK_FALSE(opens(""));
    clock.advance(60s);
    CHECK_FALSE(make().empty());
}
