// SPDX-License-Identifier: Apache-2.0
// Who may ask: listen addresses, secrets, tokens, Host, Origin, peers; and whether the loop lives.
#include "daemon/http/http_access.h"

#include "daemon/http/http_listen.h"
#include "daemon/http/http_problem.h"
#include "daemon/pulse.h"
#include "daemon/secret.h"
#include "tests/support/manual_clock.h"
#include "tests/support/seeded_random.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>

#include <fstream>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

using namespace taskd;
using namespace std::chrono_literals;

namespace {

const std::string secret = "taskd_of_ada";

daemon::Token token(const std::string& user, const std::string& of, const std::string& scope,
                    std::optional<core::Timestamp> expires = {}) {
    return {core::UserId{user}, "id-" + of, of, daemon::sha256_hex(of), scope, {}, expires};
}

struct AccessFixture {
    test::ManualClock clock{core::Timestamp{1'000'000s}};
    daemon::TokenTable tokens{
        {token("ada", secret, "user"), token("ops", "taskd_of_ops", "service"),
         token("bob", "taskd_soon", "user", core::Timestamp{1'000'060s})},
        daemon::sha256_hex("the administrator's own secret, long"),
        core::UserId{"owner"}};
    daemon::HttpAccess access{{{"Tasks.Example"}, {"https://ci.example"}, false},
                              tokens,
                              [](uid_t uid) -> std::optional<daemon::Caller> {
                                  if (uid == 1000) return daemon::Caller{core::UserId{"ada"}};
                                  if (uid == 0) return daemon::Caller{core::UserId{"root"}, true};
                                  return {};
                              },
                              clock};

    static daemon::HttpJob job(std::vector<std::pair<std::string, std::string>> fields,
                               std::optional<uid_t> uid = {}) {
        daemon::HttpJob made;
        made.peer.uid = uid;
        made.request.fields = std::move(fields);
        return made;
    }
    [[nodiscard]] int admitted(const std::string& name, const std::string& value,
                               std::optional<uid_t> uid = {}) const {
        const auto result = access.admit(job({{name, value}}, uid));
        return result ? 200 : result.error().status;
    }
};

}  // namespace

TEST_CASE_METHOD(AccessFixture, "http: only names of this machine are answered to over TCP") {
    for (const char* host : {"localhost", "LocalHost:8377", "127.0.0.1", "127.0.0.1:1", "[::1]",
                             "[::1]:8377", "tasks.example", "TASKS.EXAMPLE:443"})
        CHECK(admitted("host", host) == 200);
    for (const char* host : {"evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "",
                             "localhost:", "localhost:x", "user@localhost", "[::1", "::1",
                             "0.0.0.0", "localhost, evil.example"}) {
        CAPTURE(host);
        CHECK(admitted("host", host) == 421);
        CHECK(admitted("host", host, 1000) == 200);
    }
}

TEST_CASE_METHOD(AccessFixture, "http: a page of another origin is refused, on a Unix socket too") {
    CHECK(admitted("origin", "https://ci.example") == 200);
    for (const char* origin : {"https://evil.example", "null", "", "http://localhost:8377",
                               "https://ci.example.evil.example", "http://ci.example"}) {
        CHECK(admitted("origin", origin) == 403);
        CHECK(admitted("origin", origin, 1000) == 403);
    }
    const auto two =
        access.admit(job({{"origin", "https://ci.example"}, {"origin", "https://evil.example"}}));
    CHECK_FALSE(two.has_value());
}

TEST_CASE_METHOD(AccessFixture, "http: a token names its user, whatever the peer's uid is") {
    const auto who = [&](const std::string& authorization, std::optional<uid_t> uid = {}) {
        const auto caller = access.identify(job({{"authorization", authorization}}, uid));
        return caller ? caller->user.str() : std::to_string(caller.error().status);
    };
    CHECK(who("Bearer " + secret) == "ada");
    CHECK(who("bEARER  " + secret) == "ada");
    CHECK(who("Bearer " + secret, 0) == "ada");
    CHECK(who("Bearer taskd_of_ops") == "ops");
    CHECK(who("Bearer the administrator's own secret, long") == "owner");
    for (const std::string& wrong :
         {std::string("Bearer"), std::string("Bearer "), std::string("Basic YWRhOg=="),
          "Bearer " + secret + "x", "Bearer " + secret.substr(1), secret,
          "Bearer " + daemon::sha256_hex(secret)}) {
        CAPTURE(wrong);
        CHECK(who(wrong) == "401");
        // A wrong token doesn't fall back to who is at the other end.
        CHECK(who(wrong, 1000) == "401");
    }
    CHECK(access.identify(job({{"authorization", "Bearer " + secret}, {"authorization", "x"}}))
              .error()
              .status == 400);
}

TEST_CASE_METHOD(AccessFixture, "http: without a token the kernel's word counts, and on TCP none") {
    CHECK(access.identify(job({}, 1000))->user.str() == "ada");
    CHECK_FALSE(access.identify(job({}, 1000))->is_operator);
    CHECK(access.identify(job({}, 0))->is_operator);
    CHECK(access.identify(job({}, 4242)).error().status == 401);
    const auto nobody = access.identify(job({}));
    REQUIRE_FALSE(nobody.has_value());
    CHECK(nobody.error().status == 401);
    CHECK(nobody.error().fields.at(0).first == "WWW-Authenticate");
}

TEST_CASE_METHOD(AccessFixture, "http: what a token may do goes by its scope") {
    const auto user = tokens.find(secret, clock.now());
    CHECK_FALSE(user->may_name_users);
    CHECK_FALSE(user->is_operator);
    CHECK(user->by_token);
    const auto service = tokens.find("taskd_of_ops", clock.now());
    CHECK(service->may_name_users);
    CHECK_FALSE(service->is_operator);

    const auto metrics = [&](const daemon::HttpJob& what) {
        const auto result = access.may_read_metrics(what);
        return result ? 200 : result.error().status;
    };
    CHECK(metrics(job({{"authorization", "Bearer taskd_of_ops"}})) == 200);
    CHECK(metrics(job({{"authorization", "Bearer " + secret}})) == 403);
    CHECK(metrics(job({}, 0)) == 200);
    CHECK(metrics(job({}, 1000)) == 403);
    CHECK(metrics(job({})) == 401);
    // Public is for this machine: from elsewhere it takes a token all the same.
    const daemon::HttpAccess open(
        {{}, {}, true}, tokens, [](uid_t) { return std::nullopt; }, clock);
    CHECK(open.may_read_metrics(job({})).has_value());
    auto remote = job({});
    remote.peer.is_loopback = false;
    CHECK_FALSE(open.may_read_metrics(remote).has_value());
}

TEST_CASE_METHOD(AccessFixture, "http: a token works until the instant it expires, or is revoked") {
    CHECK(tokens.find("taskd_soon", core::Timestamp{1'000'059'999ms}).has_value());
    CHECK_FALSE(tokens.find("taskd_soon", core::Timestamp{1'000'060s}).has_value());
    tokens.apply({{token("ada", secret, "user"), true}, {token("eve", "new", "user"), false}},
                 core::Timestamp{});
    CHECK_FALSE(tokens.find(secret, clock.now()).has_value());
    CHECK(tokens.find("new", clock.now())->user.str() == "eve");
    CHECK(tokens.size() == 3);
    tokens.apply({{token("ada", secret, "user"), true}},
                 core::Timestamp{});  // once more changes nothing
    CHECK(tokens.size() == 3);
}

TEST_CASE("secrets: hashed as the standard says, compared whole, different each time") {
    CHECK(daemon::sha256_hex("abc") ==  // FIPS 180-4 example
          "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    CHECK(daemon::equal_secrets("abc", "abc"));
    CHECK_FALSE(daemon::equal_secrets("abc", "abd"));
    CHECK_FALSE(daemon::equal_secrets("abc", "ab"));
    test::SeededRandom random(1);
    const auto one = daemon::make_token_secret(random);
    CHECK(one.size() == 6 + 43);  // 32 bytes in base64url without padding (RFC 4648 section 5)
    CHECK(
        one.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") ==
        std::string::npos);
    CHECK(one != daemon::make_token_secret(random));
}

TEST_CASE("secrets: a file is read only if nobody else can, and if it holds one") {
    test::TempDir directory;
    const std::string path = directory.path() + "/token";
    const auto read = [&](const std::string& text, mode_t mode) {
        std::ofstream(path, std::ios::trunc) << text;
        REQUIRE(chmod(path.c_str(), mode) == 0);
        return daemon::read_secret_file("http.token_file", path);
    };
    const std::string least(daemon::secret_file_bytes_min, 'x');
    CHECK(read(least + "\n", 0600).value() == least);
    CHECK(read(least + "\r\n", 0400).value() == least);
    CHECK(read(std::string(daemon::secret_file_bytes_max, 'x'), 0600).has_value());
    CHECK(read(std::string(daemon::secret_file_bytes_max + 1, 'x'), 0600).error().reason ==
          core::Reason::invalid_argument);
    CHECK(read(least.substr(1), 0600).error().message.find("32 to 4096") != std::string::npos);
    CHECK(read(least + " x", 0600).error().reason == core::Reason::invalid_argument);
    CHECK(read(least + "\n" + least, 0600).error().reason == core::Reason::invalid_argument);
    for (const mode_t mode : {0640U, 0604U, 0620U, 0610U, 0666U})
        CHECK(read(least, mode).error().reason == core::Reason::failed_precondition);
    CHECK(daemon::read_secret_file("k", directory.path()).error().reason ==
          core::Reason::failed_precondition);
    CHECK(daemon::read_secret_file("k", path + "x").error().reason == core::Reason::unavailable);
}

TEST_CASE("http.listen: addresses are numbers of this machine unless remote is allowed") {
    const auto good = daemon::parse_listen("127.0.0.1:8377, [::1]:0,unix:/run/x.sock", false);
    REQUIRE(good.has_value());
    REQUIRE(good->size() == 3);
    CHECK(good->at(0).port == 8377);
    CHECK(good->at(1).is_ipv6);
    CHECK(good->at(2).path == "/run/x.sock");
    for (const char* remote : {"0.0.0.0:1", "10.0.0.1:1", "[::]:1", "[2001:db8::1]:1",
                               "[::ffff:10.0.0.1]:1", "128.0.0.1:1"}) {
        CAPTURE(remote);
        CHECK(daemon::parse_listen(remote, false).error().hint.find("http.allow_remote") !=
              std::string::npos);
        REQUIRE(daemon::parse_listen(remote, true).has_value());
        CHECK_FALSE(daemon::parse_listen(remote, true)->at(0).is_loopback);
    }
    for (const char* wrong : {"8377", ":8377", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536",
                              "127.0.0.1:-1", "127.0.0.1:1x", "::1:80", "[::1]", "[x]:1", "host:1",
                              "unix:", "unix:relative", "127.0.0.1:1,,", "127.1:80"}) {
        CAPTURE(wrong);
        CHECK_FALSE(daemon::parse_listen(wrong, true).has_value());
    }
    const std::string longest = "unix:/" + std::string(106, 'x');
    CHECK(daemon::parse_listen(longest, false).has_value());
    CHECK_FALSE(daemon::parse_listen(longest + "x", false).has_value());
    std::string many = "127.0.0.1:1";
    for (std::size_t i = 1; i < daemon::http_listeners_max; ++i) many += ",127.0.0.1:1";
    CHECK(daemon::parse_listen(many, false).has_value());
    CHECK_FALSE(daemon::parse_listen(many + ",127.0.0.1:1", false).has_value());
}

TEST_CASE("http.listen: a Unix socket is replaced when stale, never taken from who listens") {
    test::TempDir directory;
    const std::string path = directory.path() + "/http.sock";
    const auto address = daemon::parse_listen("unix:" + path, false)->at(0);
    const auto mode = [&] {
        struct stat status {};
        return lstat(path.c_str(), &status) == 0 ? static_cast<int>(status.st_mode & 0777U) : -1;
    };
    {
        const auto first = daemon::Listener::open(address, false);
        REQUIRE(first.has_value());
        CHECK(mode() == 0600);
        const auto second = daemon::Listener::open(address, false);
        REQUIRE_FALSE(second.has_value());
        CHECK(second.error().field == "http.listen");
        CHECK(second.error().message.find("another taskd (pid ") != std::string::npos);
    }
    CHECK(mode() == -1);
    CHECK(mode() == -1);  // and gone with its owner

    // Left by kill -9: bound by nobody any more.
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    path.copy(name.sun_path, sizeof name.sun_path - 1);
    const auto make = [&] {
        daemon::UniqueFd fd(socket(AF_UNIX, SOCK_STREAM, 0));
        REQUIRE(bind(fd.get(), reinterpret_cast<sockaddr*>(&name), sizeof name) == 0);
        return fd;
    };
    make().reset();
    CHECK(daemon::Listener::open(address, true).has_value());
    // Somebody else's, alive, though it knows nothing of our lock.
    auto other = make();
    REQUIRE(listen(other.get(), 1) == 0);
    CHECK(daemon::Listener::open(address, false).error().message.find("another process") !=
          std::string::npos);
    CHECK(mode() != -1);
    other.reset();
    unlink(path.c_str());
    std::ofstream(path) << "a file of somebody's";
    CHECK(daemon::Listener::open(address, false).error().message.find("no socket") !=
          std::string::npos);
    CHECK(mode() != -1);
}

TEST_CASE("the pulse: a loop that is busy too long, a store that refuses, a stop are not ready") {
    daemon::Pulse pulse;
    CHECK(pulse.not_ready(1h).empty());  // asleep: nothing to do is no failure
    pulse.wakes(1000ms);
    CHECK(pulse.not_ready(1000ms + daemon::Pulse::turn_max).empty());
    CHECK_FALSE(pulse.not_ready(1001ms + daemon::Pulse::turn_max).empty());
    pulse.sleeps();
    CHECK(pulse.not_ready(1h).empty());
    pulse.asked(1000ms);
    pulse.asked(9000ms);  // the first one counts
    CHECK_FALSE(pulse.not_ready(1001ms + daemon::Pulse::turn_max).empty());
    pulse.wakes(2h);
    pulse.sleeps();
    CHECK(pulse.not_ready(3h).empty());
    pulse.store_error("the disk is full");
    CHECK(pulse.not_ready(3h) == "the disk is full");
    pulse.store_error("");
    CHECK(pulse.not_ready(3h).empty());
    pulse.stops();
    CHECK(pulse.not_ready(3h) == "taskd is stopping");
}

TEST_CASE("problem details carry the status, and no byte of the request can break them") {
    const std::string text = daemon::problem_response({418, "\xff\"\r\n", {{"Retry-After", "1"}}});
    CHECK(text.rfind("HTTP/1.1 418 ", 0) == 0);
    CHECK(text.find("Content-Type: application/problem+json\r\n") != std::string::npos);
    CHECK(text.find("Retry-After: 1\r\n") != std::string::npos);
    CHECK(text.find("\\r\\n") != std::string::npos);
}
