// SPDX-License-Identifier: Apache-2.0
#include "daemon/outbound/outside.h"

#include "core/text.h"
#include "daemon/config.h"
#include "daemon/secret.h"

namespace taskd::daemon {
namespace {

core::Result<MailServer> read_mail_server(const Config& config) {
    MailServer server;
    server.url = config.text("smtp.url");
    server.from = config.text("smtp.from");
    server.user = config.text("smtp.user");
    server.ca_file = config.text("smtp.ca_file");
    server.timeout = config.span("smtp.timeout");
    const auto& tls = config.text("smtp.tls");
    if (tls == "required")
        server.tls = MailServer::Tls::required;
    else if (tls == "off")
        server.tls = MailServer::Tls::off;
    else if (tls != "opportunistic")
        return core::invalid_argument("smtp.tls", "\"" + core::clipped(tls, 64) +
                                                      "\" is not accepted; use opportunistic, "
                                                      "required or off");
    if (server.url.empty()) return server;
    if (const auto& file = config.text("smtp.password_file"); !file.empty()) {
        auto password = read_secret_file("smtp.password_file", file, 1);
        if (!password) return tl::unexpected(password.error());
        server.password = std::move(*password);
    }
    return check_server(std::move(server));
}

}  // namespace

core::Result<Outside> read_outside(const Config& config,
                                   const ipc::dapr::Environment& environment) {
    std::string endpoint = config.text("dapr.endpoint");
    if (const auto port = config.integer("dapr.port"); endpoint.empty() && port != 0)
        endpoint = "http://127.0.0.1:" + std::to_string(port);
    auto sidecar = ipc::dapr::find_sidecar(endpoint, environment);
    if (!sidecar) {
        auto error = sidecar.error();
        if (error.field == "sidecar") error.field = "dapr.endpoint";
        return tl::unexpected(error);
    }
    auto mail = read_mail_server(config);
    if (!mail) return tl::unexpected(mail.error());
    // Without a daemon around it, as in tests of the configuration alone, nothing is reached.
    const auto& rules = config.text("webhook.networks");
    auto networks = NetworkRules::parse("webhook.networks", rules.empty() ? "public" : rules);
    if (!networks) return tl::unexpected(networks.error());
    return Outside{std::move(*sidecar),
                   std::move(*mail),
                   {std::move(*networks), config.text("webhook.ca_file")}};
}

}  // namespace taskd::daemon
