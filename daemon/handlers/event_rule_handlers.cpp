// SPDX-License-Identifier: Apache-2.0
#include "daemon/handlers/event_rule_handlers.h"

#include "core/text.h"
#include "core/uuid.h"
#include "daemon/handlers/command_handlers.h"
#include "daemon/handlers/delivery_steps.h"
#include "daemon/handlers/inbound_handlers.h"
#include "daemon/handlers/task_handlers.h"
#include "ipc/data_fields.h"
#include "ipc/json.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>

namespace taskd::daemon {
namespace {

using core::EventRule;
using core::Result;
using nlohmann::json;
using Action = core::EventRule::Action;

constexpr std::string_view handler_prefix = "rule:";
constexpr std::size_t task_bytes_max = 16 * 1024;
constexpr std::size_t error_bytes_max = 200;  // that is shown with a rule
constexpr std::size_t filled_task_bytes_max = 128 * 1024;
/// What a task of a rule may say: no series, no command, nothing that waits.
constexpr std::array<std::string_view, 14> task_fields{
    "summary", "notes",  "project",  "tags",      "priority", "due",        "at",
    "start",   "remind", "channels", "reminding", "tz",       "tz_default", "idempotency_key"};

// ---- setting one ------------------------------------------------------------------------------

/// Each text of a value, also within lists and objects.
Result<void> for_each_text(
    json& value, const std::string& field,
    const std::function<Result<void>(const std::string&, std::string&)>& do_) {
    if (value.is_string()) return do_(field, value.get_ref<std::string&>());
    if (value.is_structured())
        for (auto& [key, part] : value.items())
            if (auto good = for_each_text(part, value.is_object() ? field + "." + key : field, do_);
                !good)
                return good;
    return {};
}

/// Whether the task could be added now; it is not. Where an event is to say more than texts, that
/// is found out when it does.
Result<void> try_task(json task, Handling& h) {
    constexpr std::array<std::string_view, 4> texts{"summary", "notes", "project", "tags"};
    for (auto& [key, value] : task.items()) {
        bool is_template = false;
        (void)for_each_text(value, key, [&](const std::string&, std::string& words) {
            is_template = is_template || words.find('{') != std::string::npos;
            return Result<void>();
        });
        const bool is_text = std::find(texts.begin(), texts.end(), key) != texts.end();
        if (is_template && !is_text) return {};
        if (is_template) value = key == "tags" ? json::array() : json(key);
    }
    const auto request = ipc::from_json<ipc::TaskAdd>(task);
    if (!request) return tl::unexpected(request.error());
    auto inner = h.unit.nested("");
    Handling step{inner, h.user, h.settings, h.identity, h.standing, h.received};
    const auto added = add_task(*request, step);
    h.unit.check_alive();
    const bool is_of_words = !added && (added.error().reason == core::Reason::invalid_argument ||
                                        added.error().reason == core::Reason::not_found);
    if (!is_of_words) return {};
    core::Error error = added.error();
    error.field = "task." + error.field;
    error.message = "task." + error.message;
    return tl::unexpected(std::move(error));
}

Result<void> check_task(const std::string& text, Handling& h) {
    if (text.size() > task_bytes_max)
        return core::invalid_argument("task", "is " + std::to_string(text.size()) +
                                                  " bytes long; at most 16384 are accepted");
    auto task = ipc::parse_json(text.empty() ? "null" : text);
    if (!task) return core::invalid_argument("task", task.error().message);
    if (!task->is_object() || !task->contains("summary"))
        return core::invalid_argument("task",
                                      "is not an object with the fields of task.add, such "
                                      "as {\"summary\": \"Review {data.title}\"}");
    for (const auto& [key, value] : task->items())
        if (std::find(task_fields.begin(), task_fields.end(), key) == task_fields.end())
            return core::invalid_argument(
                "task." + core::clipped(key, 64),
                "is not accepted; use summary, notes, project, tags, priority, due, at, start, "
                "remind, channels, reminding or tz");
    if (const auto request = ipc::from_json<ipc::TaskAdd>(*task); !request)
        return tl::unexpected(request.error());
    auto good = for_each_text(*task, "task", [](const std::string& field, std::string& words) {
        return core::check_event_text(field, words);
    });
    if (!good) return good;
    return try_task(*std::move(task), h);
}

Result<void> check_text(const ipc::RuleSet& request) {
    if (core::trim(request.text).empty())
        return core::invalid_argument("text", request.action == Action::notify
                                                  ? "is missing: what to say"
                                                  : "is missing: a task's number, id or title");
    return core::check_event_text("text", request.text);
}

Result<void> check_channel(const ipc::RuleSet& request, Handling& h,
                           std::vector<std::string>& warnings) {
    if (request.channel.empty()) {
        if (!h.unit.default_channel(h.user))
            warnings.push_back(
                "it reaches nobody yet: there is no default channel; see taskctl "
                "channels");
        return {};
    }
    if (h.unit.find_channel(h.user, request.channel)) return {};
    return core::not_found("channel", "there is no channel " + core::clipped(request.channel, 64),
                           "taskctl channels lists them");
}

/// Fields of another action are a mistake of whoever asks.
Result<void> check_fields(const ipc::RuleSet& request) {
    const auto refuse = [&](const char* field) {
        return core::invalid_argument(
            field, "does not go with the action " + std::string(core::to_string(request.action)));
    };
    const bool has_text = request.action == Action::notify || request.action == Action::done ||
                          request.action == Action::cancel;
    if (!request.task.empty() && request.action != Action::add) return refuse("task");
    if (!request.text.empty() && !has_text) return refuse("text");
    if (!request.channel.empty() && request.action != Action::notify) return refuse("channel");
    if (request.command && request.action != Action::run) return refuse("command");
    return {};
}

Result<EventRule> read_rule(const ipc::RuleSet& request, Handling& h,
                            std::vector<std::string>& warnings) {
    if (request.when.types.empty())
        return core::invalid_argument("types", "is missing: which events it waits for",
                                      "task.completed, or 'build.*'");
    if (const auto filter = core::EventFilter::make(request.when); !filter)
        return tl::unexpected(filter.error());
    if (auto good = check_fields(request); !good) return tl::unexpected(good.error());
    EventRule rule;
    rule.name = request.name;
    rule.when = request.when;
    rule.action = request.action;
    rule.task = request.task;
    rule.text = request.text;
    rule.channel = request.channel;
    Result<void> good;
    switch (request.action) {
    case Action::add:
        good = check_task(request.task, h);
        break;
    case Action::done:
    case Action::cancel:
        good = check_text(request);
        break;
    case Action::notify:
        good = check_text(request);
        if (good) good = check_channel(request, h, warnings);
        break;
    case Action::run: {
        const auto command = read_command(request.command, {}, h);
        if (!command) return tl::unexpected(command.error());
        if (!*command)
            return core::invalid_argument("command.argv", "is missing; name the program to run");
        rule.command = *command;
        break;
    }
    }
    if (!good) return tl::unexpected(good.error());
    return rule;
}

/// What makes two of them the same.
bool is_same(const EventRule& a, const EventRule& b) {
    return a.when == b.when && a.action == b.action && a.task == b.task && a.text == b.text &&
           a.channel == b.channel && a.command == b.command;
}

std::string free_name(const std::vector<EventRule>& rules) {
    for (std::size_t number = 1;; ++number) {
        std::string name = "rule-" + std::to_string(number);
        if (std::none_of(rules.begin(), rules.end(),
                         [&](const auto& rule) { return rule.name == name; }))
            return name;
    }
}

Result<EventRule> find(const std::string& name, Handling& h) {
    auto rule = h.unit.find_event_rule(h.user, name);
    if (rule) return std::move(*rule);
    return core::not_found("name", "there is no rule " + core::clipped(name, 64),
                           "taskctl rules lists them");
}

// ---- applying one -----------------------------------------------------------------------------

std::string chain_of(const ipc::CloudEvent& event) {
    // Others may write what they like there.
    if (event.source.rfind("/taskd/", 0) != 0) return "";
    const auto found = event.attributes.find(core::rule_chain_attribute);
    return found == event.attributes.end() ? "" : found->second;
}

core::EventField fields_of(const ipc::CloudEvent& event, ipc::DataFields& data) {
    return [&](std::string_view name) -> std::optional<std::string> {
        if (name == "type") return event.type;
        if (name == "source") return event.source;
        if (name == "subject") return event.subject;
        if (name == "id") return event.id;
        if (name == "time") return event.time;
        return data.text(name.substr(std::string_view("data.").size()));
    };
}

/// A title, whatever the event says.
std::string one_line(const std::string& text) {
    constexpr std::size_t mark_bytes = 3;
    std::string line = core::clipped(text, core::summary_bytes_max - mark_bytes);
    for (char& c : line) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20 || byte == 0x7f) c = ' ';
    }
    return line;
}

Result<void> add(const EventRule& rule, const core::EventField& field, Handling& h) {
    auto task = json::parse(rule.task);
    std::size_t bytes = 0;
    const auto filled = for_each_text(task, "task", [&](const std::string&, std::string& words) {
        auto text = core::fill_event_text(words, field);
        if (!text) return Result<void>(tl::unexpected(text.error()));
        words = std::move(*text);
        bytes += words.size();
        if (bytes > filled_task_bytes_max)
            return Result<void>(core::invalid_argument(
                "task", "is more than 131072 bytes long with the event's data"));
        return Result<void>();
    });
    if (!filled) return filled;
    auto& summary = task["summary"].get_ref<std::string&>();
    summary = one_line(summary);
    const auto request = ipc::from_json<ipc::TaskAdd>(task);
    if (!request) return tl::unexpected(request.error());
    const auto added = add_task(*request, h);
    if (!added) return tl::unexpected(added.error());
    return {};
}

/// The open task of this title, or the one of this number or whole id: the beginning of an id might
/// be a title's first word.
std::optional<core::Task> task_meant(const std::string& text, Handling& h) {
    constexpr std::size_t id_size = 36;
    if (const auto called = h.unit.open_task_called(h.user, text))
        return h.unit.find_task(h.user, *called);
    const bool is_number = text.find_first_not_of("0123456789") == std::string::npos;
    if (!is_number && text.size() != id_size) return {};
    const auto task = h.unit.find_task(h.user, text);
    return task ? std::optional(*task) : std::nullopt;
}

/// Closes the task that the rule means, and says whether there was one that is open.
Result<bool> close(const EventRule& rule, const core::EventField& field, Handling& h) {
    const auto text = core::fill_event_text(rule.text, field);
    if (!text) return tl::unexpected(text.error());
    const auto task = task_meant(*text, h);
    if (!task || !task->is_open()) return false;
    const auto closed = rule.action == Action::done
                            ? complete_occurrence(*task, h)
                            : cancel_occurrence(*task, core::SkipReason::cancelled, h);
    if (!closed) return tl::unexpected(closed.error());
    return true;
}

Result<void> notify(const EventRule& rule, const ipc::CloudEvent& event,
                    const core::EventField& field, Handling& h) {
    auto text = core::fill_event_text(rule.text, field);
    if (!text) return tl::unexpected(text.error());
    std::string channel = rule.channel;
    if (channel.empty()) {
        const auto usual = h.unit.default_channel(h.user);
        if (usual) channel = usual->name;
    } else if (!h.unit.find_channel(h.user, channel)) {
        return core::not_found("channel", "there is no channel " + channel + " any more");
    }
    core::Bulletin bulletin{channel, one_line(*text), 1, {}};
    const auto seq = h.unit.append_event(h.user, {"rule.notified", event.subject, bulletin});
    if (!channel.empty()) tell_channel(channel, seq, h);
    return {};
}

Result<void> run(const EventRule& rule, const ipc::CloudEvent& event, Handling& h) {
    if (auto room = check_run_room(1, h); !room) return room;
    auto run = new_run(*rule.command, {rule.id, group_of(*rule.command, rule.id, {}), rule.name},
                       core::run_by_rule, h);
    run.event_user_seq = event.userseq;
    h.unit.insert_delivery(run);
    return {};
}

/// Notes how an attempt of a rule ended; `error` is "" where it did what it should.
void count(const std::string& id, const std::string& error, Handling& h) {
    auto rule = h.unit.event_rule_of(h.user, id);
    if (!rule) return;
    ++(error.empty() ? rule->applied : rule->failed);
    rule->last = h.unit.now();
    rule->last_error = error;
    h.unit.put_event_rule(h.user, *rule);
}

Result<void> apply(const EventRule& rule, const ipc::CloudEvent& event, Handling& h) {
    const auto chain = chain_of(event);
    if (core::rules_in_chain(chain).size() >= core::rule_chain_max)
        return core::invalid_argument(
            "rule", rule.name + " was not applied: rules have set each other off " +
                        std::to_string(core::rule_chain_max) + " times in a row");
    h.unit.set_rule_chain(core::longer_chain(chain, rule));
    ipc::DataFields data(event);
    const auto field = fields_of(event, data);
    Result<void> done;
    switch (rule.action) {
    case Action::add:
        done = add(rule, field, h);
        break;
    case Action::done:
    case Action::cancel: {
        const auto closed = close(rule, field, h);
        if (!closed) return tl::unexpected(closed.error());
        if (!*closed) return {};  // it did nothing, and is not counted
        break;
    }
    case Action::notify:
        done = notify(rule, event, field, h);
        break;
    case Action::run:
        done = run(rule, event, h);
        break;
    }
    if (!done) return done;
    count(rule.id, {}, h);
    return {};
}

EventHandler handler_of(const EventRule& rule) {
    EventHandler handler;
    handler.name = std::string(handler_prefix) + rule.name + ":" + rule.id;
    handler.run = [rule](const ipc::CloudEvent& event, Handling& h) {
        return apply(rule, event, h);
    };
    handler.marks_success = false;
    handler.failed = [rule](const core::Error& error, Handling& h) {
        count(rule.id, core::clipped(error.message, error_bytes_max), h);
    };
    return handler;
}

}  // namespace

Result<ipc::RuleSaved> set_rule(const ipc::RuleSet& request, Handling& h) {
    ipc::RuleSaved saved;
    auto rule = read_rule(request, h, saved.warnings);
    if (!rule) return tl::unexpected(rule.error());
    const auto rules = h.unit.event_rules(h.user);
    if (rule->name.empty()) rule->name = free_name(rules);
    if (auto name = core::checked_rule_name(rule->name); !name) return tl::unexpected(name.error());
    if (const auto known = h.unit.find_event_rule(h.user, rule->name)) {
        if (!is_same(*known, *rule))
            return tl::unexpected(
                core::Error{core::Reason::conflict, "name: there is another rule " + rule->name,
                            "name", "taskctl rules remove " + rule->name + " makes room for it"});
        saved.rule = *known;
        saved.unchanged = true;
        return saved;
    }
    if (static_cast<std::int64_t>(rules.size()) >= core::event_rules_max)
        return tl::unexpected(core::Error{
            core::Reason::resource_exhausted,
            "rules: there are " + std::to_string(core::event_rules_max) + ", the most there may be",
            "rules", "taskctl rules remove makes room"});
    rule->id = core::uuid_v4(h.unit.random());
    rule->created = h.unit.now();
    rule->after = h.unit.event_head(h.user);
    h.unit.put_event_rule(h.user, *rule);
    // As a task's it is under the id of its owner: what waits to run is let go with it.
    if (rule->command) h.unit.put_command(h.user, rule->id, rule->command);
    saved.rule = std::move(*rule);
    return saved;
}

Result<ipc::RulePage> list_rules(const ipc::RuleList&, Handling& h) {
    return ipc::RulePage{h.unit.event_rules(h.user)};
}

Result<ipc::RuleSaved> pause_rule(const ipc::RulePause& request, Handling& h) {
    auto rule = find(request.name, h);
    if (!rule) return tl::unexpected(rule.error());
    if (rule->paused)
        return core::failed_precondition("name", "rule " + rule->name + " is paused already");
    rule->paused = h.unit.now();
    h.unit.put_event_rule(h.user, *rule);
    return ipc::RuleSaved{std::move(*rule), {}, false};
}

Result<ipc::RuleSaved> resume_rule(const ipc::RuleResume& request, Handling& h) {
    auto rule = find(request.name, h);
    if (!rule) return tl::unexpected(rule.error());
    if (!rule->paused)
        return core::failed_precondition("name", "rule " + rule->name + " is not paused");
    rule->paused.reset();
    rule->after = h.unit.event_head(h.user);
    h.unit.put_event_rule(h.user, *rule);
    return ipc::RuleSaved{std::move(*rule), {}, false};
}

Result<ipc::RuleSaved> remove_rule(const ipc::RuleRemove& request, Handling& h) {
    auto rule = find(request.name, h);
    if (!rule) return tl::unexpected(rule.error());
    h.unit.erase_event_rule(h.user, *rule);
    h.unit.put_command(h.user, rule->id, {});
    return ipc::RuleSaved{std::move(*rule), {}, false};
}

std::vector<ActiveRule> active_rules(const core::UserId& user, UnitOfWork& unit) {
    std::vector<ActiveRule> active;
    for (auto& rule : unit.event_rules(user)) {
        auto filter = core::EventFilter::make(rule.when);
        if (filter && !rule.paused) active.push_back({std::move(rule), std::move(*filter)});
    }
    return active;
}

std::vector<const EventRule*> rules_for(const std::vector<ActiveRule>& rules,
                                        const ipc::CloudEvent& event) {
    std::vector<const EventRule*> found;
    if (rules.empty()) return found;
    const auto chain = chain_of(event);
    ipc::DataFields data(event);
    for (const auto& [rule, filter] : rules)
        if (event.userseq > rule.after &&
            filter.matches(event.type, event.source, event.subject, std::ref(data)) &&
            !core::is_in_chain(chain, rule))
            found.push_back(&rule);
    return found;
}

void apply_rules(const std::vector<const EventRule*>& rules, const ipc::CloudEvent& event,
                 int& left, Handling& h) {
    for (const auto* rule : rules) {
        if (left < 0) return;
        auto handler = handler_of(*rule);
        // Said once; what else would have followed is not counted any more.
        if (left == 0)
            handler.run = [rule](const ipc::CloudEvent&, Handling&) -> Result<void> {
                return core::invalid_argument("rule",
                                              rule->name + " was not applied: rules did " +
                                                  std::to_string(core::rule_effects_max) +
                                                  " things because of one event, and no more");
            };
        --left;
        run_handler(handler, event, h);
    }
}

std::optional<EventHandler> rule_handler(const std::string& name, Handling& h) {
    if (name.rfind(handler_prefix, 0) != 0) return {};
    const auto rule = h.unit.event_rule_of(h.user, name.substr(name.rfind(':') + 1));
    if (!rule) return {};
    auto handler = handler_of(*rule);
    if (rule->paused)
        handler.run = [](const ipc::CloudEvent&, Handling&) -> Result<void> {
            return core::invalid_argument("rule", "it was paused when this was to be tried again");
        };
    return handler;
}

}  // namespace taskd::daemon
