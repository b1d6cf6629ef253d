// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/http/dapr_routes.h"
#include "daemon/http/http_calls.h"
#include "daemon/http/http_job.h"
#include "daemon/http/http_services.h"

namespace taskd::daemon {

/// taskd as the task backend of a Dapr system: /api/tasks and /api/users in the words of the
/// services that are out there. Called by the sidecar, which names the user, or with a bearer
/// token. One of these belongs to each worker.
class BackendRoutes {
public:
    BackendRoutes(HttpServices& services, HttpCalls& calls, const DaprRoutes& dapr)
        : services_(services), calls_(calls), dapr_(dapr) {}

    /// POST /api/tasks: 201 and the task, the same for the same idempotency key.
    [[nodiscard]] HttpResult add_task(const HttpJob& job);
    /// GET /api/tasks?user_id=&limit=&offset=
    [[nodiscard]] HttpResult list_tasks(const HttpJob& job);
    /// GET /api/users/{id}
    [[nodiscard]] HttpResult get_user(const HttpJob& job);
    /// POST /api/tasks/{id}/reminder-sent
    [[nodiscard]] HttpResult reminder_sent(const HttpJob& job);

private:
    [[nodiscard]] tl::expected<Caller, HttpRefusal> identify(const HttpJob& job) const;

    HttpServices& services_;
    HttpCalls& calls_;
    const DaprRoutes& dapr_;
};

}  // namespace taskd::daemon
