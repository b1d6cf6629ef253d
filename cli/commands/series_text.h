// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/command_line.h"
#include "cli/context.h"
#include "cli/render.h"
#include "ipc/messages.h"

#include <nlohmann/json_fwd.hpp>

#include <optional>
#include <string>
#include <vector>

namespace taskd::cli {

/// A series' rule, zone, policies and state, as show and series show print them.
[[nodiscard]] std::vector<Field> series_fields(Context& context, const ipc::SeriesView& view);

/// "overlap stack (changed), shift next (add)": the policies that are not the default.
[[nodiscard]] std::string policy_words(const core::Policies& policies);

/// SERIES of a usage line, explained.
inline constexpr const char* series_word =
    "SERIES is the number of one of its tasks, or the first 4 or more characters of its id.";

/// What a change made of a series; `verb` begins the first line: "Paused", "Moved a slot of".
void show_changed(Context& context, const ipc::SeriesChanged& changed, const nlohmann::json& json,
                  const std::string& verb);

/// Sends a change of a series and shows what it made.
template <class Request>
int change_series(Context& context, const Request& request, const std::string& key,
                  const std::string& verb) {
    auto client = context.client(key_from(key));
    if (!client) return context.fail(client.error());
    const auto answer = client->call(request);
    if (!answer) return context.fail(answer.error());
    context.note_replay(answer->replayed);
    show_changed(context, answer->value, answer->json, verb);
    return 0;
}

/// A slot's recurrence id as typed: "2026-12-24T09:30:00", or with a space and without seconds.
[[nodiscard]] core::Result<std::optional<core::RecurrenceId>> slot_from(const std::string& option,
                                                                        const std::string& text);

}  // namespace taskd::cli
