// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/commands.h"
#include "cli/commands/delivery_table.h"
#include "cli/commands/event_text.h"
#include "cli/event_place.h"
#include "cli/exit_code.h"
#include "cli/log_wait.h"
#include "core/event.h"
#include "core/event_filter.h"
#include "core/text.h"
#include "ipc/data_fields.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <functional>
#include <memory>

namespace taskd::cli {
namespace {

using core::Error;
using core::Reason;
using core::Result;

struct Given {
    std::string event;
    std::vector<std::string> where;
    std::string since;
    std::string run;
    std::string state;
};

Error bad_state(const std::string& state, const std::string& what, const std::string& accepted) {
    return {
        Reason::invalid_argument,
        "for: \"" + core::clipped(state, 64) + "\" is not a state of " + what + "; use " + accepted,
        "for",
        {}};
}

// ---- deliveries -----------------------------------------------------------------------------

/// The exit status for what became of a delivery.
int status_of(const core::Delivery& delivery) {
    if (delivery.state == core::DeliveryState::succeeded) return 0;
    if (!delivery.call || delivery.call->kind == core::Call::Kind::email) return 1;
    if (delivery.status >= 500) return exit_callee_5xx;
    if (delivery.status >= 400) return exit_callee_4xx;
    if (delivery.status > 0) return 1;  // answered, but of no use
    return exit_sidecar;
}

int show(Context& context, const ipc::Answer<core::Delivery>& answer) {
    Screen& screen = context.screen();
    const auto& delivery = answer.value;
    if (screen.json())
        screen.print_json(answer.json);
    else if (screen.quiet())
        screen.print(std::string(core::to_string(delivery.state)) + "\n");
    else
        screen.print(delivery_report(context, delivery));
    return status_of(delivery);
}

// ---- tasks ----------------------------------------------------------------------------------

struct TaskState {
    const char* name;
    bool (*is_reached)(const core::Task& task);
    bool (*is_out_of_reach)(const core::Task& task);
};
bool is_deleted(const core::Task& task) {
    return task.deleted.has_value();
}
constexpr std::array<TaskState, 3> task_states{{
    {"done", [](const core::Task& task) { return task.status == core::Status::completed; },
     [](const core::Task& task) { return task.status == core::Status::cancelled; }},
    {"closed", [](const core::Task& task) { return !task.is_open(); },
     [](const core::Task&) { return false; }},
    {"started",
     [](const core::Task& task) {
         return task.status == core::Status::in_process || task.status == core::Status::completed;
     },
     [](const core::Task& task) { return task.status == core::Status::cancelled; }},
}};

int wait_for_task(Context& context, const std::string& reference, const std::string& wanted) {
    const auto state = std::find_if(task_states.begin(), task_states.end(),
                                    [&](const TaskState& known) { return known.name == wanted; });
    if (state == task_states.end())
        return context.fail(bad_state(wanted, "a task", "done, closed or started"));
    LogWait wait(context, {"task.*"});
    if (auto begun = wait.begin_now(); !begun) return context.fail(begun.error());
    std::string id = reference;
    for (;;) {
        const auto answer = wait.ask(ipc::TaskGet{id});
        if (!answer) return context.fail(answer.error());
        const auto& task = answer->value.task;
        id = task.id.str();
        const std::string name = "task " + std::to_string(task.number);
        const std::string now = is_deleted(task) ? "deleted" : std::string(to_string(task.status));
        if (!is_deleted(task) && state->is_reached(task)) {
            if (context.screen().json()) context.screen().print_json(answer->json);
            return 0;
        }
        if (is_deleted(task) || state->is_out_of_reach(task))
            return context.fail(core::failed_precondition("task", name + " is " + now).value());
        for (bool is_told = false; !is_told;) {
            const auto events = wait.next(name + " is " + now);
            if (!events) return context.fail(events.error());
            is_told = std::any_of(events->begin(), events->end(),
                                  [&](const auto& event) { return event.subject == id; });
        }
    }
}

// ---- runs -----------------------------------------------------------------------------------

bool has_result(const core::Run& run) {
    return run.state == core::RunState::succeeded || run.state == core::RunState::failed;
}

int wait_for_run(Context& context, const std::string& key, const std::string& wanted) {
    if (wanted != "done" && wanted != "started" && wanted != "succeeded")
        return context.fail(bad_state(wanted, "a run", "done, succeeded or started"));
    LogWait wait(context, {"run.*"});
    if (auto begun = wait.begin_now(); !begun) return context.fail(begun.error());
    Screen& screen = context.screen();
    for (;;) {
        std::string now = "was not begun";
        const auto answer = wait.ask(ipc::RunGet{key});
        if (!answer && answer.error().reason != Reason::not_found)
            return context.fail(answer.error());
        if (answer) {
            const auto& run = answer->value.run;
            now = "is " + std::string(core::to_string(run.state));
            const bool is_reached =
                wanted == "started" ||
                (wanted == "done" ? has_result(run) : run.state == core::RunState::succeeded);
            if (is_reached) {
                if (screen.json())
                    screen.print_json(answer->json);
                else
                    screen.print(std::string(core::to_string(run.state)) + "\n");
                return wanted == "done" && run.state == core::RunState::failed ? 1 : 0;
            }
        }
        for (bool is_told = false; !is_told;) {
            const auto events = wait.next("\"" + core::clipped(key, 64) + "\" " + now);
            if (!events) return context.fail(events.error());
            is_told = std::any_of(events->begin(), events->end(),
                                  [&](const auto& event) { return event.subject == key; });
        }
    }
}

// ---- events ---------------------------------------------------------------------------------

/// What the daemon says of "after", in the words of who asked.
Error of_since(Error error) {
    constexpr std::string_view field = "after: ";
    if (error.field != "after" || error.message.rfind(field, 0) != 0) return error;
    error.message.replace(0, field.size(), "since: ");
    error.field = "since";
    return error;
}

int wait_for_event(Context& context, const Given& given) {
    // Only what looks like one of taskd's own may be mistyped; all of those have a dot.
    const auto& own = core::event_types();
    const auto space = given.event.substr(0, given.event.find('.') + 1);
    if (!space.empty() && std::any_of(own.begin(), own.end(), [&](const std::string& type) {
            return type.rfind(space, 0) == 0;
        }))
        if (const auto types = checked_types(context, {given.event}); !types)
            return context.fail(types.error());
    const auto filter = core::EventFilter::make({{given.event}, {}, {}, given.where});
    if (!filter) return context.fail(filter.error());
    LogWait wait(context, {given.event});
    if (!given.since.empty()) {
        const auto place =
            event_place("since", given.since, PlaceOf::begin, context.now(), context.zone());
        if (!place) return context.fail(place.error());
        if (place->time)
            wait.begin_at(*place->time);
        else
            wait.begin_behind(*place->number);
    } else if (auto begun = wait.begin_now(); !begun) {
        return context.fail(begun.error());
    }
    for (;;) {
        const auto events = wait.next("an event " + core::clipped(given.event, 64) +
                                      (given.where.empty() ? "" : " with such data"));
        if (!events) return context.fail(of_since(events.error()));
        for (const auto& event : *events) {
            ipc::DataFields fields(event);
            if (!filter->matches(event.type, event.source, event.subject, std::ref(fields)))
                continue;
            print_event(context, event);
            return 0;
        }
    }
}

// ---- which of them --------------------------------------------------------------------------

Result<void> check(const Given& given, const Words& words) {
    const int things = static_cast<int>(!words.empty()) + static_cast<int>(!given.event.empty()) +
                       static_cast<int>(!given.run.empty());
    if (!words.empty() && words[0].empty())
        return core::invalid_argument("wait", "TASK or DELIVERY is empty");
    if (things != 1)
        return core::invalid_argument("wait",
                                      "name one thing to wait for: a task or delivery, "
                                      "--event TYPE or --run KEY");
    if (given.event.empty() && !(given.where.empty() && given.since.empty()))
        return core::invalid_argument(given.since.empty() ? "where" : "since",
                                      "goes with --event only");
    if (!given.event.empty() && !given.state.empty())
        return core::invalid_argument("for", "does not go with --event, which only happens");
    return {};
}

/// Digits are a task's number; ids of deliveries, which are UUIDs of version 7, begin with 0.
bool is_number(const std::string& reference) {
    return reference[0] != '0' && reference.find_first_not_of("0123456789") == std::string::npos;
}

int wait(Context& context, const Given& given, const Words& words) {
    if (auto good = check(given, words); !good) return context.fail(good.error());
    if (!given.event.empty()) return wait_for_event(context, given);
    const std::string state = given.state.empty() ? "done" : given.state;
    if (!given.run.empty()) return wait_for_run(context, given.run, state);
    const auto& reference = words[0];
    if (is_number(reference)) return wait_for_task(context, reference, state);
    auto client = context.client();
    if (!client) return context.fail(client.error());
    const auto delivery = client->call(ipc::DeliveryGet{reference});
    if (!delivery && client->call(ipc::TaskGet{reference}))
        return wait_for_task(context, reference, state);
    if (state != "done") return context.fail(bad_state(state, "a delivery", "done"));
    return wait_for_delivery(context, reference);
}

}  // namespace

int wait_for_delivery(Context& context, const std::string& reference) {
    LogWait wait(context, {"delivery.*"});
    if (auto begun = wait.begin_now(); !begun) return context.fail(begun.error());
    std::string id = reference;
    for (;;) {
        const auto answer = wait.ask(ipc::DeliveryGet{id});
        if (!answer) return context.fail(answer.error());
        if (answer->value.finished) return show(context, *answer);
        id = answer->value.id.str();
        const auto events = wait.next("delivery " + id + " is not finished, after " +
                                      counted(answer->value.attempts, "attempt", "attempts") +
                                      "; it goes on, wait again or see taskctl deliveries");
        if (!events) return context.fail(events.error());
    }
}

void register_wait(CommandLine& line) {
    const auto given = std::make_shared<Given>();
    auto& app = line.add(
        {.name = "wait",
         .section = "Scripts",
         .summary = "wait for a task, a run, an event or a delivery",
         .usage = "[TASK|DELIVERY]",
         .words_max = 1,
         .examples = {"wait 12 --timeout 1h", "wait --run deploy-v42",
                      "wait --event 'build.*' --where ok=true --since 1h",
                      "wait 0193f0aa --timeout 5m -o json"},
         .details =
             "TASK is a number or id; DELIVERY what invoke or publish said with --durable, or its "
             "first characters. Without --timeout it waits for ever; --timeout 0 asks whether it "
             "has come about. Exit status: 0 it came about; "
             "7 not within --timeout; 4 it can't come about any more; 1 the run ended with another "
             "status than 0; of a delivery also 8, 9 and 10, as of invoke.",
         .run = [given](Context& context,
                        const Words& words) { return wait(context, *given, words); },
         .may_poll = true});
    add_filled(app, "--event", given->event, "TYPE",
               "an event of this type, or of a prefix: task.*");
    add_texts(app, "--where", given->where, "FIELD=VALUE",
              "with this in its data (also != < <= > >=); may be repeated");
    add_filled(app, "--since", given->since, "NUMBER|TIME",
               "also one that came behind this number or since then, such as 2h");
    add_filled(app, "--run", given->run, "KEY", "a command of taskctl once");
    add_filled(
        app, "--for", given->state, "STATE",
        "of a task done (the default), closed or started; of a run done, succeeded or started");
}

}  // namespace taskd::cli
