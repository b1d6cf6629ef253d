// SPDX-License-Identifier: Apache-2.0
// Which addresses a webhook may reach, what it sends, and what becomes of it with a real web
// server.
#include "daemon/outbound/webhook.h"

#include "core/text.h"
#include "daemon/outbound/webhook_settings.h"
#include "daemon/unique_fd.h"
#include "tests/support/child.h"
#include "tests/support/closed_port.h"
#include "tests/support/hostile.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <future>
#include <netinet/in.h>
#include <optional>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <vector>

using namespace taskd;
using namespace std::chrono_literals;
using namespace std::string_literals;
using daemon::NetworkRules;
using daemon::WebClient;
using daemon::WebRequest;
using nlohmann::json;

namespace {

const std::atomic<bool> going{false};
const std::string key = "0123456789abcdefghijklmn";  // 24 bytes
const std::string key_hex = "303132333435363738396162636465666768696a6b6c6d6e";

NetworkRules rules_of(const std::string& text) {
    const auto rules = NetworkRules::parse("webhook.networks", text);
    REQUIRE(rules);
    return *rules;
}

sockaddr_storage address_of(const std::string& text) {
    sockaddr_storage address{};
    auto& v4 = reinterpret_cast<sockaddr_in&>(address);
    auto& v6 = reinterpret_cast<sockaddr_in6&>(address);
    const bool is_ipv4 = text.find(':') == std::string::npos;
    address.ss_family = is_ipv4 ? AF_INET : AF_INET6;
    void* const bytes = is_ipv4 ? static_cast<void*>(&v4.sin_addr) : &v6.sin6_addr;
    REQUIRE(inet_pton(address.ss_family, text.c_str(), bytes) == 1);
    return address;
}

bool allows(const NetworkRules& rules, const std::string& text) {
    const auto address = address_of(text);
    return rules.allows(reinterpret_cast<const sockaddr&>(address));
}

WebClient local_client() {
    return {rules_of("127.0.0.1"), ""};
}

WebRequest some_request(std::string url) {
    WebRequest request;
    request.url = std::move(url);
    request.id = "018f3c2e-7b1d-7c3a-9d50-2f6f0a1b2c3d";
    request.now = core::Timestamp{1'795'509'000'999ms};  // 2026-11-24T08:30:00.999Z
    request.timeout = 60s;
    return request;
}

/// tests/support/web_server.py as a child; it ends with this object, or with this process.
class WebServer {
public:
    explicit WebServer(const std::vector<std::string>& flags = {})
        : child_(command(flags)), port_(child_.read_line()) {}

    [[nodiscard]] const std::string& port() const { return port_; }
    [[nodiscard]] std::string url(const std::string& path) const {
        return "http://127.0.0.1:" + port_ + path;
    }

    /// Those that it has read whole.
    [[nodiscard]] std::vector<json> requests() const {
        std::vector<json> all;
        std::ifstream lines(file());
        for (std::string line; std::getline(lines, line);) all.push_back(json::parse(line));
        return all;
    }

    void wait_for_request() { REQUIRE(child_.read_line() == "request"); }

private:
    [[nodiscard]] std::string file() const { return directory_.path() + "/requests"; }

    [[nodiscard]] std::vector<std::string> command(const std::vector<std::string>& flags) const {
        std::vector<std::string> words{
            "/usr/bin/python3", "-B",     TASKD_TEST_DATA "/../support/web_server.py",
            "--until-eof",      "--file", file()};
        words.insert(words.end(), flags.begin(), flags.end());
        return words;
    }

    test::TempDir directory_;
    test::Child child_;
    std::string port_;
};

/// What comes of an answer with these bytes.
core::Outcome outcome_of(const WebServer& server, const std::string& answer) {
    auto request = some_request(server.url("/echo"));
    request.body = answer;
    return daemon::send_webhook(request, local_client(), going);
}

std::string answer_with(const std::string& status, const std::string& headers = "",
                        const std::string& body = "") {
    return "HTTP/1.1 " + status + "\r\n" + headers +
           "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

/// An authority, and servers' keys with certificates of it: ca.pem, NAME.pem.
class Certificates {
public:
    Certificates() {
        run("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "
            "/CN=authority -keyout ca.key -out ca.pem");
    }
    [[nodiscard]] std::string authority() const { return directory_.path() + "/ca.pem"; }
    [[nodiscard]] std::string server(const std::string& name, const std::string& alternative) {
        run("openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=server "
            "-keyout " +
            name + ".key -out " + name + ".csr");
        std::ofstream(directory_.path() + "/" + name + ".ext")
            << "subjectAltName=" << alternative << "\n";
        run("openssl x509 -req -in " + name + ".csr -CA ca.pem -CAkey ca.key -CAcreateserial " +
            "-days 2 -extfile " + name + ".ext -out " + name + ".crt");
        run("cat " + name + ".crt " + name + ".key >" + name + ".pem");
        return directory_.path() + "/" + name + ".pem";
    }

private:
    void run(const std::string& command) const {
        const std::string whole = "cd '" + directory_.path() + "' && " + command + " 2>>log";
        REQUIRE(std::system(whole.c_str()) == 0);
    }
    test::TempDir directory_;
};

/// A variable of the environment that has another value for a while.
class Variable {
public:
    Variable(const char* name, const std::string& value) : name_(name) {
        if (const char* old = std::getenv(name)) old_ = old;
        setenv(name, value.c_str(), 1);
    }
    Variable(const Variable&) = delete;
    Variable& operator=(const Variable&) = delete;
    ~Variable() {
        if (old_)
            setenv(name_, old_->c_str(), 1);
        else
            unsetenv(name_);
    }

private:
    const char* name_;
    std::optional<std::string> old_;
};

bool is_clean(const std::string& text) {
    std::string flat = text;
    std::replace(flat.begin(), flat.end(), '\n', ' ');
    std::replace(flat.begin(), flat.end(), '\t', ' ');
    return core::is_utf8(text) && !core::has_control(flat);
}

}  // namespace

TEST_CASE("network rules: who is allowed") {
    struct Row {
        std::string rules;
        std::vector<std::string> allowed;
        std::vector<std::string> refused;
    };
    const auto row = GENERATE(values<Row>({
        {"any",
         {"0.0.0.0", "127.0.0.1", "8.8.8.8", "255.255.255.255", "::", "::1", "fe80::1",
          "64:ff9b::7f00:1", "::ffff:127.0.0.1", "ffff::"},
         {}},
        {"10.0.0.0/8",
         {"10.0.0.0", "10.255.255.255", "::ffff:10.1.2.3", "64:ff9b::10.1.2.3"},
         {"9.255.255.255", "11.0.0.0", "::10.1.2.3", "a00::", "a01:203::", "2002:a01:203::1"}},
        {"0.0.0.0/0", {"0.0.0.0", "255.255.255.255", "::ffff:1.2.3.4"}, {"::", "::1", "2600::1"}},
        {"::/0",
         {"::", "::1", "2600::1", "ffff::", "::127.0.0.1", "::fffe:ffff:1"},
         {"127.0.0.1", "::ffff:127.0.0.1", "64:ff9b::127.0.0.1"}},
        {"127.0.0.1", {"127.0.0.1", "::ffff:7f00:1"}, {"127.0.0.0", "127.0.0.2", "::1"}},
        {"::1", {"::1"}, {"::", "::2", "127.0.0.1"}},
        {"fd00::/8", {"fd00::", "fdff:ffff::1"}, {"fc00::", "fe00::"}},
        {"172.16.0.0/12", {"172.16.0.0", "172.31.255.255"}, {"172.15.255.255", "172.32.0.0"}},
        {"2001:db8:8000::/33", {"2001:db8:8000::", "2001:db8:ffff::"}, {"2001:db8:7fff::"}},
        {" 10.0.0.0/8,fd00::/8 ,\t192.168.1.1\n",
         {"10.1.1.1", "fd12::", "192.168.1.1"},
         {"192.168.1.2", "8.8.8.8"}},
        {"public,10.0.0.1", {"8.8.8.8", "10.0.0.1"}, {"10.0.0.2", "127.0.0.1"}},
        {"any 10.0.0.1", {"127.0.0.1"}, {}},
    }));
    CAPTURE(row.rules);
    const auto rules = rules_of(row.rules);
    for (const auto& address : row.allowed) {
        CAPTURE(address);
        CHECK(allows(rules, address));
    }
    for (const auto& address : row.refused) {
        CAPTURE(address);
        CHECK_FALSE(allows(rules, address));
    }
    CHECK_FALSE(allows(NetworkRules{}, "8.8.8.8"));
}

TEST_CASE("network rules: public is what can be reached from everywhere") {
    const auto rules = rules_of("public");
    // First and last of each block, and its neighbours where those are public.
    for (const char* address :
         {"0.0.0.0", "0.255.255.255", "10.0.0.0", "10.255.255.255", "100.64.0.0", "100.127.255.255",
          "127.0.0.0", "127.255.255.255", "169.254.0.0", "169.254.169.254", "169.254.255.255",
          "172.16.0.0", "172.31.255.255", "192.0.0.0", "192.0.0.255", "192.0.2.0", "192.0.2.255",
          "192.88.99.0", "192.88.99.255", "192.168.0.0", "192.168.255.255", "198.18.0.0",
          "198.19.255.255", "198.51.100.0", "198.51.100.255", "203.0.113.0", "203.0.113.255",
          "224.0.0.0", "239.255.255.255", "240.0.0.0", "255.255.255.255",
          // IPv6 that is special, or not given to anyone.
          "::", "::1", "::7f00:1", "::808:808", "64:ff9b:1::808:808", "100::1",
          "1fff:ffff::", "2001::1", "2001:0:808:808::", "2001:2::1", "2001:10::1", "2001:20::1",
          "2001:1ff:ffff::", "2001:db8::", "2001:db8:ffff::", "2002::", "2002:808:808::1",
          "2002:ffff::", "3fff::", "3fff:fff::", "4000::", "5f00::1", "fc00::", "fdff::1",
          "fe80::1", "fec0::1", "ff02::1", "ffff::",
          // As what they embed.
          "::ffff:127.0.0.1", "::ffff:10.1.2.3", "::ffff:0.0.0.0", "64:ff9b::127.0.0.1",
          "64:ff9b::169.254.169.254", "64:ff9b::192.168.1.1"}) {
        CAPTURE(address);
        CHECK_FALSE(allows(rules, address));
    }
    for (const char* address :
         {"1.0.0.0",         "9.255.255.255",   "11.0.0.0",        "100.63.255.255",
          "100.128.0.0",     "126.255.255.255", "128.0.0.0",       "169.253.255.255",
          "169.255.0.0",     "172.15.255.255",  "172.32.0.0",      "191.255.255.255",
          "192.0.1.0",       "192.0.3.0",       "192.88.98.255",   "192.88.100.0",
          "192.167.255.255", "192.169.0.0",     "198.17.255.255",  "198.20.0.0",
          "198.51.99.255",   "198.51.101.0",    "203.0.112.255",   "203.0.114.0",
          "223.255.255.255", "2000::",          "2001:200::",      "2001:db7:ffff::",
          "2001:db9::",      "2003::",          "2606:4700::1",    "3ffe:ffff::",
          "3fff:1000::",     "::ffff:8.8.8.8",  "64:ff9b::8.8.8.8"}) {
        CAPTURE(address);
        CHECK(allows(rules, address));
    }
    sockaddr_un local{};
    local.sun_family = AF_UNIX;
    CHECK_FALSE(rules_of("any").allows(reinterpret_cast<const sockaddr&>(local)));
}

TEST_CASE("network rules: what is no rule is told") {
    for (const auto& bad : {""s,
                            " "s,
                            ", ,"s,
                            "Any"s,
                            "private"s,
                            "none"s,
                            "localhost"s,
                            "10.0.0.0/33"s,
                            "10.0.0.0/-1"s,
                            "10.0.0.0/+8"s,
                            "10.0.0.0/"s,
                            "10.0.0.0/8/8"s,
                            "10.0.0.0/8x"s,
                            "10.0.0.0/99999999999999999999"s,
                            "10.0.0.1/8"s,
                            "10.0.0"s,
                            "10"s,
                            "010.0.0.0"s,
                            "0x0a.0.0.0"s,
                            "10.0.0.0.0"s,
                            "256.0.0.0"s,
                            "/8"s,
                            "::/129"s,
                            "fd00::1/8"s,
                            "fd00:::/8"s,
                            "[::1]"s,
                            "fe80::1%eth0"s,
                            "::ffff:10.0.0.0/104"s,
                            "::ffff:0:0/96"s,
                            "64:ff9b::/96"s,
                            "64:ff9b::10.0.0.1"s,
                            "10.0.0.0\0/8"s,
                            "10.0.0.0/8 \x1b[31m"s,
                            "public; any"s}) {
        CAPTURE(bad);
        const auto rules = NetworkRules::parse("webhook.networks", bad);
        REQUIRE_FALSE(rules);
        CHECK(rules.error().reason == core::Reason::invalid_argument);
        CHECK(rules.error().field == "webhook.networks");
        CHECK_FALSE(core::has_control(rules.error().message));
    }
    const auto message = [](const std::string& text) {
        const auto rules = NetworkRules::parse("webhook.networks", text);
        return rules.error().message;
    };
    CHECK(message("10.0.0.1/8") ==
          "webhook.networks: \"10.0.0.1/8\" has an address with more bits than its prefix; use "
          "any, public or networks such as 10.0.0.0/8 and fd00::/8");
    CHECK(
        message("") ==
        "webhook.networks: is empty; use any, public or networks such as 10.0.0.0/8 and fd00::/8");
    std::string many = "any";
    for (std::size_t i = 1; i < NetworkRules::words_max; ++i) many += ",any";
    CHECK(NetworkRules::parse("webhook.networks", many));
    CHECK(message(many + ",any") == "webhook.networks: 101 words are more than 100");
    for (const auto& text : test::hostile_inputs("public, 10.0.0.0/8 fd00::/8")) {
        const auto rules = NetworkRules::parse("webhook.networks", text);
        if (!rules) CHECK(rules.error().message.size() < 500);
    }
}

TEST_CASE("webhook: a URL has a host and no secrets") {
    const std::string longest =
        "https://a/" + std::string(daemon::webhook_url_bytes_max - std::strlen("https://a/"), 'x');
    for (const auto& good :
         {"http://localhost"s, "https://example.org/hook"s, "HTTPS://example.org:8443/a/b?c=d&e"s,
          "http://127.0.0.1:1"s, "http://[::1]:65535/"s, "https://example.org/@ada/x"s,
          "https://example.org/?to=ada@example.org"s, "https://xn--bcher-kva.example/%20"s,
          longest}) {
        CAPTURE(good);
        CHECK(daemon::check_webhook_url("url", good));
    }
    for (const auto& bad : {""s,
                            "example.org"s,
                            "example.org/hook"s,
                            "//example.org"s,
                            "http:example.org"s,
                            "http:/example.org"s,
                            "http:///example.org"s,
                            "http://"s,
                            "http://?a"s,
                            "http://:80"s,
                            "ftp://example.org"s,
                            "file:///etc/passwd"s,
                            "gopher://a"s,
                            "unix:///run/x"s,
                            "javascript://a"s,
                            "http+unix://a"s,
                            " http://a"s,
                            "http://a "s,
                            "http://a b"s,
                            "http://a/\r\nX: y"s,
                            "http://a/\tb"s,
                            "http://a\0b"s,
                            "http://a/\x7f"s,
                            "http://\xc3\xa4.org"s,
                            "http://a/\xc3\xa4"s,
                            "http://a:0"s,
                            "http://a:65536"s,
                            "http://a:x"s,
                            "http://a:-1"s,
                            "http://[::1"s,
                            "http://a%0d%0ab/"s,
                            "http://a/#b"s,
                            "http://a#b"s,
                            "http://u:secret@a"s,
                            "http://secret@a"s,
                            "http://@a"s,
                            "http://u:secret@"s,
                            "http://u:secret@a b"s,
                            "ftp://u:secret@a"s,
                            "http:/u:secret@a"s,
                            "http://a\\u:secret@b"s,
                            longest + "x",
                            "http://u:secret@" + longest}) {
        CAPTURE(bad);
        const auto checked = daemon::check_webhook_url("url", bad);
        REQUIRE_FALSE(checked);
        CHECK(checked.error().reason == core::Reason::invalid_argument);
        CHECK(checked.error().field == "url");
        CHECK_FALSE(core::has_control(checked.error().message));
        CHECK(checked.error().message.find("secret") == std::string::npos);
        CHECK(checked.error().message.size() < 500);
        const auto outcome = daemon::send_webhook(some_request(bad), local_client(), going);
        CHECK_FALSE(outcome.succeeded);
        CHECK_FALSE(outcome.retryable);
        CHECK(outcome.result.find("secret") == std::string::npos);
    }
    CHECK(daemon::check_webhook_url("url", "http://a/#b").error().message ==
          "url: \"http://a/#b\" has a fragment (#...), which is never sent; use one such as "
          "https://example.org/hook");
    for (const auto& text : test::hostile_inputs("https://example.org:8443/a?b=%20"))
        if (const auto checked = daemon::check_webhook_url("url", text); !checked)
            CHECK(checked.error().message.size() < 500);
}

TEST_CASE("webhook: a header of the user's own can't be another, or ours") {
    const auto check = [](const std::string& name, const std::string& value) {
        return daemon::check_webhook_header("headers", name, value);
    };
    CHECK(check("Authorization", "Bearer a.b-c_d=="));
    CHECK(check("X-1", ""));
    CHECK(check("content-type", "text/plain; charset=\"utf-8\"\t"));
    CHECK(check(std::string(100, 'x'), std::string(4096, 'x')));
    for (const auto& name : {""s, "a b"s, " a"s, "a "s, "a:"s, "a;"s, "a\r\nb"s, "a\0b"s,
                             "\xc3\xa4"s, "a\"b"s, "a/b"s, std::string(101, 'x')}) {
        CAPTURE(name);
        const auto checked = check(name, "x");
        REQUIRE_FALSE(checked);
        CHECK(checked.error().field == "headers");
        CHECK_FALSE(core::has_control(checked.error().message));
    }
    for (const auto& value :
         {"secret\r\nX-Evil: 1"s, "secret\n"s, "\rsecret"s, "secret\0"s, "secret\x7f"s,
          "secret\x1b"s, "secret\xc3\xa4"s, "secret" + std::string(4091, 'x')}) {
        const auto checked = check("Authorization", value);
        REQUIRE_FALSE(checked);
        CHECK(checked.error().message.find("secret") == std::string::npos);
    }
    for (const char* name :
         {"Host", "content-length", "Transfer-Encoding", "CONNECTION", "Expect", "Upgrade", "TE",
          "Trailer", "Keep-Alive", "Proxy-Connection", "User-Agent", "Idempotency-Key",
          "webhook-id", "Webhook-Signature", "webhook-timestamp", "webhook-anything"}) {
        CAPTURE(name);
        CHECK_FALSE(check(name, "x"));
    }
}

TEST_CASE("webhook: a secret is base64 with its prefix, or the key itself") {
    const auto read = [](const std::string& text) {
        return daemon::read_webhook_secret("secret", text);
    };
    CHECK(*read("whsec_MDEyMzQ1Njc4OWFiY2RlZmdoaWprbG1u") == key);
    CHECK(*read("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGA==") ==
          "\0\1\2\3\4\5\6\7\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18"s);
    std::string aaaa;
    for (int i = 0; i < 21; ++i) aaaa += "AAAA";  // 63 zeros
    CHECK(*read("whsec_" + aaaa + "AA==") == std::string(64, '\0'));
    CHECK(*read("0123456789abcdef") == "0123456789abcdef");
    CHECK(*read(std::string(256, '~')) == std::string(256, '~'));
    for (const auto& bad : {""s,
                            "secret"s,
                            "0123456789abcde"s,
                            std::string(257, 'x'),
                            "0123456789 abcdef"s,
                            "0123456789\nabcdef"s,
                            "0123456789\0abcdef"s,
                            "0123456789abcdef\xc3\xa4"s,
                            "whsec_"s,
                            "whsec_MDEyMzQ1Njc4OWFiY2RlZmdoaWprbG0="s,  // 23 bytes
                            "whsec_" + aaaa + "AAA=",                   // 65
                            "whsec_MDEyMzQ1Njc4OWFiY2RlZmdoaWprbG1u\n"s,
                            " whsec_MDEyMzQ1Njc4OWFiY2RlZmdoaWprbG1u"s,
                            "whsec_MDEyMzQ1Njc4OWFiY2RlZmdoaWprbG1ub"s,
                            "whsec_MDEyMzQ1Njc4OWFiY2RlZmdoaWprbG1uMQ"s,    // no padding
                            "whsec_MDEyMzQ1Njc4OWFiY2RlZmdoaWprbG1uMR=="s,  // bits left over
                            "whsec_MDEyMzQ1Njc4OWFiY2RlZmdoaWprbG1u===="s,
                            "whsec_MDEyMzQ1Njc4OWFi====Y2RlZmdoaWprbG1u"s,
                            "whsec_MDEyMzQ1Njc4OWFi Y2RlZmdoaWprbG1u"s,
                            "whsec_MDEyMzQ1Njc4OWFiY2RlZmdoaWprbG1-"s,
                            "whsec_" + std::string(100'000, 'A')}) {
        CAPTURE(bad);
        const auto secret = read(bad);
        REQUIRE_FALSE(secret);
        CHECK(secret.error().field == "secret");
        CHECK(secret.error().message.find("MDEy") == std::string::npos);
        CHECK(secret.error().message.size() < 200);
    }
    for (const auto& text : test::hostile_inputs("whsec_MDEyMzQ1Njc4OWFiY2RlZmdoaWprbG1u"))
        (void)read(text);
}

TEST_CASE("webhook: the signature is that of Standard Webhooks") {
    // From the tests of its reference libraries.
    const auto secret =
        daemon::read_webhook_secret("secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    REQUIRE(secret);
    CHECK(daemon::webhook_signature(*secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330,
                                    "{\"test\": 2432232314}") ==
          "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    // printf 'a.-1.\0\377' | openssl dgst -sha256 -mac hmac -macopt hexkey:00ff -binary | base64
    CHECK(daemon::webhook_signature("\0\xff"s, "a", -1, "\0\xff"s) ==
          "v1,CcN884/8XFj8I4+i8m8tBVFZ+++H0mTspQ+4ISaLYFs=");
}

TEST_CASE("webhook: the request is all that is sent, byte for byte") {
    const WebServer server({"--secret", key_hex});
    auto request = some_request(server.url("/close?a=b&c=%20"));
    request.headers = {{"Content-Type", "application/cloudevents+json"},
                       {"Authorization", "Bearer t0ken"},
                       {"X-Empty", " "}};
    request.body = "{\"a\": \"\xc3\xa4\0\xff\r\n\"}"s;
    const std::string start = "POST /close?a=b&c=%20 HTTP/1.1\r\nHost: 127.0.0.1:" + server.port() +
                              "\r\nUser-Agent: taskd\r\nAccept: */*\r\n";
    const std::string own =
        "Idempotency-Key: 018f3c2e-7b1d-7c3a-9d50-2f6f0a1b2c3d\r\n"
        "webhook-id: 018f3c2e-7b1d-7c3a-9d50-2f6f0a1b2c3d\r\n"
        "webhook-timestamp: 1795509000\r\n";

    SECTION("with all there is") {
        request.secret = key;
        (void)daemon::send_webhook(request, local_client(), going);
        const auto requests = server.requests();
        REQUIRE(requests.size() == 1);
        CHECK(requests[0]["head"] ==
              start +
                  "Content-Type: application/cloudevents+json\r\nAuthorization: Bearer t0ken\r\n"
                  "X-Empty:\r\n" +
                  own + "webhook-signature: " +
                  daemon::webhook_signature(key, request.id, 1'795'509'000, request.body) +
                  "\r\nContent-Length: 15\r\n\r\n");
        CHECK(requests[0]["signed"] == true);
        CHECK(requests[0]["body"] == "{\"a\": \"\xc3\x83\xc2\xa4\0\xc3\xbf\r\n\"}"s);
    }
    SECTION("with nothing") {
        request.headers.clear();
        request.body = "";
        (void)daemon::send_webhook(request, local_client(), going);
        CHECK(server.requests().at(0)["head"] == start + own + "Content-Length: 0\r\n\r\n");
        CHECK(server.requests().at(0)["body"] == "");
    }
    SECTION("with very much, which is not asked for first") {
        request.headers.clear();
        request.secret = key;
        request.body = std::string(3'000'000, 'x');
        (void)daemon::send_webhook(request, local_client(), going);
        const auto sent = server.requests().at(0);
        CHECK(sent["signed"] == true);
        CHECK((sent["body"] == request.body));
        CHECK(sent["head"].get<std::string>().find("Expect") == std::string::npos);
    }
    SECTION("before 1970") {
        request.now = core::Timestamp{-1ms};
        (void)daemon::send_webhook(request, local_client(), going);
        CHECK(server.requests().at(0)["head"].get<std::string>().find(
                  "\r\nwebhook-timestamp: -1\r\n") != std::string::npos);
    }
}

TEST_CASE("webhook: nothing that comes in adds a header") {
    const WebServer server;
    std::size_t sent = 0;
    for (const auto& bad : test::hostile_inputs("a\r\nX-Evil: 1\r\n\r\n")) {
        for (const int place : {0, 1, 2}) {
            auto request = some_request(server.url("/echo"));
            request.body = answer_with("204");
            if (place == 0) request.headers = {{bad, "x"}};
            if (place == 1) request.headers = {{"X-Own", bad}};
            if (place == 2) request.id = bad;
            const auto outcome = daemon::send_webhook(request, local_client(), going);
            CHECK(is_clean(outcome.result));
            if (outcome.succeeded) {
                ++sent;
            } else {
                CHECK_FALSE(outcome.retryable);
                CHECK(outcome.result.size() < 500);
            }
        }
    }
    const auto requests = server.requests();
    CHECK(sent > 0);
    CHECK(requests.size() == sent);
    for (const auto& request : requests) {
        CHECK(request["body"] == answer_with("204"));
        // Host, User-Agent, Accept, 3 of ours, its length; maybe X-Own or what is a good name.
        CHECK(request["headers"].size() <= 8);
        std::string names;
        for (const auto& header : request["headers"])
            names += core::to_lower(header[0].get<std::string>()) + " ";
        CAPTURE(names);
        CHECK(names.find("x-evil ") == std::string::npos);
    }
    auto request = some_request(server.url("/echo"));
    request.headers.assign(daemon::webhook_headers_max + 1, {"X-A", "b"});
    const auto outcome = daemon::send_webhook(request, local_client(), going);
    CHECK_FALSE(outcome.retryable);
    CHECK(outcome.result == "headers: 33 are more than 32");
}

TEST_CASE("webhook: what an answer means") {
    struct Row {
        std::string answer;
        int status;
        std::string result;
        bool succeeded;
        bool retryable;
        bool blames_callee;
    };
    const auto row = GENERATE(values<Row>({
        {answer_with("200 OK"), 200, "HTTP 200", true, true, false},
        {answer_with("204"), 204, "HTTP 204", true, true, false},
        {answer_with("299 \x1b[31m"), 299, "HTTP 299", true, true, false},
        {"HTTP/1.0 200 OK\n\n", 200, "HTTP 200", true, true, false},
        {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nRetry-After: 1\r\n\r\n" +
             answer_with("503 Busy"),
         503, "HTTP 503 Busy", false, true, true},
        {answer_with("304 Not Modified"), 304, "HTTP 304 Not Modified", false, false, false},
        {answer_with("400 Bad Request"), 400, "HTTP 400 Bad Request", false, false, false},
        {answer_with("401 Unauthorized", "WWW-Authenticate: Basic realm=x\r\n"), 401,
         "HTTP 401 Unauthorized", false, false, false},
        {answer_with("407 Proxy"), 407, "HTTP 407 Proxy", false, false, false},
        {answer_with("408 Request Timeout"), 408, "HTTP 408 Request Timeout", false, true, true},
        {answer_with("410 Gone"), 410, "HTTP 410 Gone", false, false, false},
        {answer_with("413 Content Too Large"), 413, "HTTP 413 Content Too Large", false, false,
         false},
        {answer_with("417 Expectation Failed"), 417, "HTTP 417 Expectation Failed", false, false,
         false},
        {answer_with("425 Too Early"), 425, "HTTP 425 Too Early", false, true, false},
        {answer_with("429 Too Many"), 429, "HTTP 429 Too Many", false, true, false},
        {answer_with("500 \x1b[31m\xff"), 500, "HTTP 500  [31m\xef\xbf\xbd", false, true, true},
        {answer_with("502"), 502, "HTTP 502", false, true, true},
        {answer_with("599 " + std::string(5000, 'x')), 599,
         "HTTP 599 " + std::string(200, 'x') + "...", false, true, true},
        {answer_with("600 No"), 600, "HTTP 600 No", false, false, false},
        {"HTTP/1.1 101 Switching Protocols\r\n\r\nx", 101, "HTTP 101 Switching Protocols", false,
         false, false},
    }));
    CAPTURE(row.answer);
    const WebServer server;
    const auto outcome = outcome_of(server, row.answer);
    CHECK(outcome.result == row.result);
    CHECK(outcome.status == row.status);
    CHECK(outcome.succeeded == row.succeeded);
    CHECK(outcome.retryable == row.retryable);
    CHECK(outcome.blames_callee == row.blames_callee);
    CHECK_FALSE(outcome.retry_after);
    CHECK(outcome.answer.empty());
    CHECK(server.requests().size() == 1);
}

TEST_CASE("webhook: the answer's body becomes text that can be shown") {
    const WebServer server;
    const auto output = [&](const std::string& body, const std::string& status = "200 OK") {
        return outcome_of(server, answer_with(status, "", body)).output;
    };
    CHECK(output("a\r\nb\n\tc\xc3\xa4") == "a\nb\n\tc\xc3\xa4");
    CHECK(output("a\rb\0\x1b[31m\xff\x7f\xc2\x9b"s, "400 Bad") == "a b  [31m\xef\xbf\xbd  ");
    CHECK(output(std::string(4096, 'x')) == std::string(4096, 'x'));
    CHECK(output(std::string(4097, 'x')) == std::string(4096, 'x') + "...");
    CHECK(output(std::string(4095, 'x') + "\xc3\xa4") == std::string(4095, 'x') + "...");
    CHECK(output("") == "");
    const auto chunked = outcome_of(server,
                                    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                                    "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nRetry-After: 5\r\n\r\n");
    CHECK(chunked.output == "abcde");
    CHECK(chunked.succeeded);
}

TEST_CASE("webhook: a redirect is told and not followed") {
    struct Row {
        std::string location;
        std::string result;
    };
    const WebServer server;
    const WebServer other;
    const std::string end = ", which is not followed";
    for (const auto& row : std::vector<Row>{
             {other.url("/echo"), ": redirects to " + other.url("/echo") + end},
             {"/other?a", ": redirects to " + server.url("/other?a") + end},
             {"//example.org", ": redirects to http://example.org/" + end},
             {"https://u:secret@example.org/x", ": redirects to https://example.org/x" + end},
             {"file:///etc/passwd", ": redirects to file:///etc/passwd" + end},
             {"x\x1b[31m\xff", ""},
             {"http://[", ""},
             {"", ""},
             {"/" + std::string(1000, 'x'),
              ": redirects to " + (server.url("/") + std::string(1000, 'x')).substr(0, 500) +
                  "..." + end}}) {
        CAPTURE(row.location);
        for (const char* status :
             {"301 Moved", "302 Moved", "303 Moved", "307 Moved", "308 Moved"}) {
            const auto outcome =
                outcome_of(server, answer_with(status, "Location: " + row.location + "\r\n"));
            CHECK(outcome.result == "HTTP "s + status + row.result);
            CHECK(outcome.status / 100 == 3);
            CHECK_FALSE(outcome.succeeded);
            CHECK_FALSE(outcome.retryable);
            CHECK_FALSE(outcome.blames_callee);
        }
    }
    CHECK(other.requests().empty());
}

TEST_CASE("webhook: an answer may ask for time") {
    struct Row {
        std::string value;
        std::optional<std::chrono::milliseconds> wait;
    };
    const WebServer server;
    // It is 2026-11-24T08:30:00.999Z.
    for (const auto& row : std::vector<Row>{{"0", 0ms},
                                            {"120", 120s},
                                            {" 7 ", 7s},
                                            {"-5", 0ms},
                                            {"1.5", {}},
                                            {"+5", {}},
                                            {"soon", {}},
                                            {"", {}},
                                            {"7 s", {}},
                                            {"99999999999999999999999999", {}},
                                            {"999999999", 24h},
                                            {"Tue, 24 Nov 2026 08:30:30 GMT", 29'001ms},
                                            {"Tue, 24 Nov 2026 08:29:30 GMT", 0ms},
                                            {"Thu, 01 Jan 1970 00:00:00 GMT", 0ms},
                                            {"Tue, 24 Nov 2126 08:30:30 GMT", 24h},
                                            {"Tue, 99 Nov 2026 08:30:30 GMT", {}},
                                            {"Tue, 24 Nov 2026 08:30:30", {}}}) {
        CAPTURE(row.value);
        const std::string header = "retry-after: " + row.value + "\r\n";
        for (const char* status : {"429 Too Many", "503 Busy"})
            CHECK(outcome_of(server, answer_with(status, header)).retry_after == row.wait);
        for (const char* status : {"200 OK", "301 Moved", "404 Not Found", "410 Gone"})
            CHECK_FALSE(outcome_of(server, answer_with(status, header)).retry_after);
    }
    CHECK(outcome_of(server, answer_with("503 Busy", "Retry-After: 1\r\nRetry-After: 2\r\n"))
              .retry_after == 1s);
}

TEST_CASE("webhook: no answer is tried again, and so is half of a head") {
    struct Row {
        std::string path;
        std::string result;
        std::chrono::milliseconds timeout;
    };
    const auto row = GENERATE(values<Row>({
        {"/reset", "no answer: ", 60s},
        {"/close", "no answer: Empty reply from server", 60s},
        {"/half-head", "no answer: ", 60s},
        {"/hang", "timed out after 300 ms", 300ms},
        {"/hang", "timed out after 1 s", 1s},
        {"/drip-head", "timed out after 300 ms", 300ms},
        {"/endless-head", "no answer: its head has more than 64 KiB", 60s},
        {"/endless-line", "no answer: its head has too long a line, or memory ran out", 60s},
        {"/endless-interim", "no answer: its head has more than 64 KiB", 60s},
    }));
    CAPTURE(row.path);
    const WebServer server;
    auto request = some_request(server.url(row.path));
    request.timeout = row.timeout;
    const auto outcome = daemon::send_webhook(request, local_client(), going);
    CHECK(outcome.result.rfind(row.result, 0) == 0);
    CHECK(is_clean(outcome.result));
    CHECK(outcome.status == 0);
    CHECK_FALSE(outcome.succeeded);
    CHECK(outcome.retryable);
    CHECK(outcome.blames_callee);
    CHECK(outcome.output.empty());
}

TEST_CASE("webhook: a server that can't be reached is tried again") {
    const test::ClosedPort closed;
    const auto outcome =
        daemon::send_webhook(some_request(closed.url("http")), local_client(), going);
    CHECK(outcome.result.rfind("no connection: Failed to connect to 127.0.0.1", 0) == 0);
    CHECK_FALSE(outcome.succeeded);
    CHECK(outcome.retryable);
    CHECK(outcome.blames_callee);
}

TEST_CASE("webhook: the head has decided, whatever becomes of the body") {
    struct Row {
        std::string path;
        std::string output;
        std::chrono::milliseconds timeout;
    };
    const auto row = GENERATE(values<Row>({
        {"/half-body", "half\n", 60s},
        {"/drip-body", "x", 500ms},
        {"/endless-body", std::string(4096, 'x') + "...", 60s},
        {"/endless-chunks", std::string(4096, 'x') + "...", 60s},
    }));
    CAPTURE(row.path);
    const WebServer server;
    auto request = some_request(server.url(row.path));
    request.timeout = row.timeout;
    const auto outcome = daemon::send_webhook(request, local_client(), going);
    CHECK(outcome.result == "HTTP 200");
    CHECK(outcome.succeeded);
    CHECK(outcome.output.rfind(row.output, 0) == 0);
}

TEST_CASE("webhook: it ends when taskd stops") {
    const std::string path = GENERATE("/hang", "/drip-head");
    WebServer server;
    std::atomic<bool> stopping{false};
    auto sent = std::async(std::launch::async, [&] {
        return daemon::send_webhook(some_request(server.url(path)), local_client(), stopping);
    });
    server.wait_for_request();
    stopping = true;
    REQUIRE(sent.wait_for(20s) == std::future_status::ready);
    const auto outcome = sent.get();
    CHECK(outcome.result == "interrupted: taskd stopped");
    CHECK_FALSE(outcome.succeeded);
    CHECK(outcome.retryable);
    CHECK_FALSE(outcome.blames_callee);

    const auto later =
        daemon::send_webhook(some_request(server.url(path)), local_client(), stopping);
    CHECK(later.result == "interrupted: taskd stopped");
    CHECK(server.requests().size() == 1);
}

TEST_CASE("webhook: the address that is connected to has to be allowed") {
    struct Row {
        std::string rules;
        std::string host;
        std::string refused;  // "" for none
    };
    const WebServer server;
    const std::vector<Row> rows{
        {"10.0.0.0/8", "127.0.0.1", "127.0.0.1"},
        {"public", "127.0.0.1", "127.0.0.1"},
        // Whatever the name, and however the number is written.
        {"public", "127.1", "127.0.0.1"},
        {"public", "0x7f000001", "127.0.0.1"},
        {"public", "2130706433", "127.0.0.1"},
        {"public", "0177.0.0.01", "127.0.0.1"},
        {"public", "%31%32%37.0.0.1", "127.0.0.1"},
        {"public", "0", "0.0.0.0"},
        {"public", "[::1]", "::1"},
        {"public", "[::ffff:127.0.0.1]", "::ffff:127.0.0.1"},
        {"::/0", "[::ffff:7f00:1]", "::ffff:127.0.0.1"},
        {"public", "[64:ff9b::10.1.2.3]", "64:ff9b::a01:203"},
        {"127.0.0.1", "127.0.0.1", ""},
        {"any", "127.0.0.1", ""},
        // One of its addresses is enough: ::1 is not allowed.
        {"127.0.0.0/8", "localhost", ""},
    };
    for (const auto& row : rows) {
        CAPTURE(row.rules, row.host);
        auto request = some_request("http://" + row.host + ":" + server.port() + "/echo");
        request.body = answer_with("204");
        const auto outcome = daemon::send_webhook(request, {rules_of(row.rules), ""}, going);
        if (row.refused.empty()) {
            CHECK(outcome.result == "HTTP 204");
            continue;
        }
        CHECK(outcome.result == "the address " + row.refused + " is not among webhook.networks");
        CHECK(outcome.status == 0);
        CHECK_FALSE(outcome.succeeded);
        CHECK_FALSE(outcome.retryable);
        CHECK_FALSE(outcome.blames_callee);
    }
    const auto by_name =
        daemon::send_webhook(some_request("http://localhost:" + server.port() + "/echo"),
                             {rules_of("public"), ""}, going);
    CHECK_FALSE(by_name.retryable);
    CHECK(by_name.result.find("is not among webhook.networks") != std::string::npos);
    const auto unset = daemon::send_webhook(some_request(server.url("/echo")), {}, going);
    CHECK(unset.result == "the address 127.0.0.1 is not among webhook.networks");

    // The refused ones did not even connect.
    const auto requests = server.requests();
    REQUIRE(requests.size() == 3);
    CHECK(requests.back()["connection"] == 3);
}

TEST_CASE("webhook: the environment has no say") {
    const test::ClosedPort proxy;
    const WebServer server;
    const test::TempDir home;
    std::ofstream(home.path() + "/.netrc") << "machine 127.0.0.1 login ada password s3cret\n"
                                           << "default login ada password s3cret\n";
    const Variable a("http_proxy", proxy.url("http"));
    const Variable b("https_proxy", proxy.url("http"));
    const Variable c("all_proxy", proxy.url("http"));
    const Variable d("ALL_PROXY", proxy.url("http"));
    const Variable e("HOME", home.path());
    const auto outcome = outcome_of(
        server, answer_with("401 Who", "WWW-Authenticate: Basic realm=x\r\nSet-Cookie: a=b\r\n"));
    CHECK(outcome.status == 401);
    CHECK(outcome_of(server, answer_with("200 OK")).succeeded);
    const auto requests = server.requests();
    REQUIRE(requests.size() == 2);
    for (const auto& request : requests) CHECK(request["headers"].size() == 7);
}

TEST_CASE("webhook: TLS is for a server with a good certificate only") {
    Certificates certificates;
    const Certificates others;
    const WebServer server({"--certificate", certificates.server("good", "IP:127.0.0.1")});
    auto request = some_request("https" + server.url("/echo").substr(4));
    request.body = answer_with("200 OK", "", "over TLS");
    auto client = local_client();
    client.ca_file = certificates.authority();

    const auto fails = [&](const WebServer& asked, bool is_theirs = true) {
        const auto outcome = daemon::send_webhook(request, client, going);
        CAPTURE(outcome.result);
        CHECK(outcome.result.rfind("no connection: ", 0) == 0);
        CHECK(outcome.status == 0);
        CHECK_FALSE(outcome.succeeded);
        CHECK(outcome.retryable);
        CHECK(outcome.blames_callee == is_theirs);
        CHECK(asked.requests().empty());
        return outcome.result;
    };
    SECTION("the right one") {
        const auto outcome = daemon::send_webhook(request, client, going);
        CHECK(outcome.result == "HTTP 200");
        CHECK(outcome.output == "over TLS");
        CHECK(server.requests().at(0)["tls"] == true);
    }
    SECTION("an authority that the system does not know") {
        client.ca_file = "";
        CHECK(fails(server).find("certificate") != std::string::npos);
    }
    SECTION("another authority") {
        client.ca_file = others.authority();
        CHECK(fails(server).find("certificate") != std::string::npos);
    }
    SECTION("another name") {
        const WebServer wrong(
            {"--certificate", certificates.server("wrong", "DNS:elsewhere.example,IP:127.0.0.2")});
        request.url = "https" + wrong.url("/echo").substr(4);
        (void)fails(wrong);
    }
    SECTION("no TLS at all") {
        const WebServer plain;
        request.url = "https" + plain.url("/echo").substr(4);
        (void)fails(plain);
    }
    SECTION("a file of authorities that is not there") {
        client.ca_file = "/nonexistent";
        (void)fails(server, false);
    }
    SECTION("a server of TLS that is asked without it") {
        request.url = server.url("/echo");
        const auto outcome = daemon::send_webhook(request, client, going);
        CHECK_FALSE(outcome.succeeded);
        CHECK(outcome.retryable);
    }
}

TEST_CASE("webhook: a hostile answer is survived") {
    const WebServer server;
    const std::string valid =
        "HTTP/1.1 503 No\r\nRetry-After: 7\r\nTransfer-Encoding: "
        "chunked\r\n\r\n1\r\na\r\n0\r\n\r\n";
    for (const auto& answer : test::hostile_inputs(valid)) {
        auto request = some_request(server.url("/echo"));
        request.body = answer;
        const auto outcome = daemon::send_webhook(request, local_client(), going);
        CHECK(is_clean(outcome.result));
        CHECK(outcome.result.size() < 700);
        CHECK(is_clean(outcome.output));
        CHECK(outcome.output.size() <= 4099);
        CHECK((outcome.status == 0) == (outcome.result.rfind("HTTP ", 0) != 0));
        if (outcome.retry_after) CHECK(*outcome.retry_after >= 0ms);
    }
}
