// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/event_text.h"

#include "cli/times.h"
#include "core/event.h"
#include "core/rfc3339.h"
#include "core/text.h"
#include "core/topic.h"
#include "ipc/json.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace taskd::cli {
namespace {

constexpr std::size_t type_width = 18;  // of the longest of taskd's own types
constexpr std::size_t id_shown = 8;

/// What an event is about, as far as its data tells. Others' events may have any data.
struct About {
    std::string subject;
    std::string summary;
};
About about(const ipc::CloudEvent& event) {
    About found{event.subject, {}};
    if (event.data.empty()) return found;
    const auto data = ipc::parse_json(event.data);
    if (!data || !data->is_object()) return found;
    const auto payload = data->find("payload");
    if (payload == data->end() || !payload->is_object()) return found;
    if (const auto number = payload->find("number");
        number != payload->end() && number->is_number_integer())
        found.subject = "task " + std::to_string(number->get<std::int64_t>());
    for (const char* name : {"summary", "channel"})
        if (const auto text = payload->find(name);
            found.summary.empty() && text != payload->end() && text->is_string())
            found.summary = text->get<std::string>();
    return found;
}

}  // namespace

std::string event_line(const ipc::CloudEvent& event, const core::TimeZone& zone,
                       const Style& style) {
    const auto at = core::parse_utc(event.time);
    auto [subject, summary] = about(event);
    if (subject == event.subject) subject = subject.substr(0, id_shown);
    std::string type = visible(event.type);
    if (type.size() < type_width) type.resize(type_width, ' ');
    std::string line = painted(at ? stamp(*at, zone) : visible(event.time), Paint::dim, style) +
                       "  #" + std::to_string(event.userseq) + "  " +
                       painted(type, Paint::bold, style) + "  " + visible(subject);
    if (!summary.empty()) line += "  " + visible(summary);
    return line + "\n";
}

std::string plain_event_line(const ipc::CloudEvent& event) {
    return core::join({std::to_string(event.userseq), visible(event.time), visible(event.type),
                       visible(event.subject), visible(about(event).summary)},
                      "\t") +
           "\n";
}

std::vector<std::string> type_warnings(const std::vector<std::string>& patterns) {
    std::vector<std::string> warnings;
    for (const auto& pattern : patterns) {
        const auto filter = core::TopicFilter::make({pattern});
        const auto& types = core::event_types();
        if (!filter || std::any_of(types.begin(), types.end(),
                                   [&](const auto& type) { return filter->matches(type); }))
            continue;
        const auto near = core::nearest(pattern, types);
        warnings.push_back("no event of taskd has the type \"" + core::clipped(pattern, 64) + "\"" +
                           (near.empty() ? "" : "; did you mean \"" + near + "\"?"));
    }
    return warnings;
}

void print_event(Context& context, const ipc::CloudEvent& event) {
    Screen& screen = context.screen();
    if (screen.json())
        screen.print(visible_json(ipc::to_text(event)) + "\n");
    else if (screen.quiet())
        screen.print(std::to_string(event.userseq) + "\n");
    else if (screen.plain_lists())
        screen.print(plain_event_line(event));
    else
        screen.print(event_line(event, context.zone(), screen.style()));
    screen.flush();
}

core::Result<core::TopicFilter> checked_types(Context& context,
                                              const std::vector<std::string>& patterns) {
    auto filter = core::TopicFilter::make(patterns);
    if (!filter) return filter;
    for (const auto& warning : type_warnings(patterns)) context.screen().warn(warning);
    return filter;
}

std::string gone_words(std::int64_t first, std::int64_t last) {
    return first == last ? "event " + std::to_string(first) + " is past retention"
                         : "events " + std::to_string(first) + " to " + std::to_string(last) +
                               " are past retention";
}

}  // namespace taskd::cli
