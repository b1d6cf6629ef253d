// SPDX-License-Identifier: Apache-2.0
#include "cli/context.h"

#include "cli/exit_code.h"
#include "cli/local_zone.h"
#include "core/span.h"
#include "core/text.h"

#include <charconv>
#include <cstdlib>
#include <memory>

namespace taskd::cli {
namespace {

using core::Result;

/// A flag's value, else the variable's; and which of them it was, for messages.
struct Given {
    std::string text;
    std::string name;
};
Given given(const std::string& flag, const char* flag_name, const char* variable) {
    if (!flag.empty()) return {flag, flag_name};
    // Called before any thread is started.
    const char* value = std::getenv(variable);
    return {value == nullptr ? "" : value, variable};
}

bool is_yes(const std::string& word) {
    return !word.empty() && word != "0" && word != "false" && word != "no";
}

Result<ColorChoice> color_from(const std::string& word) {
    if (word.empty() || word == "auto") return ColorChoice::automatic;
    if (word == "always") return ColorChoice::always;
    if (word == "never") return ColorChoice::never;
    return core::invalid_argument(
        "color", "\"" + core::clipped(word, 64) + "\" is not accepted; use auto, always or never");
}

core::TimeZone zone_named(const std::string& name) {
    const auto zone = core::TimeZone::load(name);
    return zone ? *zone : core::TimeZone::utc();
}

}  // namespace

Result<Settings> settings_from(const GlobalOptions& options, bool may_poll) {
    Settings settings;
    settings.screen.quiet = options.quiet;
    if (const auto output = given(options.output, "--output", "TASKCTL_OUTPUT");
        !output.text.empty()) {
        const auto format = format_from(output.text);
        if (!format) {
            core::Error error = format.error();
            if (output.name != "--output")
                error.message.replace(0, std::string("output").size(), output.name);
            return tl::unexpected(error);
        }
        settings.screen.format = *format;
    }
    const auto color = color_from(options.color);
    if (!color) return tl::unexpected(color.error());
    settings.screen.color = *color;
    if (!options.timeout.empty()) {
        const auto timeout = span_from("timeout", options.timeout);
        if (!timeout) return tl::unexpected(timeout.error());
        const bool is_poll = *timeout == std::chrono::seconds{0};
        if (is_poll && !may_poll)
            return core::invalid_argument("timeout", "0 leaves no time to answer; use 1s or more");
        if (!is_poll) settings.timeout = *timeout;
        settings.patience = *timeout;
    }
    settings.endpoint = given(options.endpoint, "--endpoint", "TASKCTL_ENDPOINT").text;
    settings.as = options.as;
    settings.may_ask = !options.no_input;
    settings.may_start = !options.no_start && !is_yes(given({}, "", "TASKCTL_NO_START").text);
    return settings;
}

Context::Context(Settings settings)
    : settings_(std::move(settings)),
      screen_(settings_.screen),
      now_(std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now())),
      zone_name_(local_zone(zone_sources()).value_or("")),
      zone_(zone_named(zone_name_)) {}

Result<ipc::Client> Context::client(const std::string& idempotency_key, Start start) {
    auto where = place();
    if (!where) return tl::unexpected(where.error());
    const bool may_start = settings_.may_start && start != Start::never;
    auto started = std::make_shared<bool>(false);
    const auto ensure = [where = *where, may_start, start, started]() -> Result<void> {
        if (may_start && !(start == Start::once && *started)) {
            *started = true;
            return ensure_daemon(where);
        }
        auto running = require_daemon(where);
        if (!running && running.error().hint.empty() && !may_start && start != Start::never)
            running.error().hint = "leave out --no-start (or TASKCTL_NO_START) to have one started";
        return running;
    };
    return ipc::Client(sockets_, where->endpoint, random_,
                       {settings_.timeout, settings_.as, idempotency_key}, ensure);
}

int Context::fail(const core::Error& error) {
    core::Error told = error;
    const std::string key = given({}, "", "TASKCTL_IDEMPOTENCY_KEY").text;
    if (error.field == "idempotency_key" && !key.empty() &&
        error.message.find("\"" + key + "\"") != std::string::npos)
        told.hint =
            "TASKCTL_IDEMPOTENCY_KEY is for one command; set it for that one alone, or give "
            "each its own --idempotency-key";
    screen_.error(told);
    return exit_status(error.reason);
}

void Context::note_replay(bool replayed) {
    if (replayed)
        screen_.note("replayed: this idempotency key was already used; nothing was done again");
}

Result<std::int64_t> number_from(const std::string& option, const std::string& text,
                                 std::int64_t min, std::int64_t max) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const bool whole = !text.empty() && error == std::errc{} && end == text.data() + text.size();
    if (whole && number >= min && number <= max) return number;
    return core::invalid_argument(
        option,
        "\"" + core::clipped(text, 64) + "\" is not accepted; use a whole number " +
            (max == INT64_MAX ? "of at least " + std::to_string(min)
                              : "from " + std::to_string(min) + " to " + std::to_string(max)));
}

Result<std::chrono::seconds> span_from(const std::string& option, const std::string& text) {
    auto span = core::parse_span(option, text);
    if (span) return span;
    const bool has_digits = text.find_first_of("0123456789") == 0;
    const auto unit = text.find_first_not_of("0123456789.");
    if (has_digits && unit == std::string::npos)
        span.error().hint = "a number needs a unit, and a second is the least: 1s";
    else if (has_digits && (text.find('.') != std::string::npos || text.substr(unit) == "ms"))
        span.error().hint = "a second is the least, in whole numbers: 1s";
    return span;
}

}  // namespace taskd::cli
