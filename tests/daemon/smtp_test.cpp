// SPDX-License-Identifier: Apache-2.0
// What a mail looks like, and what becomes of it with a real mail server (aiosmtpd).
#include "daemon/outbound/smtp.h"

#include "core/text.h"
#include "daemon/unique_fd.h"
#include "tests/support/child.h"
#include "tests/support/closed_port.h"
#include "tests/support/hostile.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <future>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <vector>

using namespace taskd;
using namespace std::chrono_literals;
using namespace std::string_literals;
using daemon::Mail;
using daemon::MailServer;
using nlohmann::json;

namespace {

const std::atomic<bool> going{false};

MailServer some_server(std::string url = "smtp://mail.example.org") {
    MailServer server;
    server.url = std::move(url);
    server.from = "taskd <taskd@example.org>";
    return server;
}

Mail some_mail() {
    // 2026-11-24T08:30:00.999Z
    return {"ada@example.org", "Water the plants", "They are dry.\n", "d1.1@taskd.example.org",
            core::Timestamp{1'795'509'000'999ms}};
}

std::string text_of(const Mail& mail) {
    return daemon::mail_text(some_server(), mail);
}

std::vector<std::string> lines_of(const std::string& text) {
    auto lines = core::split(text, '\n');
    for (auto& line : lines)
        if (!line.empty()) {
            CHECK(line.back() == '\r');
            line.pop_back();
        }
    CHECK(lines.back().empty());
    lines.pop_back();
    return lines;
}

/// Names of the header's fields, in order; continuation lines left out.
std::string fields_of(const std::string& text) {
    std::string names;
    for (const auto& line : lines_of(text)) {
        if (line.empty()) break;
        if (line[0] != ' ') names += line.substr(0, line.find(':')) + " ";
    }
    return names;
}
const std::string all_fields =
    "Date From To Subject Message-ID List-Id Auto-Submitted MIME-Version Content-Type "
    "Content-Transfer-Encoding ";

std::string body_of(const std::string& text) {
    return text.substr(text.find("\r\n\r\n") + 4);
}

/// tests/support/smtp_server.py as a child; it ends with this object, or with this process.
class SmtpServer {
public:
    explicit SmtpServer(const std::vector<std::string>& flags = {})
        : child_(command(flags)), port_(child_.read_line()) {}

    [[nodiscard]] std::string url() const { return "smtp://127.0.0.1:" + port_; }

    [[nodiscard]] std::vector<json> messages() const {
        std::vector<json> all;
        std::ifstream lines(file());
        for (std::string line; std::getline(lines, line);) all.push_back(json::parse(line));
        return all;
    }

private:
    [[nodiscard]] std::string file() const { return directory_.path() + "/messages"; }

    [[nodiscard]] std::vector<std::string> command(const std::vector<std::string>& flags) const {
        std::vector<std::string> words{
            "/usr/bin/python3", "-B",     TASKD_TEST_DATA "/../support/smtp_server.py",
            "--until-eof",      "--file", file()};
        words.insert(words.end(), flags.begin(), flags.end());
        return words;
    }

    test::TempDir directory_;
    test::Child child_;
    std::string port_;
};

/// Key and certificate for 127.0.0.1 in one file, signed by itself.
std::string make_certificate(const test::TempDir& directory) {
    std::string path = directory.path() + "/server.pem";
    const std::string command =
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=t "
        "-addext subjectAltName=IP:127.0.0.1 -keyout '" +
        path + "' -out '" + path + ".crt' 2>'" + path + ".log' && cat '" + path + ".crt' >>'" +
        path + "'";
    REQUIRE(std::system(command.c_str()) == 0);
    return path;
}

}  // namespace

TEST_CASE("mail: a plain message is what RFC 5322 asks for") {
    CHECK(text_of(some_mail()) ==
          "Date: Tue, 24 Nov 2026 08:30:00 +0000\r\n"
          "From: taskd <taskd@example.org>\r\n"
          "To: ada@example.org\r\n"
          "Subject: Water the plants\r\n"
          "Message-ID: <d1.1@taskd.example.org>\r\n"
          "List-Id: <reminders.taskd.example.org>\r\n"
          "Auto-Submitted: auto-generated\r\n"
          "MIME-Version: 1.0\r\n"
          "Content-Type: text/plain; charset=utf-8\r\n"
          "Content-Transfer-Encoding: quoted-printable\r\n"
          "\r\n"
          "They are dry.\r\n");
    auto mail = some_mail();
    mail.date = core::Timestamp{0ms};
    CHECK(text_of(mail).rfind("Date: Thu, 01 Jan 1970 00:00:00 +0000\r\n", 0) == 0);
    mail.date = core::Timestamp{-1ms};
    CHECK(text_of(mail).rfind("Date: Wed, 31 Dec 1969 23:59:59 +0000\r\n", 0) == 0);
}

TEST_CASE("mail: a subject that is not short ASCII becomes encoded words") {
    struct Row {
        std::string subject;
        std::string field;
    };
    std::string a39;  // 39 letters "a" in base64
    for (int i = 0; i < 13; ++i) a39 += "YWFh";
    const auto row = GENERATE_REF(values<Row>({
        {"", "Subject: \r\n"},
        {"  a  b\t", "Subject: a  b\r\n"},
        {"Bl\xc3\xbcte", "Subject: =?UTF-8?B?QmzDvHRl?=\r\n"},
        // Would be decoded by who reads it.
        {"=?UTF-8?B?QQ==?=", "Subject: =?UTF-8?B?PT9VVEYtOD9CP1FRPT0/PQ==?=\r\n"},
        {std::string(39, 'a'), "Subject: " + std::string(39, 'a') + "\r\n"},
        {std::string(40, 'a'), "Subject: =?UTF-8?B?" + a39 + "?=\r\n =?UTF-8?B?YQ==?=\r\n"},
        // No character is cut: the second begins after 38 bytes.
        {std::string(38, 'a') + "\xc3\xbc",
         "Subject: =?UTF-8?B?" + a39.substr(0, 48) + "YWE=?=\r\n =?UTF-8?B?w7w=?=\r\n"},
        {"a\xff", "Subject: =?UTF-8?B?Ye+/vQ==?=\r\n"},
        {"a\r\nBcc: eve@example.org", "Subject: a  Bcc: eve@example.org\r\n"},
        {"a\r\n\r\nbody\0\x1b[31m\x7f"s, "Subject: a    body  [31m\r\n"},
        {"a\xc2\x85"
         "b",
         "Subject: a b\r\n"},
    }));
    auto mail = some_mail();
    mail.subject = row.subject;
    const auto text = text_of(mail);
    CAPTURE(text);
    CHECK(text.find("\r\n" + row.field + "Message-ID: ") != std::string::npos);
    CHECK(fields_of(text) == all_fields);
    for (const auto& line : lines_of(text)) CHECK(line.size() <= 76);
}

TEST_CASE("mail: nothing that comes in adds a field or a line to the header") {
    for (const auto& bad : test::hostile_inputs("a\r\nBcc: eve@example.org\r\n\r\nx <e@f>, g@h")) {
        CAPTURE(bad);
        const auto plain = text_of(some_mail());
        auto server = some_server();
        auto mail = some_mail();
        SECTION("in the recipient") {
            mail.to = bad;
        }
        SECTION("in the subject") {
            mail.subject = bad;
        }
        SECTION("in the id") {
            mail.message_id = bad;
        }
        SECTION("in the sender") {
            server.from = bad;
        }
        SECTION("in the sender's name") {
            server.from = bad + " <taskd@example.org>";
        }
        const auto text = daemon::mail_text(server, mail);
        CHECK(fields_of(text) == all_fields);
        CHECK(body_of(text) == body_of(plain));
        for (const auto& line : lines_of(text)) CHECK(line.size() <= 300);
        CHECK(std::all_of(text.begin(), text.end(), [](char c) {
            return c == '\r' || c == '\n' || (c >= ' ' && c < '\x7f');
        }));
    }
}

TEST_CASE("mail: the sender's name is a phrase or an encoded word") {
    struct Row {
        std::string from;
        std::string field;
    };
    const auto row = GENERATE(values<Row>({
        {"taskd@example.org", "taskd@example.org"},
        {"<taskd@example.org>", "taskd@example.org"},
        {"My tasks <t@example.org>", "My tasks <t@example.org>"},
        {"\"My tasks\" <t@example.org>", "My tasks <t@example.org>"},
        {"\"Tasks, mine\" <t@example.org>", "=?UTF-8?B?VGFza3MsIG1pbmU=?=\r\n <t@example.org>"},
        {"\xc3\x84 <t@example.org>", "=?UTF-8?B?w4Q=?=\r\n <t@example.org>"},
    }));
    const auto text = daemon::mail_text(
        [&] {
            auto server = some_server();
            server.from = row.from;
            return server;
        }(),
        some_mail());
    CHECK(text.find("\r\nFrom: " + row.field + "\r\nTo: ") != std::string::npos);
}

TEST_CASE("mail: the body keeps its lines, and each is short and ASCII") {
    struct Row {
        std::string text;
        std::string body;
    };
    const auto row = GENERATE(values<Row>({
        {"", ""},
        {"\n", "\r\n"},
        {"a", "a\r\n"},
        {"a\nb\r\nc\rd", "a\r\nb\r\nc\r\nd\r\n"},
        {"a\r\r\nb", "a\r\n\r\nb\r\n"},
        {".\n..\n.a", ".\r\n..\r\n.a\r\n"},  // doubling them is libcurl's business
        {"1=1\tx \ny\t", "1=3D1\tx=20\r\ny=09\r\n"},
        {"\xc3\xbc\xff", "=C3=BC=EF=BF=BD\r\n"},
        {"a\0b\x1b[0m"s, "a b [0m\r\n"},
        {std::string(75, 'x'), std::string(75, 'x') + "\r\n"},
        {std::string(76, 'x'), std::string(75, 'x') + "=\r\nx\r\n"},
        {std::string(74, 'x') + "=", std::string(74, 'x') + "=\r\n=3D\r\n"},
    }));
    auto mail = some_mail();
    mail.text = row.text;
    const auto text = text_of(mail);
    CHECK(body_of(text) == row.body);
    for (const auto& line : lines_of(text)) CHECK(line.size() <= 76);
}

TEST_CASE("mail: one bare address is accepted, and nothing else") {
    const std::string label(63, 'x');
    const std::string labels = label + "." + label + "." + label + ".";  // 192 bytes
    for (const auto& good :
         {"ada@example.org"s, "a@localhost"s, "ada.l+tasks@mail.example.org"s, "1@2.3"s,
          "o'hara/x=y{z}@xn--bcher-kva.example"s, std::string(64, 'a') + "@example.org",
          "a@" + labels + std::string(60, 'x')}) {
        CAPTURE(good);
        CHECK(daemon::check_address("to", good));
    }
    for (const auto& bad : {""s,
                            "ada"s,
                            "@"s,
                            "ada@"s,
                            "@example.org"s,
                            "a b@example.org"s,
                            "ada@exa mple.org"s,
                            " ada@example.org"s,
                            "ada@example.org "s,
                            "ada@example.org\n"s,
                            "ada@example.org\r\nRCPT TO:<eve@example.org>"s,
                            "ada\0@example.org"s,
                            "ada@example.org\0"s,
                            "<ada@example.org>"s,
                            "Ada <ada@example.org>"s,
                            "a@b,c@d"s,
                            "a@b;c@d"s,
                            "a@b@c"s,
                            "\"a b\"@example.org"s,
                            "a(x)@example.org"s,
                            ".a@example.org"s,
                            "a.@example.org"s,
                            "a..b@example.org"s,
                            "a@.org"s,
                            "a@example..org"s,
                            "a@example.org."s,
                            "a@-example.org"s,
                            "a@example-.org"s,
                            "a@[127.0.0.1]"s,
                            "a@ex_ample.org"s,
                            "\xc3\xa4@example.org"s,
                            "a@\xc3\xa4.org"s,
                            "a@\xff"s,
                            "a\x7f@example.org"s,
                            std::string(65, 'a') + "@example.org",
                            "a@" + label + "x.org",
                            "a@" + labels + std::string(61, 'x')}) {
        CAPTURE(bad);
        const auto checked = daemon::check_address("to", bad);
        REQUIRE_FALSE(checked);
        CHECK(checked.error().reason == core::Reason::invalid_argument);
        CHECK(checked.error().field == "to");
        CHECK_FALSE(core::has_control(checked.error().message));
    }
    CHECK(daemon::check_address("to", "Ada").error().message ==
          "to: \"Ada\" has no @; use one bare address such as ada@example.org");
    CHECK(daemon::check_address("to", std::string(10'000, 'a')).error().message.size() < 300);
}

TEST_CASE("mail server: a URL is a host and maybe a port, by SMTP") {
    for (const char* good :
         {"smtp://localhost", "smtps://mail.example.org", "SMTP://mail.example.org:587/",
          "smtp://127.0.0.1:25", "smtp://[::1]:65535"}) {
        CAPTURE(good);
        const auto checked = daemon::check_server(some_server(good));
        REQUIRE(checked);
        CHECK(checked->url == good);
    }
    for (const auto& bad : {""s,
                            "mail.example.org"s,
                            "smtp:"s,
                            "smtp://"s,
                            "smtp://:25"s,
                            "http://mail.example.org"s,
                            "file:///etc/passwd"s,
                            "imap://a"s,
                            "smtp://a:0"s,
                            "smtp://a:65536"s,
                            "smtp://a:x"s,
                            "smtp://a:-1"s,
                            "smtp://a/b"s,
                            "smtp://a?b"s,
                            "smtp://a#b"s,
                            "smtp://a;AUTH=PLAIN"s,
                            "smtp://a b"s,
                            "smtp://a\r\nQUIT"s,
                            "smtp://a\0b"s,
                            "smtp://\xc3\xa4"s,
                            "smtp://u:secret@a"s,
                            "smtp://u:secret@"s}) {
        CAPTURE(bad);
        const auto checked = daemon::check_server(some_server(bad));
        REQUIRE_FALSE(checked);
        CHECK(checked.error().reason == core::Reason::invalid_argument);
        CHECK(checked.error().field == "smtp.url");
        CHECK_FALSE(core::has_control(checked.error().message));
        CHECK(checked.error().message.find("secret") == std::string::npos);
    }
}

TEST_CASE("mail server: the sender has an address, and a name if wanted") {
    const auto check = [](const std::string& from) {
        auto server = some_server();
        server.from = from;
        return daemon::check_server(server);
    };
    for (const char* good : {"taskd@localhost", "taskd <taskd@example.org>", "<a@b>",
                             "\"Tasks, mine\" <a@b>", "\xc3\x84 <a@b>"})
        CHECK(check(good));
    for (const auto& bad : {""s, "taskd"s, "taskd <>"s, "taskd <taskd>"s, "a@b, c@d"s, "a@b>"s,
                            "x <a@b> y"s, "x\r\nBcc: c@d <a@b>"s, "x <a@b\r\n>"s, "\xff <a@b>"s}) {
        CAPTURE(bad);
        const auto checked = check(bad);
        REQUIRE_FALSE(checked);
        CHECK(checked.error().field == "smtp.from");
    }
}

TEST_CASE("smtp: a server gets the message as it was meant") {
    const SmtpServer smtp;
    auto server = some_server(smtp.url());
    auto mail = some_mail();
    mail.subject =
        "Die Bl\xc3\xbcten gie\xc3\x9f"
        "en, bevor es zu sp\xc3\xa4t f\xc3\xbcr sie alle ist \xf0\x9f\x8c\xb1";
    mail.text = "\n.\n..\n.\r\nQUIT\n" + std::string(2000, 'x') + "\n \xe2\x82\xac \n";
    for (int i = 0; i < 60'000; ++i) mail.text += ".\n";  // past libcurl's buffer
    const auto outcome = daemon::send_mail(server, mail, going);
    CAPTURE(outcome.output);
    CHECK(outcome.result == "250 kept");
    CHECK(outcome.succeeded);
    const auto messages = smtp.messages();
    REQUIRE(messages.size() == 1);
    CHECK(messages[0]["from"] == "taskd@example.org");
    CHECK(messages[0]["to"] == json{"ada@example.org"});
    CHECK((messages[0]["data"] == daemon::mail_text(server, mail)));
    CHECK(messages[0]["subject"] == mail.subject);
    std::string text = mail.text;
    text.erase(text.find('\r'), 1);
    CHECK((messages[0]["text"] == text));

    mail.text = "";
    CHECK(daemon::send_mail(server, mail, going).succeeded);
    CHECK(smtp.messages().at(1)["text"] == "");
}

TEST_CASE("smtp: the environment's proxies are not asked") {
    const test::ClosedPort proxy;
    const SmtpServer smtp;
    setenv("all_proxy", ("http" + proxy.url("smtp").substr(4)).c_str(), 1);
    const auto outcome = daemon::send_mail(some_server(smtp.url()), some_mail(), going);
    unsetenv("all_proxy");
    CHECK(outcome.succeeded);
}

TEST_CASE("smtp: a recipient refused for good is not tried again, one refused for now is") {
    const std::string code = GENERATE("550", "451");
    const SmtpServer smtp({"--reply-rcpt", code});
    const auto outcome = daemon::send_mail(some_server(smtp.url()), some_mail(), going);
    CHECK_FALSE(outcome.succeeded);
    CHECK(outcome.retryable == (code == "451"));
    CHECK(outcome.result == code + " no mailbox for  [31mada@example.org");
    CHECK(outcome.output == "RCPT failed: " + code);
    CHECK(smtp.messages().empty());
}

TEST_CASE("smtp: the same goes for a message that is refused once it is there") {
    const std::string code = GENERATE("554", "452");
    const SmtpServer smtp({"--reply-data", code});
    const auto outcome = daemon::send_mail(some_server(smtp.url()), some_mail(), going);
    CHECK_FALSE(outcome.succeeded);
    CHECK(outcome.retryable == (code == "452"));
    CHECK(outcome.result == code + " not this one");
}

TEST_CASE("smtp: a server that can't be reached is tried again") {
    const test::ClosedPort closed;
    const auto outcome = daemon::send_mail(some_server(closed.url("smtp")), some_mail(), going);
    CHECK_FALSE(outcome.succeeded);
    CHECK(outcome.retryable);
    CHECK(outcome.result.find("Failed to connect") != std::string::npos);
}

TEST_CASE("smtp: a server that says nothing is left after the timeout, or when taskd stops") {
    const SmtpServer smtp({"--hang"});
    auto server = some_server(smtp.url());
    SECTION("after the timeout") {
        server.timeout = 50ms;
        const auto outcome = daemon::send_mail(server, some_mail(), going);
        CHECK_FALSE(outcome.succeeded);
        CHECK(outcome.retryable);
        CHECK(outcome.result == "timed out after 50 ms");
    }
    SECTION("when taskd stops") {
        std::atomic<bool> stopping{false};
        auto sent = std::async(std::launch::async,
                               [&] { return daemon::send_mail(server, some_mail(), stopping); });
        CHECK(sent.wait_for(20ms) == std::future_status::timeout);
        stopping = true;
        REQUIRE(sent.wait_for(10s) == std::future_status::ready);
        const auto outcome = sent.get();
        CHECK_FALSE(outcome.succeeded);
        CHECK(outcome.retryable);
        CHECK(outcome.result == "interrupted: taskd stopped");
    }
}

TEST_CASE("smtp: bad arguments are refused before anything is sent") {
    const SmtpServer smtp;
    auto server = some_server(smtp.url());
    auto mail = some_mail();
    SECTION("recipient") {
        mail.to = "a@b>\r\nDATA";
    }
    SECTION("sender") {
        server.from = "a@b>\r\nDATA";
    }
    SECTION("URL") {
        server.url = "http://127.0.0.1";
    }
    const auto outcome = daemon::send_mail(server, mail, going);
    CHECK_FALSE(outcome.succeeded);
    CHECK_FALSE(outcome.retryable);
    CHECK(smtp.messages().empty());
}

TEST_CASE("smtp: a password goes through STARTTLS to a server with a good certificate only") {
    const test::TempDir directory;
    const auto certificate = make_certificate(directory);
    const SmtpServer smtp({"--certificate", certificate, "--login", "ada:s3cret"});
    const SmtpServer bare({"--login", "ada:s3cret"});
    auto server = some_server(smtp.url());
    server.user = "ada";
    server.password = "s3cret";
    server.ca_file = certificate + ".crt";

    SECTION("the right one") {
        CHECK(daemon::send_mail(server, some_mail(), going).result == "250 kept");
        CHECK(smtp.messages().at(0)["tls"] == true);
        CHECK(smtp.messages().at(0)["login"] == true);
    }
    SECTION("an unknown certificate") {
        server.ca_file = "";
        const auto outcome = daemon::send_mail(server, some_mail(), going);
        CHECK_FALSE(outcome.succeeded);
        CHECK(outcome.retryable);
        CHECK(outcome.result.find("certificate") != std::string::npos);
    }
    SECTION("a wrong password") {
        server.password = "wr0ng";
        const auto outcome = daemon::send_mail(server, some_mail(), going);
        CHECK_FALSE(outcome.succeeded);
        CHECK(outcome.retryable);
        CHECK(outcome.result.rfind("535 ", 0) == 0);
        CHECK((outcome.result + outcome.output).find("wr0ng") == std::string::npos);
    }
    SECTION("no TLS on offer") {
        server.url = bare.url();
        const auto outcome = daemon::send_mail(server, some_mail(), going);
        CHECK_FALSE(outcome.succeeded);
        CHECK(outcome.result == "the server offers no STARTTLS");
        server.tls = MailServer::Tls::off;
        CHECK(daemon::send_mail(server, some_mail(), going).succeeded);
        CHECK(bare.messages().at(0)["tls"] == false);
    }
    CHECK(smtp.messages().size() + bare.messages().size() <= 1);
}

TEST_CASE("smtp: TLS can be demanded without a password, too") {
    const SmtpServer smtp;
    auto server = some_server(smtp.url());
    server.tls = MailServer::Tls::required;
    const auto outcome = daemon::send_mail(server, some_mail(), going);
    CHECK_FALSE(outcome.succeeded);
    CHECK(outcome.retryable);
    CHECK(outcome.result == "the server offers no STARTTLS");
    CHECK(smtp.messages().empty());
}
