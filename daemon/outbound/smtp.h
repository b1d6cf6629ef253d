// SPDX-License-Identifier: Apache-2.0
// One attempt to hand a mail to the mail server.
#pragma once

#include "core/delivery.h"
#include "core/result.h"
#include "daemon/outbound/mail.h"

#include <atomic>
#include <chrono>
#include <string>

namespace taskd::daemon {

/// Where mail goes out. The server's certificate is verified wherever TLS is used.
struct MailServer {
    enum class Tls {
        opportunistic,  ///< STARTTLS where it is offered; required once there is a password
        required,
        off,  ///< for smtp:// only; smtps:// is TLS from its first byte
    };

    std::string url;   ///< smtp://host[:port] or smtps://host[:port]; port 25 or 465 by default
    std::string from;  ///< "taskd <taskd@example.org>" or the bare address
    std::string user;  ///< "" for no login
    std::string password;
    Tls tls = Tls::opportunistic;
    std::string ca_file;  ///< PEM; "" for the system's authorities
    std::chrono::milliseconds timeout{std::chrono::seconds{30}};  ///< of an attempt as a whole
};

/// The server as given, once its url and from can be used.
///
/// Errors: invalid_argument - smtp.url is not smtp:// or smtps:// with a host and no more than a
///         port; smtp.from has no good address. A password in the url is not repeated.
[[nodiscard]] core::Result<MailServer> check_server(MailServer server);

/// The message as it is sent: message_of() in mail.h.
[[nodiscard]] std::string mail_text(const MailServer& server, const Mail& mail);

/// Makes one attempt; blocks until it ended, and ends within a second of `stopping`. `result` is
/// the server's last reply line, or why there is none. A refusal for good (5xx, but for that
/// of a login) and bad arguments are not retryable; "not now" (4xx), a lost connection, TLS trouble
/// and a timeout are. A timeout may come after the server took the message, so a repeat is
/// possible.
[[nodiscard]] core::Outcome send_mail(const MailServer& server, const Mail& mail,
                                      const std::atomic<bool>& stopping);

}  // namespace taskd::daemon
