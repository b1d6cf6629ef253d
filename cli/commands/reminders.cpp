// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/commands.h"
#include "cli/commands/reminder_flags.h"
#include "core/reminder_words.h"
#include "core/text.h"
#include "core/time_zone.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <memory>

namespace taskd::cli {
namespace {

struct Given {
    std::vector<std::string> projects;
    std::vector<std::string> tags;
    std::vector<std::string> channels;
    ReminderFlags reminding;
    std::string key;
};

std::string whose(const ipc::ReminderDefault& value) {
    return value.scope == "user" ? "all tasks" : value.scope + " " + value.name;
}

std::string how_words(const ipc::ReminderDefault& value) {
    std::string text = core::join(value.remind, ", ");
    const auto& how = value.reminding;
    if (!value.channels.empty()) text += ", to " + core::join(value.channels, ", ");
    if (!how.nag.empty()) text += ", again every " + how.nag;
    if (!how.escalate.empty())
        text += ", after " + how.escalate + " to " + core::join(how.escalate_to, ", ");
    if (!how.grace.empty()) text += ", grace " + how.grace;
    return text;
}

/// Several reminders, "1d 1h" or "1d, 1h before start", or the words of one: 1h before start.
std::vector<std::string> phrases_of(const Words& words, Context& context) {
    const auto text = core::join(words, " ");
    if (text.find(',') != std::string::npos) {
        std::vector<std::string> phrases;
        for (const auto& part : core::split(text, ','))
            if (const auto phrase = core::trim(part); !phrase.empty()) phrases.emplace_back(phrase);
        return phrases;
    }
    const auto is_one = [&](const std::string& phrase) {
        return core::parse_reminder("remind", phrase, context.now(), core::TimeZone::utc())
            .has_value();
    };
    if (!std::all_of(words.begin(), words.end(), is_one) && is_one(text)) return {text};
    return words;
}

int list(Context& context) {
    auto client = context.client();
    if (!client) return context.fail(client.error());
    const auto answer = client->call(ipc::ReminderDefaultList{});
    if (!answer) return context.fail(answer.error());
    Screen& screen = context.screen();
    Table table{{{"FOR", false, true}, {"REMINDERS", false, true}}, {}};
    for (const auto& value : answer->value.defaults)
        table.rows.push_back({{whose(value), Paint::bold}, {how_words(value)}});
    if (screen.one_line_json())
        for (const auto& value : answer->json.at("defaults")) screen.print_json(value);
    else if (screen.json())
        screen.print_json(answer->json);
    else
        screen.print_list(table);
    if (table.rows.empty())
        screen.hint("new tasks remind only if told to; for example: taskctl reminders set 10m");
    return 0;
}

int set(Context& context, const Given& given, const Words& remind, const std::string& verb) {
    ipc::ReminderDefaultSet request;
    auto& value = request.value;
    if (given.projects.size() + given.tags.size() > 1)
        return context.fail({core::Reason::invalid_argument,
                             "name one project or one tag; each has reminders of its own", "tag",
                             ""});
    value.scope = !given.projects.empty() ? "project" : !given.tags.empty() ? "tag" : "user";
    if (!given.projects.empty()) value.name = given.projects[0];
    if (!given.tags.empty()) value.name = given.tags[0];
    value.remind = phrases_of(remind, context);
    value.channels = given.channels;
    auto how = reminder_how(given.reminding);
    if (!how) return context.fail(how.error());
    value.reminding = std::move(*how);
    request.tz_default = context.zone_name();
    auto client = context.client(key_from(given.key));
    if (!client) return context.fail(client.error());
    const auto answer = client->call(request);
    if (!answer) return context.fail(answer.error());
    context.note_replay(answer->replayed);
    Screen& screen = context.screen();
    if (screen.json())
        screen.print_json(answer->json);
    else if (!screen.quiet())
        screen.print(verb + " reminders of " + visible(whose(answer->value)) +
                     (remind.empty() ? "" : ": " + visible(how_words(answer->value))) + "\n");
    return 0;
}

void add_scope(CLI::App& app, Given& given) {
    add_texts(app, "--project", given.projects, "NAME", "for tasks of this project");
    add_texts(app, "--tag", given.tags, "WORD", "for tasks with this tag");
}

}  // namespace

void register_reminders(CommandLine& line) {
    line.add({.name = "reminders",
              .section = "Reminders",
              .summary = "reminders that new tasks have by themselves",
              .examples = {"reminders list", "reminders set 1h 10m --project work"},
              .run = {}});
    line.add({.name = "reminders list",
              .section = "Reminders",
              .summary = "list the reminders that new tasks have by themselves",
              .examples = {"reminders list"},
              .run = [](Context& context, const Words&) { return list(context); }});
    const auto given = std::make_shared<Given>();
    auto& app = line.add(
        {.name = "reminders set",
         .section = "Reminders",
         .summary = "set the reminders of new tasks that are given none",
         .usage = "WORDS...",
         .words_min = 1,
         .words_max = any_number,
         .examples = {"reminders set 10m", "reminders set 1d 1h --project taxes",
                      "reminders set 0m --tag urgent --nag 5m"},
         .details = "WORDS are as with add --remind, several with commas between them: 1d, 1h "
                    "before start. A task takes those of "
                    "its project, else of a tag of its own, else yours; add --remind none takes "
                    "none.",
         .run = [given](Context& context, const Words& words) {
             return set(context, *given, words, "Set");
         }});
    add_scope(app, *given);
    add_texts(app, "--channel", given->channels, "NAME",
              "where they go, else the default channel; may be repeated");
    add_reminder_flags(app, given->reminding);
    add_key(app, given->key);

    const auto cleared = std::make_shared<Given>();
    auto& clear = line.add({.name = "reminders clear",
                            .section = "Reminders",
                            .summary = "take the reminders of new tasks back",
                            .examples = {"reminders clear", "reminders clear --tag urgent"},
                            .run = [cleared](Context& context, const Words&) {
                                return set(context, *cleared, {}, "Cleared");
                            }});
    add_scope(clear, *cleared);
    add_key(clear, cleared->key);
}

}  // namespace taskd::cli
