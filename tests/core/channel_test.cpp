// SPDX-License-Identifier: Apache-2.0
#include "core/channel.h"

#include "core/notice.h"

#include <catch2/catch.hpp>

using namespace taskd::core;
using namespace std::chrono_literals;

namespace {

Channel web() {
    Channel channel;
    channel.name = "hook";
    channel.kind = ChannelKind::webhook;
    channel.url = "https://example.org/h";
    return channel;
}

std::string field_of(const Result<Channel>& result) {
    return result ? "none" : result.error().field;
}

}  // namespace

TEST_CASE("a template is filled with the fields that it names") {
    Notice notice;
    notice.summary = "Pay {rent}";
    notice.due = "Tue";
    const auto text = Template::parse("subject", "{{{summary}}} on {due}{late}");
    REQUIRE(text);
    CHECK(text->fill(notice) == "{Pay {rent}} on Tue");
}

TEST_CASE("a template with an unknown field is refused when it is set") {
    const auto wrong = Template::parse("subject", "{sumary}");
    REQUIRE_FALSE(wrong);
    CHECK(wrong.error().field == "subject");
    CHECK(wrong.error().message.find("did you mean {summary}?") != std::string::npos);
    for (const char* text : {"{", "}", "a { b", "{}", R"({"a": 1})"})
        CHECK(Template::parse("subject", text)->fill({}) == text);
    CHECK_FALSE(Template::parse("subject", std::string(template_bytes_max + 1, 'a')));
    CHECK_FALSE(Template::parse("subject", "\xff"));
    CHECK(Template::parse("subject", "{{}}")->fill({}) == "{}");
}

TEST_CASE("a field that has no end is refused, and what is no field is left alone") {
    for (const char* text : {"hello {summary", "{due date}", "{x", R"({"text": "{summary"})"}) {
        CAPTURE(text);
        const auto read = Template::parse("body", text);
        REQUIRE_FALSE(read);
        CHECK(read.error().message.find("has no } behind it") != std::string::npos);
    }
    for (const char* text : {"{", "}", "{}", "a { b }", R"({"text": "{summary}"})", "{{summary"})
        CHECK(Template::parse("body", text));
}

TEST_CASE("every field of a template can be filled") {
    for (const auto& field : notice_fields()) {
        Notice notice;
        notice.*field.member = "x";
        CHECK(Template::parse("body", "{" + std::string(field.name) + "}")->fill(notice) == "x");
    }
}

TEST_CASE("a channel has what its kind has, and nothing else") {
    CHECK(checked(web()));
    Channel channel = web();
    channel.argv = {"true"};
    CHECK(field_of(checked(channel)) == "argv");
    channel = web();
    channel.url = "";
    CHECK(field_of(checked(channel)) == "url");
    channel = web();
    channel.name = "two words";
    CHECK(field_of(checked(channel)) == "name");
    channel = web();
    channel.kind = ChannelKind::desktop;
    CHECK(field_of(checked(channel)) == "url");
    channel.url = "";
    CHECK(checked(channel));
    channel.kind = ChannelKind::exec;
    CHECK(field_of(checked(channel)) == "argv");
    channel.argv = {std::string("a\0b", 3)};
    CHECK(field_of(checked(channel)) == "argv");
    channel.argv = {"true"};
    channel.subject = "{summary}";
    CHECK(field_of(checked(channel)) == "subject");
}

TEST_CASE("a dapr channel either invokes or publishes") {
    Channel channel;
    channel.name = "team";
    channel.kind = ChannelKind::dapr;
    CHECK_FALSE(checked(channel));
    channel.app = "api";
    CHECK_FALSE(checked(channel));
    channel.method = "remind";
    CHECK(checked(channel));
    channel.pubsub = "pubsub";
    CHECK_FALSE(checked(channel));
    channel.topic = "reminders";
    CHECK_FALSE(checked(channel));
    channel.app = channel.method = "";
    CHECK(checked(channel));
}

TEST_CASE("the policies of a channel have bounds") {
    Channel channel = web();
    channel.timeout = 0ms;
    CHECK(field_of(checked(channel)) == "timeout_ms");
    channel.timeout = 1s;
    channel.retry = RetryPolicy{0, 1s, 2, 1s};
    CHECK(field_of(checked(channel)) == "retry.attempts_max");
    channel.retry = RetryPolicy{1, 2s, 2, 1s};
    CHECK(field_of(checked(channel)) == "retry.backoff_max_ms");
    channel.retry.reset();
    channel.rate = RateLimit{-1, 1min};
    CHECK(field_of(checked(channel)) == "rate.max");
    channel.rate = RateLimit{1, 1ms};
    CHECK(field_of(checked(channel)) == "rate.per_ms");
    channel.rate = RateLimit{0, 1min};
    CHECK(checked(channel));
}

TEST_CASE("mail outlives greylisting, and what people read is gathered") {
    Channel channel = web();
    CHECK(rate_of(channel).max == 0);
    channel.kind = ChannelKind::email;
    CHECK(rate_of(channel).max == 5);
    const auto policy = retry_of(channel, {});
    auto total = 0ms;
    for (int attempt = 1; const auto wait = next_attempt(policy, attempt, 0); ++attempt)
        total += *wait;
    CHECK(total > 4h);
    channel.kind = ChannelKind::exec;
    CHECK(retry_of(channel, {7, 1s, 2, 1s}).attempts_max == 7);
}
