// SPDX-License-Identifier: Apache-2.0
// taskctl rules: what was said by taskctl on.
#include "cli/commands/commands.h"
#include "cli/commands/rule_words.h"
#include "cli/times.h"
#include "core/rfc3339.h"
#include "core/text.h"

#include <nlohmann/json.hpp>

#include <memory>

namespace taskd::cli {
namespace {

using nlohmann::json;
using Action = core::EventRule::Action;

std::string state_of(const core::EventRule& rule) {
    if (rule.paused) return "paused";
    return rule.last_error.empty() ? "on" : "failing";
}

int list(Context& context) {
    auto client = context.client();
    if (!client) return context.fail(client.error());
    const auto answer = client->call(ipc::RuleList{});
    if (!answer) return context.fail(answer.error());
    Screen& screen = context.screen();
    const auto& rules = answer->value.rules;
    if (screen.one_line_json()) {
        for (const auto& rule : answer->json.at("rules")) screen.print_json(rule);
        return 0;
    }
    if (screen.json()) {
        screen.print_json(answer->json);
        return 0;
    }
    const bool plain = screen.plain_lists();
    Table table{{{"NAME", false, true},
                 {"STATE", false},
                 {"APPLIED", true},
                 {"FAILED", true},
                 {"LAST", false},
                 {"RULE", false, true}},
                {}};
    for (const auto& rule : rules) {
        if (screen.quiet()) {
            screen.print(visible(rule.name) + "\n");
            continue;
        }
        const std::string last = !rule.last ? ""
                                 : plain    ? core::format_utc(*rule.last)
                                            : distance(*rule.last, context.now());
        const std::string state = state_of(rule);
        table.rows.push_back({{rule.name},
                              {state, state == "failing"  ? Paint::red
                                      : state == "paused" ? Paint::yellow
                                                          : Paint::none},
                              {std::to_string(rule.applied)},
                              {std::to_string(rule.failed)},
                              {last},
                              {rule_words(rule)}});
    }
    if (!screen.quiet()) screen.print_list(table);
    for (const auto& rule : rules)
        if (!rule.last_error.empty())
            screen.note(rule.name + ": " + rule.last_error + "; see taskctl dead-letters list");
    if (rules.empty())
        screen.hint("there is no rule; taskctl on task.completed -- remind \"{type}\"");
    return 0;
}

template <class Request>
int change(Context& context, const std::string& key, const Words& words, const char* done) {
    auto client = context.client(key_from(key));
    if (!client) return context.fail(client.error());
    Request request;
    request.name = words.front();
    const auto answer = client->call(request);
    if (!answer) return context.fail(answer.error());
    context.note_replay(answer->replayed);
    if (context.screen().json())
        context.screen().print_json(answer->json);
    else if (!context.screen().quiet())
        context.screen().print(std::string(done) + " rule " + visible(answer->value.rule.name) +
                               "\n");
    return 0;
}

template <class Request>
void register_change(CommandLine& line, const char* verb, const char* summary, const char* done) {
    const auto key = std::make_shared<std::string>();
    auto& app = line.add({.name = std::string("rules ") + verb,
                          .section = "Events",
                          .summary = summary,
                          .usage = "NAME",
                          .words_min = 1,
                          .words_max = 1,
                          .examples = {std::string("rules ") + verb + " rule-1"},
                          .run = [key, done](Context& context, const Words& words) {
                              return change<Request>(context, *key, words, done);
                          }});
    add_key(app, *key);
}

}  // namespace

std::string action_words(const core::EventRule& rule) {
    switch (rule.action) {
    case Action::add: {
        const auto task = json::parse(rule.task, nullptr, false);
        if (!task.is_object()) return "add";
        std::string words = "add";
        const auto add = [&](const char* field, const std::string& before) {
            const auto found = task.find(field);
            if (found != task.end() && found->is_string() &&
                !found->get_ref<const std::string&>().empty())
                words += before + found->get<std::string>();
        };
        add("summary", " ");
        add("due", ", due ");
        add("at", ", at ");
        add("project", ", project ");
        return words;
    }
    case Action::done:
        return "done " + rule.text;
    case Action::cancel:
        return "cancel " + rule.text;
    case Action::notify:
        return (rule.channel.empty() ? "remind " : "channel " + rule.channel + " ") + rule.text;
    case Action::run:
        return "run " + (rule.command ? core::command_line(rule.command->argv) : "");
    }
    return "";
}

std::string rule_words(const core::EventRule& rule) {
    std::string words = core::join(rule.when.types, ", ");
    if (!rule.when.where.empty()) words += " where " + core::join(rule.when.where, ", ");
    return words + ": " + action_words(rule);
}

void register_rules(CommandLine& line) {
    line.add({.name = "rules",
              .section = "Events",
              .summary = "list the rules that taskctl on made",
              .examples = {"rules"},
              .details = "How often each was applied and failed, and what it said when it failed "
                         "last.",
              .run = [](Context& context, const Words&) { return list(context); }});
    line.add({.name = "rules list",
              .section = "Events",
              .summary = "the same as rules",
              .examples = {"rules list"},
              .run = [](Context& context, const Words&) { return list(context); }});
    register_change<ipc::RulePause>(line, "pause", "apply a rule no more, until resumed", "Paused");
    register_change<ipc::RuleResume>(line, "resume", "apply a rule again", "Resumed");
    register_change<ipc::RuleRemove>(line, "remove", "remove a rule", "Removed");
}

}  // namespace taskd::cli
