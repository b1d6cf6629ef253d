// SPDX-License-Identifier: Apache-2.0
#include "ipc/dapr/paths.h"
#include "ipc/dapr/sidecar.h"

#include <catch2/catch.hpp>

#include <map>

namespace taskd::ipc::dapr {
namespace {

Environment environment(std::map<std::string, std::string> variables) {
    return [variables = std::move(variables)](const char* name) {
        const auto found = variables.find(name);
        return found == variables.end() ? std::string{} : found->second;
    };
}

TEST_CASE("the sidecar is the first that is named") {
    const std::map<std::string, std::string> all{
        {"DAPR_HTTP_ENDPOINT", "https://dapr.example:8443/base/"}, {"DAPR_HTTP_PORT", "3501"}};
    CHECK(to_text(*find_sidecar("http://localhost:1", environment(all))) == "http://localhost:1");
    CHECK(to_text(*find_sidecar("", environment(all))) == "https://dapr.example:8443/base");
    CHECK(to_text(*find_sidecar("", environment({{"DAPR_HTTP_PORT", "3501"}}))) ==
          "http://127.0.0.1:3501");
    CHECK(to_text(*find_sidecar("", environment({}))) == "http://127.0.0.1:3500");
    CHECK(find_sidecar("", environment({{"DAPR_API_TOKEN", "secret"}}))->token == "secret");
    CHECK(find_sidecar("http://x", environment(all))->port == 80);
    CHECK(find_sidecar("https://x", environment(all))->port == 443);
    CHECK(to_text(*find_sidecar("http://[::1]:3500", environment(all))) == "http://[::1]:3500");
    CHECK(find_sidecar("unix:/run/dapr-a-http.socket", environment(all))->socket ==
          "/run/dapr-a-http.socket");
}

TEST_CASE("an address that is none names what is wrong") {
    for (const std::string bad :
         {"localhost:3500", "ftp://x", "http://", "http://x:0", "http://x:65536", "http://x:12a",
          "http://u:p@x", "http://x/?a", "http://x\r\nA: b", "http://a b", "http://[::1",
          "unix:relative", "unix:"}) {
        CAPTURE(bad);
        const auto sidecar = find_sidecar(bad, environment({}));
        REQUIRE_FALSE(sidecar);
        CHECK(sidecar.error().field == "sidecar");
    }
    CHECK(find_sidecar("", environment({{"DAPR_HTTP_PORT", "x"}})).error().field ==
          "DAPR_HTTP_PORT");
    CHECK(find_sidecar("", environment({{"DAPR_HTTP_ENDPOINT", "x"}})).error().field ==
          "DAPR_HTTP_ENDPOINT");
    CHECK(find_sidecar("", environment({{"DAPR_API_TOKEN", "a\n"}})).error().field ==
          "DAPR_API_TOKEN");
}

TEST_CASE("a path reaches the app as it was meant") {
    struct Row {
        std::string app, method;
        QueryFields query;
        std::string path;
    };
    const auto row = GENERATE(values<Row>({
        {"billing", "api/v1/x", {}, "/v1.0/invoke/billing/method/api/v1/x"},
        {"billing", "/api/v1/x", {}, "/v1.0/invoke/billing/method/api/v1/x"},
        {"a.ns", "x", {}, "/v1.0/invoke/a.ns/method/x"},
        {"http://far:80", "x", {}, "/v1.0/invoke/http%3A%2F%2Ffar%3A80/method/x"},
        {"a", "x y", {}, "/v1.0/invoke/a/method/x%20y"},
        {"a", "x%20y", {}, "/v1.0/invoke/a/method/x%20y"},
        {"a", "caf\xC3\xA9", {}, "/v1.0/invoke/a/method/caf%C3%A9"},
        {"a", "x?b=1", {}, "/v1.0/invoke/a/method/x?b=1"},
        {"a", "x?b=1", {{"c", "2 3"}}, "/v1.0/invoke/a/method/x?b=1&c=2%203"},
        {"a", "x", {{"c", "a+b&d"}, {"e", ""}}, "/v1.0/invoke/a/method/x?c=a%2Bb%26d&e="},
    }));
    CAPTURE(row.method);
    CHECK(invoke_path(row.app, row.method, row.query).value() == row.path);
}

TEST_CASE("a path that would reach something else is refused") {
    for (const std::string bad : {"", "/", "x#y", "100%", "a%2Fb", "a%3Fb", "a%23b", "a%00b",
                                  "../v1.0/shutdown", "x/../y", "%2E%2e/y", "./x", "a\nb"}) {
        CAPTURE(bad);
        const auto path = invoke_path("app", bad, {});
        REQUIRE_FALSE(path);
        CHECK(path.error().field == "method");
    }
    CHECK(invoke_path("", "x", {}).error().field == "app");
    CHECK(invoke_path("a\tb", "x", {}).error().field == "app");
}

TEST_CASE("topics keep their slashes and plus signs") {
    CHECK(publish_path("bus", "a/b+c", PublishRoute::single, {{"metadata.ttlInSeconds", "60"}}) ==
          "/v1.0/publish/bus/a%2Fb%2Bc?metadata.ttlInSeconds=60");
    CHECK(publish_path("bus", "t", PublishRoute::bulk, {}) == "/v1.0/publish/bulk/bus/t");
    CHECK(publish_path("bus", "t", PublishRoute::bulk_alpha, {}) ==
          "/v1.0-alpha1/publish/bulk/bus/t");
    CHECK(publish_path("", "t", PublishRoute::single, {}).error().field == "pubsub");
    CHECK(publish_path("bus", "", PublishRoute::single, {}).error().field == "topic");
}

}  // namespace
}  // namespace taskd::ipc::dapr
