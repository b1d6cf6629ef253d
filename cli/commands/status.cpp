// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/commands.h"
#include "cli/times.h"
#include "core/rfc3339.h"

#include <nlohmann/json.hpp>

namespace taskd::cli {
namespace {

std::string time_words(Context& context, const std::string& text) {
    const auto at = core::parse_utc(text);
    if (!at || context.screen().plain()) return text;
    return moment(*at, context.zone()) + ", " + distance(*at, context.now());
}

void show(Context& context, const std::string& endpoint, const ipc::Health& health) {
    Screen& screen = context.screen();
    const auto number = [](std::int64_t count) { return std::to_string(count); };
    std::vector<Field> fields;
    if (screen.plain()) {
        fields = {{"status", {health.status}},
                  {"version", {health.version}},
                  {"pid", {number(health.pid)}}};
    } else {
        const bool ok = health.status == "ok";
        const std::string state = ok ? "running" : health.status;
        screen.print("taskd " + visible(health.version) + " is " +
                     painted(visible(state), ok ? Paint::green : Paint::red, screen.style()) +
                     " (pid " + number(health.pid) + ")\n");
    }
    const auto add = [&](const std::string& name, const std::string& text,
                         Paint paint = Paint::none) {
        if (!text.empty()) fields.push_back({name, {text, paint}});
    };
    add("started", time_words(context, health.started));
    add("user", health.user_id);
    add("endpoint", endpoint);
    add("store", health.store);
    add("tasks", number(health.tasks_open) + " open");
    add("series", number(health.series_active) + " active");
    add("reminders", number(health.reminders_pending) + " pending");
    add("next timer", health.next_timer.empty() ? "none" : time_words(context, health.next_timer));
    add("deliveries",
        number(health.deliveries_pending) + " pending, " + number(health.deliveries_dead) + " dead",
        health.deliveries_dead > 0 ? Paint::yellow : Paint::none);
    add("events", number(health.event_head));
    add("sidecar", health.sidecar, health.sidecar == "ok" ? Paint::none : Paint::yellow);
    for (const auto& topic : health.topics)
        add("topic " + visible(topic.topic),
            number(topic.lag) + " behind, " + number(topic.published) + " published" +
                (topic.lost > 0 ? ", " + number(topic.lost) + " lost to retention" : "") +
                (topic.error.empty() ? "" : "; failing: " + topic.error),
            topic.error.empty() ? Paint::none : Paint::yellow);
    for (const auto& breaker : health.breakers)
        add("circuit " + visible(breaker.target),
            breaker.state +
                (breaker.failures > 0 ? ", " + counted(breaker.failures, "failure", "failures")
                                      : "") +
                (breaker.refused > 0
                     ? ", " + counted(breaker.refused, "call", "calls") + " not made"
                     : ""),
            breaker.state == "closed" ? Paint::none : Paint::yellow);
    screen.print_fields(fields);
    screen.flush();
    if (health.deliveries_dead > 0)
        screen.hint("  hint: taskctl deliveries --failed shows what was given up, and why");
}

int run(Context& context) {
    const auto place = context.place();
    if (!place) return context.fail(place.error());
    if (const auto running = require_daemon(*place); !running) {
        core::Error error = running.error();
        if (error.hint.empty()) error.hint = "any command that needs one starts it: taskctl list";
        return context.fail(error);
    }
    auto client = context.client({}, Context::Start::never);
    if (!client) return context.fail(client.error());
    const auto answer = client->call(ipc::AdminHealth{});
    if (!answer) return context.fail(answer.error());
    Screen& screen = context.screen();
    if (screen.json())
        screen.print_json(answer->json);
    else if (screen.quiet())
        screen.print(visible(answer->value.status) + "\n");
    else
        show(context, place->endpoint.directory(), answer->value);
    return 0;
}

}  // namespace

void register_status(CommandLine& line) {
    line.add({.name = "status",
              .section = "Daemon",
              .summary = "show whether the daemon runs, and what is waiting",
              .examples = {"status", "status -o json"},
              .details = "Starts no daemon: without one the exit status is 6.",
              .run = [](Context& context, const Words&) { return run(context); }});
}

}  // namespace taskd::cli
