// SPDX-License-Identifier: Apache-2.0
#include "daemon/outbound/mail.h"

#include "core/base64.h"
#include "core/clean_text.h"
#include "core/text.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>
#include <vector>

namespace taskd::daemon {
namespace {

constexpr std::size_t shown_bytes_max = 200;        // of what someone else wrote
constexpr std::size_t message_id_bytes_max = 250;   // a line has at most 998 (RFC 5322)
constexpr std::size_t encoded_word_bytes_max = 39;  // "Subject: =?UTF-8?B?...?=" is 73 characters
constexpr std::size_t body_columns_max = 75;        // and the "=" of a soft line break

bool is_alphanumeric(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_visible(char c) {
    return c > ' ' && c < '\x7f';
}

/// RFC 5322 section 3.2.3.
bool is_atom(std::string_view text) {
    constexpr std::string_view others = "!#$%&'*+-/=?^_`{|}~";
    return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
        return is_alphanumeric(c) || others.find(c) != std::string_view::npos;
    });
}

/// Of an address or id that nobody checked, no more than a header field can hold.
std::string visible(std::string_view text, std::size_t bytes_max) {
    std::string out(text.substr(0, bytes_max));
    for (char& c : out)
        if (!is_visible(c) || c == '<' || c == '>') c = '?';
    return out;
}

/// One encoded word per line. `text` is UTF-8, and no character is cut in two (RFC 2047 section 5).
std::string encoded_words(std::string_view text) {
    std::vector<std::string> words;
    while (!text.empty()) {
        auto length = std::min(text.size(), encoded_word_bytes_max);
        while (length < text.size() && (static_cast<unsigned char>(text[length]) & 0xc0U) == 0x80U)
            --length;
        words.push_back("=?UTF-8?B?" + core::base64(text.substr(0, length)) + "?=");
        text.remove_prefix(length);
    }
    return core::join(words, "\r\n ");
}

std::string subject_field(std::string_view subject) {
    const std::string cleaned = core::cleaned(subject);
    const auto text = core::trim(cleaned);
    const bool is_plain =
        text.size() <= encoded_word_bytes_max && text.find("=?") == std::string_view::npos &&
        std::all_of(text.begin(), text.end(), [](char c) { return c == ' ' || is_visible(c); });
    return "Subject: " + (is_plain ? std::string(text) : encoded_words(text));
}

std::string from_field(std::string_view from) {
    const auto mailbox = mailbox_of(from);
    const std::string address = visible(mailbox.address, mail_address_bytes_max);
    const std::string name(core::trim(core::cleaned(mailbox.name)));
    if (name.empty()) return "From: " + address;
    const auto words = core::words_of(name);
    const bool is_plain = name.size() <= encoded_word_bytes_max &&
                          name.find("=?") == std::string::npos &&
                          std::all_of(words.begin(), words.end(), is_atom);
    if (is_plain) return "From: " + name + " <" + address + ">";
    return "From: " + encoded_words(name) + "\r\n <" + address + ">";
}

/// "Tue, 24 Nov 2026 08:30:00 +0000". Not strftime: its names depend on the locale.
std::string date_of(core::Timestamp at) {
    using namespace std::chrono;
    constexpr std::array days_of_week{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    constexpr std::array months_of_year{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const auto day = floor<days>(at);
    const year_month_day date{day};
    const hh_mm_ss time{floor<seconds>(at - day)};
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), "%s, %02u %s %04d %02d:%02d:%02d +0000",
                  days_of_week.at(weekday{day}.c_encoding()), static_cast<unsigned>(date.day()),
                  months_of_year.at(static_cast<unsigned>(date.month()) - 1),
                  static_cast<int>(date.year()), static_cast<int>(time.hours().count()),
                  static_cast<int>(time.minutes().count()),
                  static_cast<int>(time.seconds().count()));
    return text.data();
}

std::string quoted_printable(std::string_view line) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    std::string out;
    std::size_t column = 0;
    for (std::size_t i = 0; i < line.size(); ++i) {
        const char c = line[i];
        // White space at the end of a line may be lost on the way.
        const bool is_space = (c == ' ' || c == '\t') && i + 1 < line.size();
        std::string piece(1, c);
        if (!is_space && (!is_visible(c) || c == '='))
            piece = {'=', digits[static_cast<unsigned char>(c) >> 4U],
                     digits[static_cast<unsigned char>(c) & 15U]};
        if (column + piece.size() > body_columns_max) {
            out += "=\r\n";
            column = 0;
        }
        out += piece;
        column += piece.size();
    }
    return out + "\r\n";
}

std::string body_of(std::string_view text) {
    const std::string cleaned = core::cleaned(text, "\t\r\n");
    std::string unix_text;
    for (std::size_t i = 0; i < cleaned.size(); ++i) {
        if (cleaned[i] == '\r' && i + 1 < cleaned.size() && cleaned[i + 1] == '\n') continue;
        unix_text += cleaned[i] == '\r' ? '\n' : cleaned[i];
    }
    auto lines = core::split(unix_text, '\n');
    if (lines.back().empty()) lines.pop_back();
    std::string body;
    for (const auto& line : lines) body += quoted_printable(line);
    return body;
}

std::string escaped(std::string_view text) {
    std::string out;
    for (const char c : text) {
        switch (c) {
        case '&':
            out += "&amp;";
            break;
        case '<':
            out += "&lt;";
            break;
        case '>':
            out += "&gt;";
            break;
        case '"':
            out += "&quot;";
            break;
        default:
            out += c;
        }
    }
    return out;
}

/// A line as HTML; a word that is the address of a page is a link to it.
std::string html_text(std::string_view line) {
    std::string out;
    while (!line.empty()) {
        const auto end = std::min(line.find(' '), line.size());
        const auto word = line.substr(0, end);
        const bool is_url = word.rfind("https://", 0) == 0 || word.rfind("http://", 0) == 0;
        const std::string text = escaped(word);
        out += is_url ? "<a href=\"" + text + "\">" + text + "</a>" : text;
        line.remove_prefix(end);
        if (line.empty()) break;
        out += ' ';
        line.remove_prefix(1);
    }
    return out;
}

bool is_host_label(std::string_view text) {
    return !text.empty() && text.size() <= 63 && text.front() != '-' && text.back() != '-' &&
           std::all_of(text.begin(), text.end(),
                       [](char c) { return is_alphanumeric(c) || c == '-'; });
}

template <class Predicate>
bool all_parts(std::string_view dotted, Predicate predicate) {
    const auto parts = core::split(dotted, '.');
    return std::all_of(parts.begin(), parts.end(), predicate);
}

/// What is wrong with an address, or "".
std::string_view fault_of(std::string_view address) {
    constexpr std::size_t local_part_bytes_max = 64;  // RFC 5321 section 4.5.3.1.1
    const auto at = address.rfind('@');
    if (address.size() > mail_address_bytes_max) return "is longer than 254 bytes";
    if (at == std::string_view::npos) return "has no @";
    if (at > local_part_bytes_max) return "has more than 64 bytes before its @";
    if (!all_parts(address.substr(0, at), is_atom))
        return "has something else than words and dots before its @";
    if (!all_parts(address.substr(at + 1), is_host_label))
        return "has no host name in ASCII after its @";
    return "";
}

}  // namespace

std::string shown(std::string_view text) {
    return core::clipped(core::cleaned(core::trim(text)), shown_bytes_max);
}

Mailbox mailbox_of(std::string_view text) {
    text = core::trim(text);
    const auto open = text.rfind('<');
    if (open == std::string_view::npos || text.back() != '>') return {"", std::string(text)};
    auto name = core::trim(text.substr(0, open));
    if (name.size() >= 2 && name.front() == '"' && name.back() == '"')
        name = name.substr(1, name.size() - 2);
    return {std::string(name), std::string(text.substr(open + 1, text.size() - open - 2))};
}

core::Result<void> check_address(std::string field, const std::string& address) {
    const auto fault = fault_of(address);
    if (fault.empty()) return {};
    return core::invalid_argument(std::move(field),
                                  "\"" + shown(address) + "\" " + std::string(fault) +
                                      "; use one bare address such as ada@example.org");
}

std::string html_of(std::string_view title, std::string_view text) {
    std::string page = "<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"></head><body>\n<h3>" +
                       html_text(title) + "</h3>\n<p>";
    std::string between;
    for (const auto& line : core::split(text, '\n')) {
        page += std::exchange(between, "<br>\n") + html_text(line);
    }
    return page + "</p>\n</body></html>\n";
}

std::string message_of(std::string_view from, const Mail& mail) {
    const std::string address = visible(mailbox_of(from).address, mail_address_bytes_max);
    const auto at = address.rfind('@');
    const std::string domain = at == std::string::npos ? "localhost" : address.substr(at + 1);
    std::vector<std::string> fields{
        "Date: " + date_of(mail.date),
        from_field(from),
        "To: " + visible(mail.to, mail_address_bytes_max),
        subject_field(mail.subject),
        "Message-ID: <" + visible(mail.message_id, message_id_bytes_max) + ">",
        "List-Id: <reminders.taskd." + domain + ">",
        "Auto-Submitted: auto-generated",
        "MIME-Version: 1.0",
    };
    const auto part = [](const std::string& type, std::string_view text) {
        return "Content-Type: " + type +
               "; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" +
               body_of(text);
    };
    if (mail.html.empty())
        return core::join(fields, "\r\n") + "\r\n" + part("text/plain", mail.text);
    // Quoted-printable never has "=_", so no body ends a part (RFC 2045 section 6.7).
    const std::string boundary = "=_taskd";
    fields.push_back("Content-Type: multipart/alternative; boundary=\"" + boundary + "\"");
    return core::join(fields, "\r\n") + "\r\n\r\n--" + boundary + "\r\n" +
           part("text/plain", mail.text) + "--" + boundary + "\r\n" + part("text/html", mail.html) +
           "--" + boundary + "--\r\n";
}

}  // namespace taskd::daemon
