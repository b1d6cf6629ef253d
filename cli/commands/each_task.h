// SPDX-License-Identifier: Apache-2.0
// What the commands that take several tasks have in common.
#pragma once

#include "cli/command_line.h"
#include "cli/context.h"
#include "ipc/messages.h"

#include <functional>
#include <string>

namespace taskd::cli {

/// Sends a request for each of `tasks` and shows each reply. Goes on after a refusal, so that one
/// wrong number doesn't keep the others open; the exit status is that of the first.
///
/// Errors: invalid_argument - a key for several tasks: it stands for one request.
template <class Request>
int for_each_task(Context& context, const Words& tasks, const std::string& key,
                  const std::function<void(const typename Request::Reply&)>& show) {
    if (!key.empty() && tasks.size() > 1)
        return context.fail({core::Reason::invalid_argument,
                             "an idempotency key stands for one request, but " +
                                 std::to_string(tasks.size()) + " tasks were named",
                             "idempotency_key", "use one key for each task"});
    auto client = context.client(key);
    if (!client) return context.fail(client.error());
    int status = 0;
    for (const auto& task : tasks) {
        Request request;
        request.task = task;
        const auto answer = client->call(request);
        if (!answer) {
            const int failed = context.fail(answer.error());
            if (status == 0) status = failed;
            if (answer.error().reason == core::Reason::unavailable) break;
            continue;
        }
        if constexpr (Request::writes) context.note_replay(answer->replayed);
        if (context.screen().json())
            context.screen().print_json(answer->json);
        else if (context.screen().quiet())
            context.screen().print(std::to_string(answer->value.task.number) + "\n");
        else
            show(answer->value);
        context.screen().flush();  // before what the next one may have to say on standard error
    }
    return status;
}

/// "task 1: Stand-up", safe for a terminal.
[[nodiscard]] inline std::string task_words(const core::Task& task) {
    return "task " + std::to_string(task.number) + ": " + visible(task.content.summary);
}

/// What came of a series when its occurrence was closed.
void show_succession(Context& context, const ipc::TaskClosed& closed);

}  // namespace taskd::cli
