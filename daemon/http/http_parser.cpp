// SPDX-License-Identifier: Apache-2.0
#include "daemon/http/http_parser.h"

#include "core/http_token.h"
#include "core/text.h"

#include <algorithm>
#include <array>

namespace taskd::daemon {
namespace {

constexpr std::string_view line_break = "\r\n";
constexpr std::size_t digits_max = 18;  // of a length; more could not be counted in 64 bits
// What a client may send that is not served here is 405 by its path; a word that is no method of
// RFC 9110 or 5789 is 501.
constexpr std::array<std::string_view, 9> methods{"GET",    "HEAD",    "POST",    "PUT",  "PATCH",
                                                  "DELETE", "OPTIONS", "CONNECT", "TRACE"};

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
bool is_hex(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}
bool is_alpha_or_digit(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/// origin-form with the characters of RFC 3986: what a log, a proxy and we read the same way.
bool is_origin_form(std::string_view target) {
    if (target.empty() || target.front() != '/') return false;
    for (std::size_t i = 0; i < target.size(); ++i) {
        const char c = target[i];
        if (c == '%') {
            if (i + 2 >= target.size() || !is_hex(target[i + 1]) || !is_hex(target[i + 2]))
                return false;
            i += 2;
        } else if (!is_alpha_or_digit(c) &&
                   std::string_view("-._~!$&'()*+,;=:@/?").find(c) == std::string_view::npos) {
            return false;
        }
    }
    return true;
}

/// Controls other than HTAB, DEL; bytes from 0x80 on are obs-text, which a value may have.
bool is_control(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\t') || byte == 0x7f;
}

std::string_view trimmed(std::string_view text) {
    const auto blank = [](char c) { return c == ' ' || c == '\t'; };
    while (!text.empty() && blank(text.front())) text.remove_prefix(1);
    while (!text.empty() && blank(text.back())) text.remove_suffix(1);
    return text;
}

}  // namespace

HttpParser::State HttpParser::refuse(int status, std::string detail) {
    refusal_ = {status, std::move(detail), {}};
    return state_ = State::refused;
}

bool HttpParser::take_continue() {
    return state_ == State::body && std::exchange(awaits_continue_, false);
}

HttpParser::State HttpParser::advance(std::string& input) {
    if (state_ == State::head) {
        // One empty line before the request line is forgiven (RFC 9112 section 2.2).
        if (!started_ && input.size() >= line_break.size()) {
            if (input.compare(0, line_break.size(), line_break) == 0) input.erase(0, 2);
            started_ = true;
        }
        if (!started_) {
            if (input.empty() || input.front() == '\r') return state_;
            started_ = true;
        }
        if (!scan(input)) return state_;
        if (state_ != State::head) {  // scan() found the end
            const std::string head = input.substr(0, scanned_);
            input.erase(0, scanned_);
            if (!read_head(std::string_view(head).substr(0, head.size() - line_break.size())) ||
                !read_framing())
                return state_;
            if (framing_ == Framing::none) return state_ = State::done;
        }
    }
    // What is used up is taken off once: one-byte chunks must not cost a move of the rest each.
    at_ = 0;
    while (state_ == State::body && advance_body(input)) {
    }
    input.erase(0, at_);
    return state_;
}

/// Looks at each byte of the head once; at its end the state is body. False after a refusal.
bool HttpParser::scan(const std::string& input) {
    for (; scanned_ < input.size(); ++scanned_) {
        if (scanned_ >= http_head_bytes_max) {
            refuse(431, "the request line and fields are longer than 16384 bytes");
            return false;
        }
        const char c = input[scanned_];
        if (c == '\r') {
            if (scanned_ + 1 == input.size()) return true;  // its LF may come yet
            if (input[scanned_ + 1] != '\n') {
                refuse(400, "a CR without LF in the head");
                return false;
            }
            ++scanned_;
            const bool is_empty = scanned_ + 1 - line_end_ == line_break.size();
            line_end_ = scanned_ + 1;
            if (!is_empty) continue;
            ++scanned_;
            if (scanned_ > http_head_bytes_max) {
                refuse(431, "the request line and fields are longer than 16384 bytes");
                return false;
            }
            state_ = State::body;
            return true;
        }
        if (c == '\n') {
            refuse(400, "an LF without CR in the head");
            return false;
        }
        if (is_control(c)) {
            refuse(400, "a control character in the head");
            return false;
        }
    }
    return true;
}

/// `head` is complete lines, each with its CRLF.
bool HttpParser::read_head(std::string_view head) {
    bool is_first = true;
    while (!head.empty()) {
        const auto end = head.find(line_break);
        const auto line = head.substr(0, end);
        head.remove_prefix(end + line_break.size());
        if (is_first ? !read_request_line(line) : !read_field(line, true)) return false;
        is_first = false;
    }
    if (is_first) {
        refuse(400, "the request line is empty");
        return false;
    }
    return true;
}

bool HttpParser::read_request_line(std::string_view line) {
    const auto fail = [&](int status, const std::string& detail) {
        refuse(status, detail);
        return false;
    };
    const auto first = line.find(' ');
    const auto last = line.rfind(' ');
    if (first == std::string_view::npos || first == last)
        return fail(400, "the request line is not METHOD TARGET VERSION");
    const auto method = line.substr(0, first);
    const auto target = line.substr(first + 1, last - first - 1);
    const auto version = line.substr(last + 1);
    if (!core::is_http_token(method)) return fail(400, "the method is not a token");
    const bool is_version = version.size() == 8 && version.substr(0, 5) == "HTTP/" &&
                            is_digit(version[5]) && version[6] == '.' && is_digit(version[7]);
    if (!is_version) return fail(400, "the request line does not end with an HTTP version");
    if (version != "HTTP/1.1" && version != "HTTP/1.0")
        return fail(505, std::string(version) + " is not served; use HTTP/1.1");
    if (std::find(methods.begin(), methods.end(), method) == methods.end())
        return fail(501, "the method is not known");
    if (!is_origin_form(target))
        return fail(400, "the target is not a path such as /v1/rpc (origin-form)");
    request_.method = method;
    request_.target = target;
    request_.minor_version = version.back() - '0';
    return true;
}

bool HttpParser::read_field(std::string_view line, bool keep) {
    const auto fail = [&](int status, const std::string& detail) {
        refuse(status, detail);
        return false;
    };
    // An obsolete folded line (begins with white space) has no token before its colon either.
    const auto colon = line.find(':');
    if (colon == std::string_view::npos || !core::is_http_token(line.substr(0, colon)))
        return fail(400, "a field is not NAME: VALUE on one line");
    if (!keep) return true;
    if (request_.fields.size() == http_fields_max) return fail(431, "more than 100 fields");
    request_.fields.emplace_back(core::to_lower(line.substr(0, colon)),
                                 trimmed(line.substr(colon + 1)));
    return true;
}

/// Decides where the body ends; one way only (RFC 9112 section 6.3).
bool HttpParser::read_framing() {
    const auto fail = [&](int status, const std::string& detail) {
        refuse(status, detail);
        return false;
    };
    const auto hosts = request_.count("host");
    if (hosts > 1) return fail(400, "more than one Host field");
    if (hosts == 0 && request_.minor_version == 1) return fail(400, "the Host field is missing");
    read_connection();

    const auto lengths = request_.count("content-length");
    const auto codings = request_.count("transfer-encoding");
    if (lengths > 1) return fail(400, "more than one Content-Length field");
    if (lengths > 0 && codings > 0)
        return fail(400, "both Content-Length and Transfer-Encoding; use one");
    if (codings > 1) return fail(400, "more than one Transfer-Encoding field");
    if (codings == 1) {
        if (request_.minor_version == 0) return fail(400, "Transfer-Encoding in HTTP/1.0");
        if (core::to_lower(*request_.field("transfer-encoding")) != "chunked")
            return fail(501, "a transfer coding other than chunked");
        framing_ = Framing::chunk_size;
    } else if (lengths == 1) {
        if (!read_length(*request_.field("content-length"))) return false;
        framing_ = left_ > 0 ? Framing::length : Framing::none;
    } else if (request_.method == "POST" || request_.method == "PUT" ||
               request_.method == "PATCH") {
        return fail(411, request_.method + " needs Content-Length or Transfer-Encoding: chunked");
    }
    const auto* expect = request_.field("expect");
    if (expect != nullptr && core::to_lower(*expect) != "100-continue")
        return fail(417, "an expectation other than 100-continue");
    awaits_continue_ =
        expect != nullptr && request_.minor_version == 1 && framing_ != Framing::none;
    return true;
}

bool HttpParser::read_length(const std::string& text) {
    const bool digits = !text.empty() && std::all_of(text.begin(), text.end(), is_digit);
    if (!digits) {
        refuse(400, "Content-Length is not a whole number");
        return false;
    }
    const auto first = std::min(text.find_first_not_of('0'), text.size() - 1);
    const std::string number = text.substr(first);
    if (number.size() > digits_max || std::stoull(number) > body_bytes_max_) {
        refuse(413, "the body is longer than " + std::to_string(body_bytes_max_) + " bytes");
        return false;
    }
    left_ = std::stoull(number);
    return true;
}

void HttpParser::read_connection() {
    // HTTP/1.0 is closed after the answer: probes that speak it ask for one thing.
    request_.keep_alive = request_.minor_version == 1;
    for (const auto& [name, value] : request_.fields) {
        if (name != "connection") continue;
        for (const auto& word : core::split(value, ','))
            if (core::to_lower(trimmed(word)) == "close") request_.keep_alive = false;
    }
}

/// One step of the body; false when more bytes are needed, or at the end.
bool HttpParser::advance_body(const std::string& input) {
    if (framing_ != Framing::length && framing_ != Framing::chunk_data) return advance_line(input);
    const auto taken = std::min(left_, input.size() - at_);
    request_.body.append(input, at_, taken);
    at_ += taken;
    left_ -= taken;
    if (left_ > 0) return false;
    if (framing_ == Framing::length) {
        state_ = State::done;
        return false;
    }
    framing_ = Framing::chunk_end;
    return true;
}

/// A line between or after the chunks.
bool HttpParser::advance_line(const std::string& input) {
    const auto fail = [&](int status, const std::string& detail) {
        refuse(status, detail);
        return false;
    };
    const bool in_trailer = framing_ == Framing::trailer;
    const auto most = in_trailer ? http_head_bytes_max : http_chunk_line_bytes_max;
    auto end = at_;
    for (; end < input.size() && input[end] != '\r'; ++end) {
        if (is_control(input[end])) return fail(400, "a control character between chunks");
        if (end - at_ == most)
            return fail(in_trailer ? 431 : 400, "a line between chunks is too long");
    }
    if (end + 1 >= input.size()) return false;
    if (input[end + 1] != '\n') return fail(400, "a CR without LF between chunks");
    const auto line = std::string_view(input).substr(at_, end - at_);
    at_ = end + line_break.size();

    if (framing_ == Framing::chunk_size) return read_chunk_size(line);
    if (framing_ == Framing::chunk_end) {
        if (!line.empty()) return fail(400, "a chunk is longer than its size says");
        framing_ = Framing::chunk_size;
        return true;
    }
    if (line.empty()) {
        state_ = State::done;
        return false;
    }
    // Trailers are read, so that the next request is found, and not used.
    trailer_bytes_ += line.size() + line_break.size();
    if (trailer_bytes_ > http_head_bytes_max || ++trailer_fields_ > http_fields_max)
        return fail(431, "too many fields after the last chunk");
    return read_field(line, false);
}

bool HttpParser::read_chunk_size(std::string_view line) {
    const auto digits =
        static_cast<std::size_t>(std::find_if_not(line.begin(), line.end(), is_hex) - line.begin());
    // An extension may follow, and says nothing to us.
    if (digits == 0 || (digits < line.size() && line[digits] != ';')) {
        refuse(400, "the size of a chunk is not a hexadecimal number");
        return false;
    }
    std::size_t size = 0;
    for (const char c : line.substr(0, digits)) {
        size = size * 16 + static_cast<std::size_t>(is_digit(c) ? c - '0' : (c | 0x20) - 'a' + 10);
        if (size > body_bytes_max_) break;
    }
    if (size > body_bytes_max_ - request_.body.size()) {
        refuse(413, "the body is longer than " + std::to_string(body_bytes_max_) + " bytes");
        return false;
    }
    left_ = size;
    framing_ = size == 0 ? Framing::trailer : Framing::chunk_data;
    return true;
}

}  // namespace taskd::daemon
