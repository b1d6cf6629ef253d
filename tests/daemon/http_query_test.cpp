// SPDX-License-Identifier: Apache-2.0
#include "daemon/http/http_query.h"

#include "core/text.h"

#include <catch2/catch.hpp>

using namespace taskd;
using daemon::HttpQuery;

namespace {

const std::vector<HttpQuery::Name> names{{"after"}, {"type", true}, {"ticket"}};

std::string error_of(const std::string& target) {
    const auto query = HttpQuery::parse(target, names);
    return query ? "" : query.error().message;
}

}  // namespace

TEST_CASE("http: a query is read as a form writes it") {
    const auto query =
        HttpQuery::parse("/v1/events?after=7&type=a+b&&type=%63%2B%C3%A4&ticket=", names);
    REQUIRE(query.has_value());
    CHECK(*query->find("after") == "7");
    CHECK(query->number("after").value() == 7);
    CHECK(query->all("type") == std::vector<std::string>{"a b", "c+\u00e4"});
    CHECK(query->find("ticket")->empty());
    CHECK(query->find("limit") == nullptr);
    CHECK(query->number("limit").value() == std::nullopt);
    CHECK(*HttpQuery::parse("/?%61fter", names)->find("after") == "");
    CHECK(HttpQuery::parse("/v1/events", names)->find("after") == nullptr);
    CHECK(HttpQuery::parse("/v1/events?", names)->find("after") == nullptr);
    CHECK(*HttpQuery::parse("/?type=a=b?c", names)->find("type") == "a=b?c");
}

TEST_CASE("http: what is wrong in a query is named, and no value is shown") {
    CHECK(error_of("/?afer=1") == "query: \"afer\" is not a name; did you mean \"after\"?");
    CHECK(error_of("/?taskd_secret") == "query: has a name that is not one of after, type, ticket");
    CHECK(error_of("/?after=1&after=1") == "after: is given more than once; use it once");
    CHECK(error_of("/?type=1&type=1").empty());
    for (const char* text : {"/?type=%", "/?type=%4", "/?type=%4g", "/?%g4=1", "/?type=%%41"})
        CHECK(error_of(text) == "query: has a % that two hexadecimal digits don't follow");
    for (const char* text : {"/?type=%ff", "/?type=%C0%A0", "/?type=\xff", "/?%ED%A0%80=1"})
        CHECK(error_of(text) == "query: is not UTF-8 when it is decoded");
    for (const char* text :
         {"", "x", "1.0", " 1", "1 ", "+1", "0x1", "9223372036854775808", "1e3"}) {
        const auto query = HttpQuery::parse(std::string("/?after=") + text, names);
        CAPTURE(text);
        CHECK(query->number("after").error().message == "after: is not a whole number");
    }
    CHECK(HttpQuery::parse("/?after=-9223372036854775808", names)->number("after").has_value());
    std::string many = "/?";
    for (std::size_t i = 0; i < daemon::query_words_max; ++i) many += "type=a&";
    CHECK(error_of(many).empty());
    CHECK(error_of(many + "type=a") == "query: has more than 100 words");
}

TEST_CASE("http: every beginning of a hostile query is read or refused") {
    const std::string target = "/v1/events?after=1%32&type=%e2%82%ac+x&type=%00%0a&ticket=%7f&x";
    for (std::size_t length = 0; length <= target.size(); ++length) {
        const auto query = HttpQuery::parse(target.substr(0, length), names);
        if (!query) CHECK_FALSE(query.error().message.empty());
    }
    for (int byte = 0; byte < 256; ++byte) {
        const auto query =
            HttpQuery::parse("/?type=" + std::string(1, static_cast<char>(byte)), names);
        if (query)
            for (const auto& value : query->all("type")) CHECK(core::is_utf8(value));
    }
}
