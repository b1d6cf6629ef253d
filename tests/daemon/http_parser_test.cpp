// SPDX-License-Identifier: Apache-2.0
#include "daemon/http/http_parser.h"

#include "tests/support/hostile.h"

#include <catch2/catch.hpp>

#include <string>

using namespace taskd;
using namespace std::string_literals;
using State = daemon::HttpParser::State;

namespace {

constexpr std::size_t body_max = 1000;

const std::string get = "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n";
const std::string post =
    "POST /v1/rpc?x=%41 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello";
const std::string chunked =
    "POST /v1/rpc HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: Chunked\r\n\r\n"
    "3\r\nabc\r\n00a;ext=\"v\"\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n";

struct Read {
    State state;
    int status = 0;
    daemon::HttpRequest request;
    std::string rest;
};

Read read(std::string input) {
    daemon::HttpParser parser(body_max);
    Read result{parser.advance(input), 0, {}, {}};
    if (result.state == State::refused) result.status = parser.refusal().status;
    if (result.state == State::done) result.request = parser.take_request();
    result.rest = input;
    return result;
}

int status_of(const std::string& input) {
    return read(input).status;
}

std::string with_field(const std::string& field) {
    return "GET / HTTP/1.1\r\nHost: a\r\n" + field + "\r\n\r\n";
}
std::string with_body(const std::string& fields, const std::string& body = "") {
    return "POST / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n\r\n" + body;
}
std::string with_chunks(const std::string& chunks) {
    return with_body("Transfer-Encoding: chunked", chunks);
}

}  // namespace

TEST_CASE("http: a request is read to its end, and what follows it is left") {
    auto one = read(get + "GET /next");
    REQUIRE(one.state == State::done);
    CHECK(one.request.method == "GET");
    CHECK(one.request.path() == "/health");
    CHECK(*one.request.field("host") == "localhost");
    CHECK(one.request.keep_alive);
    CHECK(one.rest == "GET /next");

    one = read(post + "rest");
    REQUIRE(one.state == State::done);
    CHECK(one.request.path() == "/v1/rpc");
    CHECK(one.request.body == "hello");
    CHECK(one.rest == "rest");

    one = read(chunked + "rest");
    REQUIRE(one.state == State::done);
    CHECK(one.request.body == "abc0123456789");
    CHECK(one.rest == "rest");
}

TEST_CASE("http: the pieces in which a request comes make no difference") {
    for (const auto& text : {get, post, chunked}) {
        daemon::HttpParser parser(body_max);
        std::string input;
        auto state = State::head;
        for (std::size_t i = 0; i < text.size(); ++i) {
            CAPTURE(text, i);
            REQUIRE((state == State::head || state == State::body));
            input += text[i];
            state = parser.advance(input);
        }
        CHECK(state == State::done);
        CHECK(input.empty());
        CHECK(parser.take_request().body == read(text).request.body);
    }
}

TEST_CASE("http: every truncation waits for the rest") {
    for (const auto& text : {get, post, chunked})
        for (std::size_t length = 0; length < text.size(); ++length) {
            const auto state = read(text.substr(0, length)).state;
            CAPTURE(text, length);
            CHECK((state == State::head || state == State::body));
        }
}

TEST_CASE("http: whatever comes is read, waited for or refused, never believed by halves") {
    for (const auto& valid : {get, post, chunked})
        for (const auto& text : test::hostile_inputs(valid)) {
            const auto result = read(text);
            if (result.state == State::refused) CHECK(result.status >= 400);
            if (result.state == State::done) CHECK(result.request.body.size() <= body_max);
        }
}

TEST_CASE("http: framing that two readers could see differently is refused") {
    struct Row {
        std::string what;
        std::string input;
        int status;
    };
    const auto row = GENERATE(values<Row>({
        {"two lengths", with_body("Content-Length: 5\r\nContent-Length: 6", "hello"), 400},
        {"two equal lengths", with_body("Content-Length: 5\r\nContent-Length: 5", "hello"), 400},
        {"a list of lengths", with_body("Content-Length: 5, 5", "hello"), 400},
        {"length and coding",
         with_body("Content-Length: 5\r\nTransfer-Encoding: chunked", "0\r\n\r\n"), 400},
        {"coding and length",
         with_body("Transfer-Encoding: chunked\r\nContent-Length: 5", "0\r\n\r\n"), 400},
        {"two codings", with_body("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"), 400},
        {"gzip", with_body("Transfer-Encoding: gzip, chunked"), 501},
        {"identity", with_body("Transfer-Encoding: identity"), 501},
        {"a coding with a tab before", with_body("Transfer-Encoding: \x0b"s + "chunked"), 400},
        {"a coding in quotes", with_body("Transfer-Encoding: \"chunked\""), 501},
        {"an empty coding", with_body("Transfer-Encoding:"), 501},
        {"a coding in HTTP/1.0",
         "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
        {"a signed length", with_body("Content-Length: +5", "hello"), 400},
        {"a negative length", with_body("Content-Length: -5"), 400},
        {"a hexadecimal length", with_body("Content-Length: 0x5"), 400},
        {"an empty length", with_body("Content-Length:"), 400},
        {"a length with a blank", with_body("Content-Length: 1 0"), 400},
        {"a huge length", with_body("Content-Length: 99999999999999999999999999"), 413},
        {"no length", "POST / HTTP/1.1\r\nHost: a\r\n\r\n", 411},
        {"a bare LF after the request line", "GET / HTTP/1.1\nHost: a\r\n\r\n", 400},
        {"a bare LF in a field", with_field("A: b\nC: d"), 400},
        {"a bare CR in a field", with_field("A: b\rC: d"), 400},
        {"a bare CR at its end", "GET / HTTP/1.1\r\nHost: a\r\r\n\r\n", 400},
        {"NUL in a value", with_field("A: b\0c"s), 400},
        {"NUL in a name", with_field("A\0: b"s), 400},
        {"an escape character", with_field("A: \x1b[2J"), 400},
        {"DEL", with_field("A: \x7f"), 400},
        {"a blank before the colon", with_field("Content-Length : 5"), 400},
        {"a tab before the colon", with_field("Content-Length\t: 5"), 400},
        {"a folded line", with_field("A: b\r\n c"), 400},
        {"a folded line with a colon", with_field("A: b\r\n\tc: d"), 400},
        {"a field in front that is folded", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400},
        {"no colon", with_field("A"), 400},
        {"an empty name", with_field(": b"), 400},
        {"a name that is no token", with_field("A(): b"), 400},
        {"no Host", "GET / HTTP/1.1\r\n\r\n", 400},
        {"two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n", 400},
        {"absolute-form", "GET http://localhost/health HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"authority-form", "CONNECT localhost:80 HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"asterisk-form", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"two blanks", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"a blank in the target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"a tab as blank", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"a fragment", "GET /#a HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"half an escape", "GET /%4 HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"no escape", "GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"bytes that are not ASCII in the target", "GET /\xc3\xa4 HTTP/1.1\r\nHost: a\r\n\r\n",
         400},
        {"HTTP/0.9", "GET /\r\n\r\n", 400},
        {"HTTP/2.0", "PRI * HTTP/2.0\r\n\r\n", 505},
        {"HTTP/1.2", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", 505},
        {"a long version", "GET / HTTP/1.10\r\nHost: a\r\n\r\n", 400},
        {"lower case version", "GET / http/1.1\r\nHost: a\r\n\r\n", 400},
        {"a method that is none", "BREW / HTTP/1.1\r\nHost: a\r\n\r\n", 501},
        {"a method in lower case", "get / HTTP/1.1\r\nHost: a\r\n\r\n", 501},
        {"a method that is no token", "G@T / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"s, 400},
        {"ZeroMQ", "\xff\x00\x00\x00\x00\x00\x00\x00\x01\x7f"s, 400},
        {"another expectation", with_body("Expect: cake\r\nContent-Length: 1"), 417},
        {"a chunk size that is none", with_chunks("g\r\n"), 400},
        {"no chunk size", with_chunks("\r\n"), 400},
        {"a signed chunk size", with_chunks("-1\r\n"), 400},
        {"a chunk size with 0x", with_chunks("0x1\r\na\r\n"), 400},
        {"a blank after the chunk size", with_chunks("1 \r\na\r\n"), 400},
        {"a chunk size past 64 bits", with_chunks("10000000000000001\r\na\r\n"), 413},
        {"a chunk longer than its size", with_chunks("1\r\nab\r\n"), 400},
        {"a bare LF after a chunk size", with_chunks("1\na\r\n"), 400},
        {"a bare LF in an extension", with_chunks("1;a\nb\r\nc\r\n"), 400},
        {"a bare CR after a chunk size", with_chunks("1\ra\r\n"), 400},
        {"a trailer that is no field", with_chunks("0\r\nnothing\r\n\r\n"), 400},
        {"a folded trailer", with_chunks("0\r\nA: b\r\n c\r\n\r\n"), 400},
    }));
    CAPTURE(row.what);
    CHECK(status_of(row.input) == row.status);
}

TEST_CASE("http: what is unusual but clear is read") {
    CHECK(read("\r\n" + get).state == State::done);
    CHECK(status_of("\r\n\r\n" + get) == 400);
    CHECK(read("GET / HTTP/1.0\r\n\r\n").state == State::done);
    CHECK_FALSE(
        read("GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n").request.keep_alive);
    CHECK_FALSE(read(with_field("Connection: Upgrade, Close")).request.keep_alive);
    CHECK(*read(with_field("A:  \t b \t")).request.field("a") == "b");
    CHECK(*read(with_field("A: \xc3\xa4")).request.field("a") == "\xc3\xa4");
    CHECK(read(with_body("Content-Length: 0")).state == State::done);
    CHECK(read(with_body("Content-Length: 0005", "hello")).request.body == "hello");
    CHECK(read("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nxy").request.body == "xy");
}

TEST_CASE("http: limits hold at the bound and not past it") {
    SECTION("the head's bytes") {
        const std::string start = "GET / HTTP/1.1\r\nHost: a\r\nA: ";
        const std::string end = "\r\n\r\n";
        const auto room = daemon::http_head_bytes_max - start.size() - end.size();
        CHECK(read(start + std::string(room, 'x') + end).state == State::done);
        CHECK(status_of(start + std::string(room + 1, 'x') + end) == 431);
        CHECK(status_of(start + std::string(1'000'000, 'x')) == 431);
    }
    SECTION("the fields") {
        const auto fields = [](std::size_t count) {
            std::string text = "GET / HTTP/1.1\r\nHost: a\r\n";
            for (std::size_t i = 1; i < count; ++i) text += "A: b\r\n";
            return text + "\r\n";
        };
        CHECK(read(fields(daemon::http_fields_max)).state == State::done);
        CHECK(status_of(fields(daemon::http_fields_max + 1)) == 431);
    }
    SECTION("a body with a length") {
        const std::string body(body_max, 'x');
        CHECK(read(with_body("Content-Length: 1000", body)).request.body == body);
        CHECK(status_of(with_body("Content-Length: 1001")) == 413);
    }
    SECTION("a body in chunks") {
        std::string chunks;
        for (std::size_t i = 0; i < body_max; ++i) chunks += "1\r\nx\r\n";
        CHECK(read(with_chunks(chunks + "0\r\n\r\n")).request.body.size() == body_max);
        CHECK(status_of(with_chunks(chunks + "1\r\n")) == 413);
    }
    SECTION("the line of a chunk") {
        const auto line = [](std::size_t length) { return "0;" + std::string(length - 2, 'x'); };
        const auto most = daemon::http_chunk_line_bytes_max;
        CHECK(read(with_chunks(line(most) + "\r\n\r\n")).state == State::done);
        CHECK(status_of(with_chunks(line(most + 1) + "\r\n\r\n")) == 400);
        CHECK(status_of(with_chunks(std::string(100'000, '0'))) == 400);
    }
    SECTION("trailers") {
        std::string trailers;
        for (std::size_t i = 0; i < daemon::http_fields_max; ++i) trailers += "A: b\r\n";
        CHECK(read(with_chunks("0\r\n" + trailers + "\r\n")).state == State::done);
        CHECK(status_of(with_chunks("0\r\n" + trailers + "A: b\r\n\r\n")) == 431);
        CHECK(status_of(with_chunks("0\r\nA: " + std::string(20'000, 'x'))) == 431);
    }
}

TEST_CASE("http: 100-continue is wanted once, while the body is missing") {
    daemon::HttpParser parser(body_max);
    std::string input = with_body("Expect: 100-Continue\r\nContent-Length: 2");
    CHECK(parser.advance(input) == State::body);
    CHECK(parser.take_continue());
    CHECK_FALSE(parser.take_continue());
    input = "ok";
    CHECK(parser.advance(input) == State::done);
    CHECK_FALSE(parser.take_continue());
}
