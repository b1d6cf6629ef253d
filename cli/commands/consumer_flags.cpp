// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/consumer_flags.h"

#include "cli/commands/event_text.h"
#include "cli/event_place.h"
#include "core/text.h"

#include <algorithm>

namespace taskd::cli {
namespace {

using core::Result;
using std::chrono::milliseconds;

/// Milliseconds of a span that was given; else `into` stays.
Result<void> take_span(const char* name, const std::string& text, std::int64_t& into) {
    if (text.empty()) return {};
    const auto span = span_from(name, text);
    if (!span) return tl::unexpected(span.error());
    into = milliseconds{*span}.count();
    return {};
}

Result<void> take_number(const char* name, const std::string& text, std::int64_t max,
                         std::int64_t& into) {
    if (text.empty()) return {};
    const auto number = number_from(name, text, 1, max);
    if (!number) return tl::unexpected(number.error());
    into = *number;
    return {};
}

}  // namespace

bool ConsumerFlags::any() const {
    return replace || !types.empty() || !sources.empty() || !subjects.empty() || !where.empty() ||
           !lease.empty() || !in_flight.empty() || !attempts.empty() || !backoff.empty() ||
           !backoff_max.empty();
}

void add_consumer_flags(CLI::App& app, ConsumerFlags& flags) {
    add_texts(app, "--type", flags.types, "PATTERN",
              "take events of this type, or of a prefix such as task.*; may be repeated");
    add_texts(app, "--source", flags.sources, "PATTERN", "likewise of this source");
    add_texts(app, "--subject", flags.subjects, "PATTERN", "likewise of this subject");
    add_texts(app, "--where", flags.where, "CONDITION",
              "take events whose data is so, such as 'payload.priority>=5'; if repeated, all must "
              "hold");
    add_text(app, "--from", flags.from, "PLACE",
             "where a new group begins: now, oldest, an event's number, or a time (default now)");
    add_text(app, "--lease", flags.lease, "SPAN",
             "how long a member may keep an event without a sign of life (default 30s)");
    add_text(app, "--max-in-flight", flags.in_flight, "N",
             "how many events may be in work at once (default 64)");
    add_text(app, "--attempts", flags.attempts, "N",
             "how often an event is tried before it is a dead letter (default 5)");
    add_text(app, "--backoff", flags.backoff, "SPAN",
             "how long the second try waits; each further one twice as long (default 1s)");
    add_text(app, "--backoff-max", flags.backoff_max, "SPAN",
             "but no longer than this (default 10m)");
    add_switch(app, "--replace", flags.replace, "change a group that is there and differs");
}

Result<ipc::ConsumerCreate> consumer_request(Context& context, const ConsumerFlags& flags,
                                             const std::string& name,
                                             const ipc::ConsumerView* existing) {
    ipc::ConsumerCreate request;
    request.name = name;
    if (existing != nullptr) {
        request.types = existing->types;
        request.sources = existing->sources;
        request.subjects = existing->subjects;
        request.where = existing->where;
        request.lease_ms = existing->lease_ms;
        request.max_in_flight = existing->max_in_flight;
        request.attempts_max = existing->attempts_max;
        request.backoff_ms = existing->backoff_ms;
        request.backoff_max_ms = existing->backoff_max_ms;
    }
    if (!flags.types.empty()) {
        if (const auto types = checked_types(context, flags.types); !types)
            return tl::unexpected(types.error());
        request.types = flags.types;
    }
    if (!flags.sources.empty()) request.sources = flags.sources;
    if (!flags.subjects.empty()) request.subjects = flags.subjects;
    if (!flags.where.empty()) request.where = flags.where;
    if (!flags.from.empty()) {
        auto from = consumer_place("from", flags.from, context.now(), context.zone());
        if (!from) return tl::unexpected(from.error());
        request.from = std::move(*from);
    }
    request.replace = flags.replace;
    for (const auto& taken :
         {take_span("lease", flags.lease, request.lease_ms),
          take_number("max-in-flight", flags.in_flight, 100'000, request.max_in_flight),
          take_number("attempts", flags.attempts, 1000, request.attempts_max),
          take_span("backoff", flags.backoff, request.backoff_ms),
          take_span("backoff-max", flags.backoff_max, request.backoff_max_ms)})
        if (!taken) return tl::unexpected(taken.error());
    request.backoff_max_ms = std::max(request.backoff_max_ms, request.backoff_ms);
    return request;
}

Result<std::optional<ipc::ConsumerView>> find_consumer(ipc::Client& client,
                                                       const std::string& name) {
    auto page = client.call(ipc::ConsumerList{});
    if (!page) return tl::unexpected(page.error());
    for (auto& view : page->value.consumers)
        if (view.name == name) return std::optional(std::move(view));
    return std::optional<ipc::ConsumerView>();
}

std::string filter_words(const ipc::ConsumerView& view) {
    std::vector<std::string> parts;
    const auto add = [&](const std::string& name, const std::vector<std::string>& patterns) {
        if (!patterns.empty()) parts.push_back(name + core::join(patterns, ","));
    };
    add("", view.types);
    add("source ", view.sources);
    add("subject ", view.subjects);
    add("where ", view.where);
    return core::join(parts, " ");
}

}  // namespace taskd::cli
