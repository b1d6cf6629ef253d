// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/http/http_request.h"

#include <cstdint>

namespace taskd::daemon {

/// Reads one request from bytes as they come, in bounded memory, and takes nothing that two readers
/// could understand differently: what is ambiguous is how requests are smuggled past a proxy.
///
/// Shape:  bytes in, in pieces of any size; one HttpRequest or one HttpRefusal out.
/// Errors: 400 framing or characters, 411 no length, 413 body, 417 expectation, 431 head,
///         501 method or coding, 505 version. After a refusal the connection must be closed, since
///         where the next request begins is not known.
/// Source: RFC 9112 sections 2.2, 3, 5, 6 and 7; RFC 9110 section 10.1.1 (Expect).
class HttpParser {
public:
    enum class State { head, body, done, refused };

    explicit HttpParser(std::size_t body_bytes_max) : body_bytes_max_(body_bytes_max) {}

    /// Takes from the front of `input` what belongs to this request; what is left over is the next
    /// one's. Call again when more has come.
    State advance(std::string& input);

    [[nodiscard]] State state() const { return state_; }
    [[nodiscard]] const HttpRefusal& refusal() const { return refusal_; }
    /// The client waits for "100 Continue" before it sends the body; true once.
    [[nodiscard]] bool take_continue();
    [[nodiscard]] std::size_t body_bytes() const { return request_.body.size(); }
    /// The complete request.
    [[nodiscard]] HttpRequest take_request() { return std::move(request_); }

private:
    enum class Framing { none, length, chunk_size, chunk_data, chunk_end, trailer };

    State refuse(int status, std::string detail);
    [[nodiscard]] bool scan(const std::string& input);
    bool read_head(std::string_view head);
    bool read_request_line(std::string_view line);
    bool read_field(std::string_view line, bool keep);
    bool read_framing();
    bool read_length(const std::string& text);
    void read_connection();
    bool advance_body(const std::string& input);
    bool advance_line(const std::string& input);
    bool read_chunk_size(std::string_view line);

    std::size_t body_bytes_max_;
    State state_ = State::head;
    Framing framing_ = Framing::none;
    HttpRequest request_;
    HttpRefusal refusal_;
    std::size_t scanned_ = 0;   ///< bytes of the head that have been looked at
    std::size_t line_end_ = 0;  ///< where the last complete line of the head ends
    bool started_ = false;      ///< a byte of the request line was seen
    bool awaits_continue_ = false;
    std::size_t at_ = 0;    ///< of the input, what is used up already
    std::size_t left_ = 0;  ///< of the body or chunk
    std::size_t trailer_bytes_ = 0;
    std::size_t trailer_fields_ = 0;
};

}  // namespace taskd::daemon
