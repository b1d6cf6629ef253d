// SPDX-License-Identifier: Apache-2.0
#include "daemon/config.h"

#include "core/check.h"
#include "core/span.h"
#include "core/text.h"

#include <toml++/toml.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <system_error>

namespace taskd::daemon {
namespace {

using Type = ConfigKey::Type;

constexpr std::int64_t second = 1000;
constexpr std::int64_t day = 86'400 * second;
constexpr std::int64_t largest = 1'000'000'000'000'000;  // of what is bounded by the disk only

std::optional<std::int64_t> to_integer(const std::string& text) {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return {};
    return value;
}

/// A span is written in words ("7d", "30s") or as milliseconds ("500ms").
std::optional<std::int64_t> to_span(const std::string& text) {
    if (text.size() > 2 && text.substr(text.size() - 2) == "ms")
        return to_integer(text.substr(0, text.size() - 2));
    const auto span = core::parse_span("span", text);
    if (!span) return {};
    return std::chrono::milliseconds{*span}.count();
}

constexpr std::array<std::string_view, 5> log_levels{"debug", "info", "warning", "error", "off"};

const ConfigKey* find_key(std::string_view name) {
    const auto found = std::find_if(config_keys().begin(), config_keys().end(),
                                    [&](const ConfigKey& key) { return key.name == name; });
    return found == config_keys().end() ? nullptr : &*found;
}

tl::unexpected<core::Error> unknown_key(const std::string& name, const std::string& origin) {
    std::vector<std::string> names;
    for (const auto& key : config_keys()) names.emplace_back(key.name);
    const auto near = core::nearest(name, names);
    return core::invalid_argument(
        name, "is not a key (" + origin + ")",
        near.empty() ? "taskd --print-config lists all keys" : "did you mean \"" + near + "\"?");
}

/// Policies and what they hold for are named by their user: see resiliency.h.
bool is_resiliency_word(std::string_view key) {
    return key.rfind("policies.", 0) == 0 || key.rfind("targets.", 0) == 0;
}

/// The leaves of a TOML file as key name and text.
core::Result<void> flatten(const toml::table& table, const std::string& prefix,
                           const std::string& origin, std::map<std::string, std::string>& into) {
    for (const auto& [name, node] : table) {
        const std::string key = prefix + std::string(name.str());
        if (const auto* inner = node.as_table()) {
            if (auto flat = flatten(*inner, key + ".", origin, into); !flat) return flat;
            continue;
        }
        const bool is_policy = is_resiliency_word(key);
        if (find_key(key) == nullptr && !is_policy) return unknown_key(key, origin);
        if (const auto text = node.value_exact<std::string>())
            into[key] = *text;
        else if (const auto number = node.value_exact<std::int64_t>())
            into[key] = std::to_string(*number);
        else if (const auto flag = node.value_exact<bool>())
            into[key] = *flag ? "true" : "false";
        else
            return core::invalid_argument(
                key, "must be a text, a whole number, true or false (" + origin + ")");
    }
    return {};
}

}  // namespace

const std::vector<ConfigKey>& config_keys() {
    static const std::vector<ConfigKey> keys{
        {"store.path", Type::text, "", 0, 0, "the store's file"},
        {"endpoint", Type::text, "", 0, 0, "the directory of the sockets"},
        {"log.level", Type::text, "info", 0, 0, "debug, info, warning, error or off", true},
        {"log.file", Type::text, "", 0, 0, "log to this file instead of standard error"},
        {"turn.requests_max", Type::integer, "1024", 1, 100'000, "requests in one transaction",
         true},
        {"turn.bytes_max", Type::integer, "16777216", 65'536, 1'073'741'824,
         "bytes of requests in one transaction", true},
        {"turn.timers_max", Type::integer, "1000", 1, 100'000, "timers fired in one transaction",
         true},
        {"polls.max", Type::integer, "256", 1, 100'000, "long polls waiting at once", true},
        {"outbound.workers", Type::integer, "8", 1, 256, "threads that run channels"},
        {"outbound.max", Type::integer, "64", 1, 10'000, "deliveries under way at once", true},
        {"delivery.attempts_max", Type::integer, "3", 1, 100, "attempts of one delivery", true},
        {"delivery.backoff", Type::span, "10s", 1, day, "wait after the first failed attempt",
         true},
        {"delivery.backoff_max", Type::span, "10m", 1, day, "longest wait between attempts", true},
        {"idempotency.ttl", Type::span, "7d", second, 366 * day, "how long replies are remembered",
         true},
        {"dedup.ttl", Type::span, "30d", second, 366 * day, "how long event keys are remembered",
         true},
        {"undo.ttl", Type::span, "30d", second, 366 * day,
         "how long changes and deleted tasks are kept", true},
        {"retention.events", Type::span, "90d", second, 366 * day, "how long events are kept",
         true},
        {"retention.max_bytes", Type::integer, "1073741824", 0, largest,
         "bytes of one user's events that are kept, 0 for any; the oldest go", true},
        {"quota.tasks", Type::integer, "1000000", 1, largest, "tasks of one user", true},
        {"quota.events_per_second", Type::integer, "50000", 1, 1'000'000'000,
         "events that one user may publish, in the long run", true},
        {"quota.event_bytes", Type::integer, "4294967296", 1, largest,
         "bytes of one user's events; more are refused", true},
        {"quota.calls", Type::integer, "1000", 1, 1'000'000,
         "durable calls of one user that are not finished", true},
        {"quota.runs", Type::integer, "100000", 1, 10'000'000,
         "results of taskctl once that one user may have", true},
        {"quota.run_bytes", Type::integer, "1073741824", 0, largest,
         "bytes of what those commands printed; more are not kept", true},
        {"quota.consumers", Type::integer, "100", 1, 10'000, "consumers of one user", true},
        {"bus.heartbeat", Type::span, "1s", 10, 60 * second, "least time between two heads"},
        {"admission.group", Type::text, "taskd", 0, 0,
         "with --system: the group whose members are served", true},
        {"admission.users_max", Type::integer, "256", 1, 10'000,
         "with --system: users served at once"},
        {"exec.allow", Type::text, "", 0, 0,
         "programs that channels and tasks may run, absolute, with commas; *: any", true},
        {"exec.concurrency", Type::integer, "2", 1, 256, "commands of exec channels at once"},
        {"commands.concurrency", Type::integer, "16", 1, 1024, "commands of tasks at once"},
        {"commands.per_user", Type::integer, "8", 1, 1024, "commands of one user's tasks at once"},
        {"commands.units", Type::text, "auto", 0, 0,
         "whether they are units of systemd: auto (where it started taskd) or off"},
        {"desktop.enabled", Type::flag, "", 0, 0,
         "allow desktop channels: true, but for a system daemon"},
        {"webhook.networks", Type::text, "", 0, 0,
         "what webhooks may reach: any, public, or networks such as 10.0.0.0/8"},
        {"webhook.ca_file", Type::text, "", 0, 0,
         "PEM of who signs their certificates; the system's by default"},
        {"http.listen", Type::text, "", 0, 0,
         "where HTTP is served: 127.0.0.1:8377,[::1]:8377,unix:/path"},
        {"http.allow_remote", Type::flag, "false", 0, 0,
         "listen on addresses that other machines reach; they need a token"},
        {"http.hosts", Type::text, "", 0, 0, "names in Host beside localhost, with commas"},
        {"http.origins", Type::text, "", 0, 0, "Origins of pages that may call, with commas"},
        {"http.token_file", Type::text, "", 0, 0, "file with a service token; mode 0600"},
        {"http.metrics_public", Type::flag, "false", 0, 0, "serve /metrics without a token"},
        {"http.threads", Type::integer, "32", 6, 256, "HTTP requests answered at once"},
        {"http.queue_max", Type::integer, "64", 1, 10'000, "HTTP requests waiting for a thread"},
        {"http.connections_max", Type::integer, "512", 1, 20'000, "open HTTP connections"},
        {"http.timeout", Type::span, "10s", 100, 600 * second,
         "time to send a request, and to take its answer"},
        {"http.idle", Type::span, "2m", 100, 3600 * second, "how long an idle connection is kept"},
        {"http.streams_max", Type::integer, "64", 1, 1000, "streams of events open at once"},
        {"http.keep_alive", Type::span, "15s", 100, 60 * second,
         "longest silence of a stream of events"},
        {"dapr.pubsub", Type::text, "", 0, 0,
         "the pub/sub component whose events taskd takes; without it there is no Dapr side"},
        {"dapr.topics", Type::text, "", 0, 0, "topics to subscribe to, with commas"},
        {"dapr.dead_letter_topic", Type::text, "", 0, 0,
         "where the sidecar puts what taskd does not take"},
        {"dapr.bulk_max", Type::integer, "0", 0, 1000, "events of one delivery, 0: one by one"},
        {"dapr.allow_no_token", Type::flag, "false", 0, 0,
         "take events though APP_API_TOKEN is not set"},
        {"dapr.port", Type::integer, "0", 0, 65'535,
         "the sidecar's HTTP port; 0: DAPR_HTTP_PORT, then 3500"},
        {"dapr.endpoint", Type::text, "", 0, 0,
         "the sidecar's URL instead of its port: http://HOST[:PORT] or unix:/PATH"},
        {"service.name", Type::text, "", 0, 0,
         "this daemon's app id; names the source of its events (else the host's name)"},
        {"recurring.mode", Type::text, "off", 0, 0,
         "on task.completed make the next occurrence: off, local (here) or remote"},
        {"backend.enabled", Type::flag, "false", 0, 0, "serve /api/tasks and /api/users"},
        {"backend.recur", Type::text, "none", 0, 0,
         "local: a task with a recurring pattern goes on by itself; none: it does not"},
        {"backend.service_id", Type::text, "", 0, 0,
         "app id of the task backend; without one it is this daemon"},
        {"notification.enabled", Type::flag, "false", 0, 0, "send a mail on reminder.due"},
        {"notification.service_id", Type::text, "", 0, 0,
         "app id that is told of each reminder.due by a call of its own"},
        {"notification.subject", Type::text, "Reminder: {title}", 0, 0,
         "of the mail; {title}, {due_at}, {task_id} and {user_id} are filled in"},
        {"notification.text", Type::text, "Task '{title}' is due at {due_at}", 0, 0, "of the mail"},
        {"notification.address_ttl", Type::span, "10m", second, day,
         "how long an address that the backend told is kept"},
        {"publisher.topics", Type::text, "", 0, 0,
         "topics to publish the log to, with commas: NAME or NAME=TYPE+TYPE"},
        {"publisher.batch_max", Type::integer, "100", 1, 1000, "events of one bulk request"},
        {"call.timeout", Type::span, "30s", 100, 600 * second, "time of one attempt of a call"},
        {"call.allow", Type::text, "", 0, 0,
         "apps and components that users' durable calls may name, with commas; *: any", true},
        {"call.keep_trying", Type::span, "24h", second, 30 * day,
         "how long a durable call is tried"},
        {"smtp.url", Type::text, "", 0, 0, "the mail server: smtp://HOST[:PORT] or smtps://"},
        {"smtp.from", Type::text, "", 0, 0, "the sender's address"},
        {"smtp.user", Type::text, "", 0, 0, "to sign in with"},
        {"smtp.password_file", Type::text, "", 0, 0, "file with the password; mode 0600"},
        {"smtp.tls", Type::text, "opportunistic", 0, 0, "STARTTLS: opportunistic, required or off"},
        {"smtp.ca_file", Type::text, "", 0, 0, "certificates to trust instead of the system's"},
        {"smtp.timeout", Type::span, "30s", 100, 600 * second, "time to send one mail"},
    };
    return keys;
}

std::string flag_name(const ConfigKey& key) {
    std::string flag = "--" + std::string(key.name);
    std::replace(flag.begin(), flag.end(), '.', '-');
    std::replace(flag.begin(), flag.end(), '_', '-');
    return flag;
}

std::string variable_name(const ConfigKey& key) {
    std::string name = "TASKD_" + core::to_upper(key.name);
    std::replace(name.begin(), name.end(), '.', '_');
    return name;
}

core::Result<void> Config::set(const ConfigKey& key, const std::string& text,
                               const std::string& origin) {
    const auto refuse = [&](const std::string& accepted) {
        return core::invalid_argument(
            std::string(key.name),
            "\"" + text + "\" (" + origin + ") is not accepted; use " + accepted);
    };
    if (key.type == Type::flag && text != "true" && text != "false") return refuse("true or false");
    if (key.type == Type::integer || key.type == Type::span) {
        const auto value = key.type == Type::integer ? to_integer(text) : to_span(text);
        if (!value || *value < key.min || *value > key.max)
            return key.type == Type::integer
                       ? refuse("a whole number from " + std::to_string(key.min) + " to " +
                                std::to_string(key.max))
                       : refuse("a span such as " + std::string(key.standard) + ", at most " +
                                core::format_span(std::chrono::seconds{key.max / second}));
    }
    if (key.name == "log.level" &&
        std::find(log_levels.begin(), log_levels.end(), text) == log_levels.end())
        return refuse("debug, info, warning, error or off");
    if (key.name == "commands.units" && text != "auto" && text != "off")
        return refuse("auto or off");
    values_[std::string(key.name)] = {text, origin};
    return {};
}

core::Result<void> Config::read_file(const Sources& sources) {
    if (sources.file.empty()) return {};
    std::error_code error;
    const auto kind = std::filesystem::status(sources.file, error).type();
    if (kind == std::filesystem::file_type::not_found) {
        if (!sources.file_must_exist) return {};
        return core::invalid_argument("config", sources.file + " does not exist");
    }
    if (kind == std::filesystem::file_type::directory)
        return core::invalid_argument("config", sources.file + " is a directory, not a file");
    std::ifstream file(sources.file);
    if (!file)
        return core::invalid_argument(
            "config", "can't read " + sources.file + ": " + std::generic_category().message(errno));
    std::map<std::string, std::string> found;
    try {
        const auto table = toml::parse(file, sources.file);
        if (auto flat = flatten(table, "", sources.file, found); !flat) return flat;
    } catch (const toml::parse_error& failure) {
        const auto& where = failure.source().begin;
        return core::invalid_argument("config", sources.file + " line " +
                                                    std::to_string(where.line) + ": " +
                                                    std::string(failure.description()));
    }
    for (const auto& [name, text] : found)
        if (is_resiliency_word(name))
            resiliency_[name] = text;
        else if (auto good = set(*find_key(name), text, sources.file); !good)
            return good;
    return {};
}

core::Result<Config> Config::load(const Sources& sources) {
    Config config;
    for (const auto& key : config_keys())
        config.values_[std::string(key.name)] = {std::string(key.standard), "default"};
    if (auto read = config.read_file(sources); !read) return tl::unexpected(read.error());
    for (const auto& key : config_keys()) {
        const auto found = sources.environment.find(variable_name(key));
        if (found == sources.environment.end()) continue;
        if (auto good = config.set(key, found->second, "environment " + found->first); !good)
            return tl::unexpected(good.error());
    }
    for (const auto& [name, text] : sources.flags) {
        const ConfigKey* key = find_key(name);
        core::check(key != nullptr, "flags are made from the table");
        if (auto good = config.set(*key, text, "flag " + flag_name(*key)); !good)
            return tl::unexpected(good.error());
    }
    return config;
}

const std::string& Config::text(std::string_view key) const {
    const auto found = values_.find(key);
    core::check(found != values_.end(), "a key that is asked for is in the table");
    return found->second.text;
}

std::int64_t Config::integer(std::string_view key) const {
    return to_integer(text(key)).value();
}

std::chrono::milliseconds Config::span(std::string_view key) const {
    return std::chrono::milliseconds{to_span(text(key)).value()};
}

bool Config::flag(std::string_view key) const {
    return text(key) == "true";
}

Settings Config::settings() const {
    const auto size = [&](std::string_view key) { return static_cast<std::size_t>(integer(key)); };
    Settings settings;
    settings.turn_requests_max = size("turn.requests_max");
    settings.turn_bytes_max = size("turn.bytes_max");
    settings.turn_timers_max = size("turn.timers_max");
    settings.polls_max = size("polls.max");
    settings.outbound_max = size("outbound.max");
    settings.idempotency_ttl = span("idempotency.ttl");
    settings.dedup_ttl = span("dedup.ttl");
    settings.undo_ttl = span("undo.ttl");
    settings.retention_events = span("retention.events");
    settings.retention_max_bytes = integer("retention.max_bytes");
    settings.quotas = {integer("quota.tasks"),       integer("quota.events_per_second"),
                       integer("quota.event_bytes"), integer("quota.consumers"),
                       integer("quota.calls"),       integer("quota.runs"),
                       integer("quota.run_bytes")};
    settings.bus_heartbeat = span("bus.heartbeat");
    settings.commands_max = size("commands.concurrency");
    settings.commands_per_user = integer("commands.per_user");
    if (const auto& allow = text("exec.allow"); allow != "*") {
        settings.exec_allow.emplace();
        for (const auto& program : core::split(allow, ','))
            if (const auto path = core::trim(program); !path.empty())
                settings.exec_allow->emplace_back(path);
    }
    if (const auto& allow = text("call.allow"); allow != "*") {
        settings.call_allow.emplace();
        for (const auto& target : core::split(allow, ','))
            if (const auto name = core::trim(target); !name.empty())
                settings.call_allow->emplace_back(name);
    }
    settings.has_desktop = flag("desktop.enabled");
    settings.has_mail_server = !text("smtp.url").empty();
    settings.delivery_retry.attempts_max = static_cast<int>(integer("delivery.attempts_max"));
    settings.delivery_retry.initial = span("delivery.backoff");
    settings.delivery_retry.max = span("delivery.backoff_max");
    return settings;
}

void Config::set_standard(std::string_view key, std::string value) {
    auto& current = values_.find(key)->second;
    if (current.text.empty()) current = {std::move(value), "default"};
}

std::vector<Config::Change> Config::adopt(const Config& fresh) {
    std::vector<Change> changes;
    for (const auto& key : config_keys()) {
        auto& mine = values_.find(key.name)->second;
        const auto& theirs = fresh.values_.find(key.name)->second;
        if (mine.text == theirs.text) continue;
        changes.push_back({std::string(key.name), mine.text, theirs.text, key.reloads});
        if (key.reloads) mine = theirs;
    }
    return changes;
}

std::vector<ipc::ConfigValue> Config::values() const {
    std::vector<ipc::ConfigValue> all;
    for (const auto& key : config_keys()) {
        const auto& value = values_.find(key.name)->second;
        all.push_back({std::string(key.name), value.text, value.origin, key.reloads});
    }
    return all;
}

std::string Config::print() const {
    std::string out;
    for (const auto& key : config_keys()) {
        const auto& value = values_.find(key.name)->second;
        const bool bare = key.type == Type::integer || key.type == Type::flag;
        out += std::string(key.name) + " = " + (bare ? value.text : "\"" + value.text + "\"") +
               "  # " + value.origin + "\n";
    }
    return out;
}

}  // namespace taskd::daemon
