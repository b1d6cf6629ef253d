// SPDX-License-Identifier: Apache-2.0
#include "daemon/handlers/admin_handlers.h"

#include "core/text.h"
#include "daemon/handlers/call_handlers.h"
#include "version.h"

namespace taskd::daemon {

core::Result<ipc::Health> admin_health(const ipc::AdminHealth&, Handling& h) {
    ipc::Health health;
    health.version = TASKD_VERSION;
    health.pid = h.identity.pid;
    health.store = h.identity.store;
    health.started = h.identity.started;
    health.user_id = h.user.str();
    if (h.identity.store_error) health.error = h.identity.store_error();
    if (!health.error.empty()) health.status = "degraded";
    h.unit.count_rows(h.user, health);
    if (!h.caller.is_operator) return health;  // which apps are called is not a user's to know
    health.breakers = breaker_views(h.standing.breakers, h.settings, h.received);
    health.topics = h.standing.publisher.views(h.standing.publish_log, h.settings.roles);
    if (h.identity.sidecar) health.sidecar = h.identity.sidecar();
    return health;
}

core::Result<ipc::GapPage> list_gaps(const ipc::GapList& request, Handling& h) {
    if (request.limit < 1 || request.limit > core::page_max)
        return core::invalid_argument(
            "limit", std::to_string(request.limit) + " is not accepted; use 1 to 1000");
    return ipc::GapPage{h.unit.gaps(request.since, request.limit)};
}

core::Result<ipc::ConfigReply> admin_config(const ipc::AdminConfig&, Handling& h) {
    return ipc::ConfigReply{h.identity.config};
}

core::Result<ipc::BackupReply> admin_backup(const ipc::AdminBackup& request, Handling& h) {
    if (request.path.empty() || request.path.front() != '/' ||
        request.path.find('\0') != std::string::npos)
        return core::invalid_argument(
            "path", "\"" + core::clipped(request.path, 64) + "\" is not an absolute path");
    h.backup = request.path;
    return ipc::BackupReply{};
}

core::Result<ipc::ShutdownReply> admin_shutdown(const ipc::AdminShutdown&, Handling& h) {
    h.shutdown = true;
    return ipc::ShutdownReply{h.identity.pid};
}

core::Result<ipc::Stats> admin_stats(const ipc::AdminStats&, Handling& h) {
    return h.identity.stats ? h.identity.stats() : ipc::Stats{};
}

}  // namespace taskd::daemon
