// SPDX-License-Identifier: Apache-2.0
// taskctl expect and ping: what has to report at certain times, and is told of when it does not.
#include "cli/commands/commands.h"
#include "cli/times.h"
#include "core/rfc3339.h"
#include "core/span.h"
#include "core/text.h"

#include <nlohmann/json.hpp>

#include <memory>

namespace taskd::cli {
namespace {

using core::PingOutcome;
using ipc::ExpectationView;
using nlohmann::json;

struct Given {
    ipc::ExpectationSet request;
    bool remove = false;
    std::string key;
};

Paint paint_of(const std::string& state) {
    if (state == "down" || state == "failed") return Paint::red;
    if (state == "late") return Paint::yellow;
    return state == "up" ? Paint::green : Paint::dim;
}

/// "on time for Wed 2026-11-25 04:00", as a ping is told of.
std::string outcome_words(const core::Ping& ping, const core::TimeZone& zone) {
    const std::string slot = ping.due ? full_words(*ping.due, zone) : "";
    const std::string behind = slot.empty() ? "" : " for " + slot;
    switch (ping.outcome) {
    case PingOutcome::in_time:
        return "on time" + behind;
    case PingOutcome::late:
        return "late by " + rough_span(ping.late) + behind;
    case PingOutcome::early:
        return "too early to count";
    case PingOutcome::started:
        return "started" + behind;
    case PingOutcome::failed:
        return "failed" + behind;
    case PingOutcome::paused:
        return "paused, so it does not count";
    }
    return "";
}

/// When the next one is expected, and from when on.
std::string next_words(const ExpectationView& view, Context& context) {
    if (view.state == "paused") return "paused, until taskctl series resume";
    if (!view.due) return "no more";
    return "by " + due_words(*view.due, context.now(), context.zone());
}

/// The length to which a ping counts before its time.
std::string counts_words(const core::Expectation& expectation) {
    if (expectation.window.count() == 0) return "a ping counts from the time before on";
    return "a ping counts from " + core::format_span(expectation.window) + " before on";
}

void show(Context& context, const ExpectationView& view, const char* first_word) {
    Screen& screen = context.screen();
    const auto& expectation = view.expectation;
    std::string text = std::string(first_word) + visible(expectation.name) + ": " +
                       painted(view.state, paint_of(view.state), screen.style()) + "\n";
    text += "  expected   " + visible(view.words) + ", " + next_words(view, context) + "\n";
    text += "  counts     " + counts_words(expectation) + "\n";
    text += "  grace      " +
            (expectation.grace.count() == 0 ? std::string("none")
                                            : core::format_span(expectation.grace)) +
            "\n";
    if (!view.channels.empty())
        text += "  channels   " + visible(core::join(view.channels, ", ")) + "\n";
    if (const auto& last = expectation.last)
        text += "  last ping  " + stamp(last->received, context.zone()) + ", " +
                outcome_words(*last, context.zone()) +
                (last->run.empty() ? "" : ", run " + visible(last->run)) + "\n";
    for (const auto& start : expectation.starts)
        text += "  started    " + stamp(start.at, context.zone()) +
                (start.run.empty() ? "" : ", run " + visible(start.run)) + "\n";
    if (view.task != 0) text += "  task       " + std::to_string(view.task) + "\n";
    screen.print(text);
}

int list(Context& context) {
    auto client = context.client();
    if (!client) return context.fail(client.error());
    ipc::ExpectationPage page;
    json all = json::array();
    ipc::ExpectationList request;
    for (;;) {
        const auto answer = client->call(request);
        if (!answer) return context.fail(answer.error());
        for (const auto& one : answer->json.at("expectations")) all.push_back(one);
        const auto& found = answer->value.expectations;
        page.expectations.insert(page.expectations.end(), found.begin(), found.end());
        if (found.size() < static_cast<std::size_t>(request.limit)) break;
        request.after = found.back().expectation.name;
    }
    Screen& screen = context.screen();
    if (screen.json()) {
        if (!screen.one_line_json()) screen.print_json({{"expectations", all}});
        if (screen.one_line_json())
            for (const auto& one : all) screen.print_json(one);
        return 0;
    }
    const bool plain = screen.plain_lists();
    Table table{{{"NAME", false, true},
                 {"STATE", false},
                 {"EXPECTED", false, true},
                 {"LAST PING", false, true}},
                {}};
    for (const auto& view : page.expectations) {
        if (screen.quiet()) {
            screen.print(visible(view.expectation.name) + "\n");
            continue;
        }
        const auto& last = view.expectation.last;
        const std::string due =
            plain ? (view.due ? core::format(*view.due) : "") : next_words(view, context);
        const std::string heard = !last   ? ""
                                  : plain ? core::format_utc(last->received)
                                          : distance(last->received, context.now()) + ", " +
                                                outcome_words(*last, context.zone());
        table.rows.push_back(
            {{view.expectation.name}, {view.state, paint_of(view.state)}, {due}, {heard}});
    }
    if (!screen.quiet()) screen.print_list(table);
    if (page.expectations.empty())
        screen.hint("nothing is expected; taskctl expect backup --every day --by 04:00");
    return 0;
}

int show_one(Context& context, const std::string& name) {
    auto client = context.client();
    if (!client) return context.fail(client.error());
    ipc::ExpectationList request;
    request.name = name;
    const auto answer = client->call(request);
    if (!answer) return context.fail(answer.error());
    Screen& screen = context.screen();
    if (screen.json())
        screen.print_json(answer->json.at("expectations").at(0));
    else if (screen.quiet())
        screen.print(answer->value.expectations.front().state + "\n");
    else
        show(context, answer->value.expectations.front(), "");
    return 0;
}

int remove(Context& context, const Given& given) {
    auto client = context.client(key_from(given.key));
    if (!client) return context.fail(client.error());
    ipc::ExpectationRemove request;
    request.name = given.request.name;
    const auto answer = client->call(request);
    if (!answer) return context.fail(answer.error());
    context.note_replay(answer->replayed);
    if (context.screen().json())
        context.screen().print_json(answer->json);
    else if (!context.screen().quiet())
        context.screen().print(visible(given.request.name) + " is not expected any more\n");
    return 0;
}

int expect(Context& context, const Given& given, const Words& words) {
    Given asked = given;
    auto& request = asked.request;
    if (!words.empty()) request.name = words.front();
    const bool has_times = !request.every.empty() || !request.by.empty();
    ipc::ExpectationSet bare;
    bare.name = request.name;
    const bool says_how = ipc::to_json(request) != ipc::to_json(bare);
    if (words.empty() && !says_how && !given.remove) return list(context);
    if (words.empty())
        return context.fail({core::Reason::invalid_argument,
                             "\"taskctl expect\" needs NAME, the word that pings use", "name",
                             "taskctl expect backup --every day --by 04:00"});
    if (given.remove && says_how)
        return context.fail({core::Reason::invalid_argument,
                             "--remove stands alone; leave out the other options", "remove", ""});
    if (given.remove) return remove(context, asked);
    if (!has_times && says_how)
        return context.fail(
            {core::Reason::invalid_argument,
             "\"taskctl expect " + visible(request.name) + "\" needs --every: how often it reports",
             "every", "--every day --by 04:00"});
    if (!has_times) return show_one(context, request.name);
    request.tz_default = context.zone_name();
    auto client = context.client(key_from(given.key));
    if (!client) return context.fail(client.error());
    const auto answer = client->call(request);
    if (!answer) return context.fail(answer.error());
    context.note_replay(answer->replayed);
    const auto& saved = answer->value;
    Screen& screen = context.screen();
    for (const auto& warning : saved.warnings) screen.warn(warning);
    if (screen.json()) {
        screen.print_json(answer->json);
        return 0;
    }
    if (screen.quiet()) return 0;
    if (saved.unchanged) {
        show(context, saved.expectation, "Expected already: ");
        return 0;
    }
    show(context, saved.expectation, "Expecting ");
    screen.hint("taskctl ping " + visible(request.name) + " at the end of what is expected");
    return 0;
}

struct Pinged {
    bool start = false;
    bool fail = false;
    std::string run;
    std::string key;
};

int ping(Context& context, const Pinged& given, const Words& words) {
    if (given.start && given.fail)
        return context.fail({core::Reason::invalid_argument,
                             "--start and --fail say different things; keep one of them", "kind",
                             ""});
    ipc::ExpectationPing request;
    request.name = words.front();
    request.run = given.run;
    if (given.start) request.kind = core::PingKind::start;
    if (given.fail) request.kind = core::PingKind::fail;
    auto client = context.client(key_from(given.key));
    if (!client) return context.fail(client.error());
    const auto answer = client->call(request);
    if (!answer) return context.fail(answer.error());
    context.note_replay(answer->replayed);
    Screen& screen = context.screen();
    const auto& [ping, view] = answer->value;
    if (screen.json())
        screen.print_json(answer->json);
    else if (screen.quiet())
        screen.print(std::string(core::to_string(ping.outcome)) + "\n");
    else {
        std::string text = visible(ping.name) + ": " + outcome_words(ping, context.zone());
        if (ping.took) text += ", took " + rough_span(*ping.took);
        text += "\n";
        if (ping.missed > 0)
            text += "  missed     " +
                    counted(static_cast<std::int64_t>(ping.missed), "time", "times") +
                    " before it\n";
        text += "  next       " + next_words(view, context) + "\n";
        screen.print(text);
    }
    if (ping.outcome == PingOutcome::early && view.opens)
        screen.note("it counts from " + stamp(*view.opens, context.zone()) + " on");
    return 0;
}

}  // namespace

void register_expect(CommandLine& line) {
    const auto given = std::make_shared<Given>();
    auto& app = line.add(
        {.name = "expect",
         .section = "Scheduled commands",
         .summary = "say when something has to report, or list what has to",
         .usage = "[NAME]",
         .words_max = 1,
         .examples = {"expect backup --every day --by 04:00 --grace 30m --channel phone",
                      "expect heartbeat --every \"5 minutes\"", "expect", "expect backup"},
         .details =
             "What is expected tells with taskctl ping that it has been done. When the time and "
             "the grace have passed without a ping, the channels are told, and again when it is "
             "back. Each time has its own ping: one counts for the next time from --window before "
             "it on; with --by that is half of the time between two of them, else all of it. One "
             "that comes sooner counts for none. The same command again changes nothing. States: "
             "new, up, late (within the grace), down, failed, paused.",
         .run = [given](Context& context, const Words& words) {
             return expect(context, *given, words);
         }});
    auto& request = given->request;
    add_text(app, "--every", request.every, "WORDS", "how often it reports, as in taskctl add");
    add_text(app, "--by", request.by, "TIME", "by what time of day");
    add_text(app, "--grace", request.grace, "SPAN", "how late it may be before somebody is told");
    add_text(app, "--window", request.window, "SPAN", "how long before its time a ping counts");
    add_text(app, "--tz", request.tz, "ZONE", "the IANA zone of the times (default: yours)");
    add_texts(app, "--channel", request.channels, "NAME",
              "who is told, else the default channel; may be repeated");
    add_text(app, "--nag", request.nag, "SPAN", "told again so often until acknowledged");
    add_text(app, "--escalate", request.escalate, "SPAN", "after so long it goes ..");
    add_texts(app, "--escalate-to", request.escalate_to, "NAME",
              ".. to this channel, too; may be repeated");
    add_switch(app, "--remove", given->remove, "expect it no more");
    add_key(app, given->key);

    const auto pinged = std::make_shared<Pinged>();
    auto& ping_app = line.add(
        {.name = "ping",
         .section = "Scheduled commands",
         .summary = "tell that something expected has been done",
         .usage = "NAME",
         .words_min = 1,
         .words_max = 1,
         .examples = {"ping backup", "ping backup --start --run 17", "ping backup --run 17",
                      "ping backup --fail"},
         .details =
             "It says for which time it counts: on time, late, or too early for any. With --start "
             "before, it counts for the time of its start and says how long it took; --run tells "
             "apart several that are under way. Exit status: 0 it was heard, 3 nothing of that "
             "name is expected.",
         .run = [pinged](Context& context, const Words& words) {
             return ping(context, *pinged, words);
         }});
    add_switch(ping_app, "--start", pinged->start, "it begins");
    add_switch(ping_app, "--fail", pinged->fail, "it did not succeed: tell at once");
    add_text(ping_app, "--run", pinged->run, "ID", "your own word for this time");
    add_key(ping_app, pinged->key);
}

}  // namespace taskd::cli
