// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/handlers/handling.h"
#include "ipc/admin_messages.h"

namespace taskd::daemon {

/// Makes a bearer token; the reply is the only place that ever holds its secret.
///
/// Errors: invalid_argument on `name`, `scope`, `ttl_ms`; conflict on `name` - the user has one of
///         that name; permission_denied - scope service, and the caller is no operator, or the
///         caller itself came with a token: a leaked one must not be made to last;
///         resource_exhausted - tokens_max.
[[nodiscard]] core::Result<ipc::TokenView> create_token(const ipc::TokenCreate& request,
                                                        Handling& h);

/// The user's tokens that are in force, without secrets, oldest first.
[[nodiscard]] core::Result<ipc::TokenPage> list_tokens(const ipc::TokenList& request, Handling& h);

/// Ends a token at once: no request that begins after the reply is let in with it.
///
/// Errors: not_found on `id` - the user has no token of that id or name.
[[nodiscard]] core::Result<ipc::TokenView> revoke_token(const ipc::TokenRevoke& request,
                                                        Handling& h);

}  // namespace taskd::daemon
