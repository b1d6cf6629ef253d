// SPDX-License-Identifier: Apache-2.0
// Questions that scripts ask: the exit status is the answer, and nothing is printed.
#include "cli/commands/commands.h"
#include "cli/exit_code.h"

#include <functional>
#include <string>

namespace taskd::cli {
namespace {

using Question = std::function<bool(const ipc::TaskDetails&, core::Timestamp)>;

bool is_due(const ipc::TaskDetails& details, core::Timestamp now) {
    const auto& due = details.task.content.due;
    return details.task.is_open() && due && due->at <= now;
}

bool is_done(const ipc::TaskDetails& details, core::Timestamp) {
    return details.task.status == core::Status::completed;
}

bool is_paused(const ipc::TaskDetails& details, core::Timestamp) {
    return details.series && details.series->series.paused.has_value();
}

int ask(Context& context, const std::string& task, const Question& question) {
    auto client = context.client();
    if (!client) return context.fail(client.error());
    const auto answer = client->call(ipc::TaskGet{task});
    if (!answer) return context.fail(answer.error());
    return question(answer->value, context.now()) ? 0 : exit_no;
}

void add_question(CommandLine& line, const std::string& name, const std::string& summary,
                  const std::string& details, const Question& question) {
    line.add({.name = name,
              .section = "Scripts",
              .summary = summary,
              .usage = "TASK",
              .words_min = 1,
              .words_max = 1,
              .examples = {name + " 3"},
              .details = details + " Prints nothing: status 0 is yes, 11 is no, and all others are "
                                   "failures.",
              .run = [question](Context& context, const Words& words) {
                  return ask(context, words[0], question);
              }});
}

}  // namespace

void register_predicates(CommandLine& line) {
    add_question(line, "is-due", "whether a task is open and its due time has come",
                 "A day without a time is due from its beginning.", is_due);
    add_question(line, "is-done", "whether a task is completed", "One that was cancelled is not.",
                 is_done);
    add_question(line, "is-paused", "whether the series of a task is paused",
                 "A task that does not recur is not.", is_paused);
}

}  // namespace taskd::cli
