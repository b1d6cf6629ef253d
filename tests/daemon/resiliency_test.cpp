// SPDX-License-Identifier: Apache-2.0
#include "daemon/resiliency.h"

#include "tests/support/hostile.h"

#include <catch2/catch.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

using namespace std::chrono_literals;
using taskd::core::BreakerPolicy;
using taskd::core::CallPolicy;
using taskd::core::CallRetry;
using taskd::core::StatusRanges;
using taskd::daemon::Resiliency;

namespace {

using Words = std::map<std::string, std::string>;

Resiliency read(const Words& words) {
    const auto resiliency = Resiliency::read(words);
    if (!resiliency) FAIL(resiliency.error().message);
    return *resiliency;
}

/// One retry, timeout and breaker, and an app that uses them all.
Words billing() {
    return {{"policies.timeouts.fast", "5s"},
            {"policies.retries.important.maxRetries", "3"},
            {"policies.circuitBreakers.cb.maxRequests", "2"},
            {"targets.apps.billing.timeout", "fast"},
            {"targets.apps.billing.retry", "important"},
            {"targets.apps.billing.circuitBreaker", "cb"}};
}

Words with(Words words, const std::string& key, const std::string& value) {
    words[key] = value;
    return words;
}

/// The timeout that a duration in words is read as, in milliseconds; none when it is refused.
std::optional<std::int64_t> timeout_of(const std::string& duration) {
    const auto resiliency =
        Resiliency::read({{"policies.timeouts.DefaultTimeoutPolicy", duration}});
    if (!resiliency) return {};
    return resiliency->app("any").timeout.value().count();
}

}  // namespace

TEST_CASE("resiliency: without words all is taskd's default") {
    CHECK(Resiliency{}.app("billing") == CallPolicy{});
    CHECK(Resiliency{}.component("bus") == CallPolicy{});
    CHECK(read({}) == Resiliency{});
}

TEST_CASE("resiliency: a target is called by the policies that it names") {
    const auto resiliency = read(billing());
    const auto app = resiliency.app("billing");
    CHECK(app.timeout == 5s);
    CHECK(app.retry == CallRetry{.retries_max = 3});
    CHECK(app.breaker == BreakerPolicy{.failures_max = 6, .timeout = 60s, .probes_max = 2});
    CHECK(resiliency.app("other") == CallPolicy{});
    CHECK(resiliency.component("billing") == CallPolicy{});
    const Resiliency copy = resiliency;  // NOLINT(performance-unnecessary-copy-initialization)
    CHECK(copy.app("billing") == app);
}

TEST_CASE("resiliency: every word is read") {
    const auto resiliency = read({{"policies.timeouts.t", "1500"},
                                  {"policies.retries.r.policy", "Exponential"},
                                  {"policies.retries.r.duration", "2s"},
                                  {"policies.retries.r.maxInterval", "15s"},
                                  {"policies.retries.r.maxRetries", "-1"},
                                  {"policies.retries.r.matching.httpStatusCodes", "429, 500-599"},
                                  {"policies.circuitBreakers.b.maxRequests", "3"},
                                  {"policies.circuitBreakers.b.interval", "8s"},
                                  {"policies.circuitBreakers.b.timeout", "45s"},
                                  {"policies.circuitBreakers.b.trip", "consecutiveFailures >= 8"},
                                  {"targets.components.bus.outbound.timeout", "t"},
                                  {"targets.components.bus.outbound.retry", "r"},
                                  {"targets.components.bus.outbound.circuitBreaker", "b"}});
    const CallPolicy policy = resiliency.component("bus");
    CHECK(policy.timeout == 1500ms);
    CHECK(policy.retry == CallRetry{.exponential = true,
                                    .duration = 2s,
                                    .max_interval = 15s,
                                    .retries_max = -1,
                                    .matching = StatusRanges{{{429, 429}, {500, 599}}}});
    CHECK(policy.breaker ==
          BreakerPolicy{.failures_max = 8, .timeout = 45s, .probes_max = 3, .interval = 8s});
    CHECK(resiliency.app("bus") == CallPolicy{});
}

TEST_CASE("resiliency: names may contain dots") {
    const auto resiliency = read({{"policies.timeouts.very.fast", "1s"},
                                  {"policies.retries.a.matching.b.maxRetries", "2"},
                                  {"targets.apps.billing.prod.timeout", "very.fast"},
                                  {"targets.apps.timeout.timeout", "very.fast"},
                                  {"targets.components.my.bus.outbound.retry", "a.matching.b"},
                                  {"targets.components.inbound.outbound.timeout", "very.fast"}});
    CHECK(resiliency.app("billing.prod").timeout == 1s);
    CHECK(resiliency.app("timeout").timeout == 1s);
    CHECK(resiliency.app("billing") == CallPolicy{});
    CHECK(resiliency.component("my.bus").retry->retries_max == 2);
    CHECK(resiliency.component("inbound").timeout == 1s);
}

TEST_CASE("resiliency: the more specific default wins, and a target over all") {
    Words words{{"policies.retries.DefaultRetryPolicy.maxRetries", "1"},
                {"policies.timeouts.DefaultTimeoutPolicy", "1s"},
                {"policies.circuitBreakers.DefaultCircuitBreakerPolicy.maxRequests", "1"}};
    const auto retries_of = [&](bool is_app) {
        const auto resiliency = read(words);
        const auto policy = is_app ? resiliency.app("billing") : resiliency.component("bus");
        CHECK(policy.timeout == 1s);
        CHECK(policy.breaker.value().probes_max == 1);
        return policy.retry.value().retries_max;
    };
    CHECK(retries_of(true) == 1);
    CHECK(retries_of(false) == 1);

    words["policies.retries.DefaultAppRetryPolicy.maxRetries"] = "2";
    CHECK(retries_of(true) == 2);
    CHECK(retries_of(false) == 1);
    words["policies.retries.DefaultComponentRetryPolicy.maxRetries"] = "3";
    CHECK(retries_of(false) == 3);
    words["policies.retries.DefaultComponentOutboundRetryPolicy.maxRetries"] = "4";
    CHECK(retries_of(false) == 4);
    words["policies.retries.DefaultPubsubComponentOutboundRetryPolicy.maxRetries"] = "5";
    CHECK(retries_of(false) == 5);
    CHECK(retries_of(true) == 2);

    words["policies.timeouts.DefaultAppTimeoutPolicy"] = "2s";
    words["policies.circuitBreakers.DefaultAppCircuitBreakerPolicy.maxRequests"] = "7";
    CHECK(read(words).app("billing").timeout == 2s);
    CHECK(read(words).app("billing").breaker->probes_max == 7);
    words["targets.apps.billing.retry"] = "DefaultRetryPolicy";
    CHECK(read(words).app("billing") ==
          CallPolicy{.timeout = {}, .retry = CallRetry{.retries_max = 1}, .breaker = {}});
    words["targets.apps.quiet.circuitBreakerCacheSize"] = "100";
    CHECK(read(words).app("quiet") == CallPolicy{});
}

TEST_CASE("resiliency: durations are Go's, or milliseconds") {
    struct Row {
        std::string words;
        std::optional<std::int64_t> ms;
    };
    const auto row = GENERATE(values<Row>({
        {"5s", 5000},
        {"1m30s", 90'000},
        {"500ms", 500},
        {"500", 500},
        {"1", 1},
        {"1h", 3'600'000},
        {"60m", 3'600'000},
        {"3600000", 3'600'000},
        {"1.5s", 1500},
        {"0.25h", 900'000},
        {".5s", 500},
        {"1.s", 1000},
        {"1m0.001s", 60'001},
        {"2000us", 2},
        {"2000\u00b5s", 2},
        {"2000\u03bcs", 2},
        {"1000000ns", 1},
        {"0.5s500ms", 1000},
        {"000000000000005s", 5000},
        {"1.0000000000000000000000000000s", 1000},
        {"0", {}},
        {"0s", {}},
        {"1h1ms", {}},
        {"3600001", {}},
        {"1ns", {}},
        {"1.0005s", {}},
        {"", {}},
        {"s", {}},
        {".", {}},
        {".s", {}},
        {"5", 5},
        {"5x", {}},
        {"5 s", {}},
        {" 5s", {}},
        {"5s ", {}},
        {"5S", {}},
        {"1d", {}},
        {"-5s", {}},
        {"-5", {}},
        {"+5s", {}},
        {"5s3", {}},
        {"1.5", {}},
        {"1..5s", {}},
        {"1e3s", {}},
        {"true", {}},
        {"9223372036854775807", {}},
        {"9223372036854775808", {}},
        {"9223372036854775807h", {}},
        {"8784h8784h", {}},
    }));
    CAPTURE(row.words);
    CHECK(timeout_of(row.words) == row.ms);
}

TEST_CASE("resiliency: trips are failures in a row") {
    struct Row {
        std::string words;
        int failures_max;  ///< 0: refused
    };
    const auto row = GENERATE(values<Row>({
        {"consecutiveFailures > 5", 6},
        {"consecutiveFailures >= 5", 5},
        {"consecutiveFailures>5", 6},
        {"  consecutiveFailures  >=5  ", 5},
        {"consecutiveFailures > 0", 1},
        {"consecutiveFailures >= 1", 1},
        {"consecutiveFailures >= 1000000", 1'000'000},
        {"consecutiveFailures > 999999", 1'000'000},
        {"consecutiveFailures > 1000000", 0},
        {"consecutiveFailures >= 0", 0},
        {"consecutiveFailures > -1", 0},
        {"consecutiveFailures > 9223372036854775807", 0},
        {"consecutiveFailures == 5", 0},
        {"consecutiveFailures > = 5", 0},
        {"consecutiveFailures >> 5", 0},
        {"consecutiveFailures >", 0},
        {"consecutiveFailures", 0},
        {"consecutiveFailures > 5 || requests > 9", 0},
        {"totalFailures > 5", 0},
        {"5", 0},
        {"", 0},
    }));
    CAPTURE(row.words);
    const std::string key = "policies.circuitBreakers.DefaultCircuitBreakerPolicy.trip";
    const auto resiliency = Resiliency::read({{key, row.words}});
    REQUIRE(resiliency.has_value() == (row.failures_max > 0));
    if (resiliency) {
        CHECK(resiliency->app("any").breaker->failures_max == row.failures_max);
    } else {
        CHECK(resiliency.error().message ==
              key + ": found \"" + row.words +
                  "\"; accepted are consecutiveFailures > N and consecutiveFailures >= N, which "
                  "open after 1 to 1000000 failures in a row");
    }
}

TEST_CASE("resiliency: values outside of their bounds are refused on the whole key") {
    struct Row {
        std::string key;
        std::string value;
        bool accepted;
    };
    const std::string r = "policies.retries.r.";
    const std::string b = "policies.circuitBreakers.b.";
    const std::string codes = r + "matching.httpStatusCodes";
    const auto row = GENERATE_COPY(values<Row>({
        {r + "duration", "24h", true},
        {r + "duration", "1ms", true},
        {r + "duration", "24h1ms", false},
        {r + "duration", "0s", false},
        {r + "maxInterval", "24h", true},
        {r + "maxInterval", "86400001", false},
        {r + "maxRetries", "-1", true},
        {r + "maxRetries", "0", true},
        {r + "maxRetries", "1000000", true},
        {r + "maxRetries", "-2", false},
        {r + "maxRetries", "1000001", false},
        {r + "maxRetries", "3x", false},
        {r + "maxRetries", "", false},
        {r + "policy", "constant", true},
        {r + "policy", "linear", false},
        {codes, "100,599", true},
        {codes, "500-500", true},
        {codes, "99", false},
        {codes, "600", false},
        {codes, "599-500", false},
        {codes, "500-", false},
        {codes, "500-503-505", false},
        {codes, "429,,500", false},
        {codes, "", false},
        {codes, "5xx", false},
        {b + "maxRequests", "1", true},
        {b + "maxRequests", "0", false},
        {b + "interval", "0s", true},
        {b + "interval", "0", true},
        {b + "interval", "25h", false},
        {b + "timeout", "24h", true},
        {b + "timeout", "0s", false},
        {"targets.apps.a.circuitBreakerCacheSize", "1", true},
        {"targets.apps.a.circuitBreakerCacheSize", "0", false},
    }));
    CAPTURE(row.key, row.value);
    const auto resiliency = Resiliency::read({{row.key, row.value}});
    REQUIRE(resiliency.has_value() == row.accepted);
    if (resiliency) return;
    CHECK(resiliency.error().reason == taskd::core::Reason::invalid_argument);
    CHECK(resiliency.error().field == row.key);
    CHECK(resiliency.error().message.find("found \"" + row.value + "\"") != std::string::npos);
    CHECK(resiliency.error().message.find("accepted are") != std::string::npos);
}

TEST_CASE("resiliency: what is no word, or means nothing here, is refused") {
    struct Row {
        std::string key;
        std::string value;
        std::string part;  ///< of the message
        std::string hint;
    };
    const std::string sidecar = "inbound retries are the sidecar's (its own Resiliency resource)";
    const std::string none = "is no resiliency word";
    const auto row = GENERATE_COPY(values<Row>({
        {"targets.apps.shop.retry", "importnat",
         "accepted are names in policies.retries: important", "did you mean \"important\"?"},
        {"targets.apps.shop.timeout", "important", "accepted are names in policies.timeouts: fast",
         ""},
        {"targets.apps.shop.circuitBreaker", "", "accepted are names in policies.circuitBreakers",
         ""},
        {"targets.components.bus.outbound.retry", "slow", "found \"slow\"", ""},
        {"targets.components.bus.inbound.retry", "important", sidecar, ""},
        {"targets.components.bus.inbound.timeout", "fast", sidecar, ""},
        {"policies.retries.DefaultPubsubComponentInboundRetryPolicy.maxRetries", "3", sidecar, ""},
        {"policies.timeouts.DefaultComponentInboundTimeoutPolicy", "3s", sidecar, ""},
        {"policies.retries.r.matching.gRPCStatusCodes", "14", "taskd calls over HTTP only", ""},
        {"targets.actors.cart.timeout", "fast", "taskd calls no actors", ""},
        {"policies.retries.r.durration", "5s", none,
         "did you mean \"policies.retries.r.duration\"?"},
        {"policies.retries.r.matching.httpStatusCode", "429", none,
         "did you mean \"policies.retries.r.matching.httpStatusCodes\"?"},
        {"targets.components.my.bus.outbond.retry", "important", none,
         "did you mean \"targets.components.my.bus.outbound.retry\"?"},
        {"targets.apps.billing.prod.retrys", "important", none,
         "did you mean \"targets.apps.billing.prod.retry\"?"},
        {"targets.components.bus.retry", "important",
         "accepted are outbound.timeout, outbound.retry, outbound.circuitBreaker behind "
         "targets.components.<name>",
         ""},
        {"polices.timeouts.fast", "5s", none, "did you mean \"policies.timeouts.fast\"?"},
        {"targets.app.billing.retry", "important", none,
         "did you mean \"targets.apps.billing.retry\"?"},
        {"policies.retries.maxRetries", "3", none, ""},
        {"policies.retries.r.jitter", "3", none, ""},
        {"policies.timeouts", "5s", none, ""},
        {"policies.timeouts.", "5s", none, ""},
        {"targets.apps..retry", "important", none, ""},
        {"targets.apps", "x", none, ""},
        {"resiliency", "x", none, ""},
        {".", "x", none, ""},
        {"", "x", none, ""},
    }));
    CAPTURE(row.key, row.value);
    const auto resiliency = Resiliency::read(with(billing(), row.key, row.value));
    REQUIRE_FALSE(resiliency);
    CAPTURE(resiliency.error().message);
    CHECK(resiliency.error().field == row.key);
    CHECK(resiliency.error().message.find(row.part) != std::string::npos);
    if (!row.hint.empty()) CHECK(resiliency.error().hint == row.hint);
}

TEST_CASE("resiliency: at most 1000 words") {
    Words words;
    for (int i = 0; i < 1000; ++i) words["policies.timeouts.t" + std::to_string(i)] = "5s";
    CHECK(Resiliency::read(words));
    words["policies.timeouts.more"] = "5s";
    const auto refused = Resiliency::read(words);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().message ==
          "policies: found 1001 resiliency words; accepted are at most 1000");
}

TEST_CASE("resiliency: whatever is written, it is read or refused in few words") {
    const auto check = [](const std::string& key, const std::string& value) {
        const auto resiliency = Resiliency::read({{key, value}});
        if (!resiliency) REQUIRE(resiliency.error().message.size() < 2000);
    };
    const auto row = GENERATE(values<std::pair<std::string, std::string>>({
        {"policies.timeouts.fast", "1m30.5s"},
        {"policies.retries.r.matching.httpStatusCodes", "429,500-599"},
        {"policies.circuitBreakers.b.trip", "consecutiveFailures >= 5"},
        {"targets.components.bus.outbound.retry", "important"},
    }));
    for (const auto& value : taskd::test::hostile_inputs(row.second)) check(row.first, value);
    for (const auto& key : taskd::test::hostile_inputs(row.first)) check(key, row.second);
}
