// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/event_from_flags.h"

#include "cli/event_place.h"
#include "cli/input_file.h"
#include "cli/name_value.h"
#include "core/base64.h"
#include "core/rfc3339.h"
#include "core/text.h"
#include "core/uuid.h"
#include "core/when.h"
#include "ipc/json.h"

#include <nlohmann/json.hpp>

#include <array>

namespace taskd::cli {
namespace {

using core::Result;

constexpr std::size_t data_bytes_max = 1024 * 1024;  // the daemon takes less; this bounds reading
constexpr const char* source_standard = "/taskctl";

bool is_json_type(std::string_view type) {
    const auto media = core::to_lower(core::trim(type.substr(0, type.find(';'))));
    constexpr std::string_view suffix = "+json";
    return media.empty() || media == "application/json" || media == "text/json" ||
           (media.size() > suffix.size() &&
            media.compare(media.size() - suffix.size(), suffix.size(), suffix) == 0);
}

Result<std::string> bytes_of(const std::string& text) {
    if (text != "-" && (text.empty() || text[0] != '@')) return text;
    auto file = InputFile::open("data", text == "-" ? text : text.substr(1));
    if (!file) return tl::unexpected(file.error());
    return file->all(data_bytes_max);
}

Result<void> set_data(const EventFlags& flags, ipc::CloudEvent& event) {
    event.datacontenttype = flags.content_type;
    if (flags.data.empty()) {
        if (!flags.content_type.empty())
            return core::invalid_argument("content-type", "is given without --data");
        return {};
    }
    const auto bytes = bytes_of(flags.data);
    if (!bytes) return tl::unexpected(bytes.error());
    if (is_json_type(flags.content_type)) {
        const auto json = ipc::parse_json(*bytes);
        if (!json)
            return core::invalid_argument(
                "data",
                nlohmann::json(core::clipped(visible(core::trim(*bytes)), 64)).dump() +
                    " is not JSON",
                "a text is JSON in quotes, '\"like this\"', or goes with --content-type "
                "text/plain");
        event.data = json->dump();
    } else if (core::is_utf8(*bytes)) {
        event.data = nlohmann::json(*bytes).dump();
    } else {
        event.data = nlohmann::json(core::base64(*bytes)).dump();
        event.data_is_base64 = true;
    }
    return {};
}

Result<void> set_attributes(const std::vector<std::string>& given, ipc::CloudEvent& event) {
    for (const auto& attribute : given) {
        auto pair = name_and_value("attribute", attribute);
        if (!pair) return tl::unexpected(pair.error());
        event.attributes[pair->first] = std::move(pair->second);
    }
    return {};
}

/// Words, or RFC 3339: when it happened, which need not have been announced in advance.
Result<std::string> time_from(Context& context, const std::string& words) {
    if (core::parse_utc(words)) return words;
    const auto place = event_place("time", words, PlaceOf::end, context.now(), context.zone());
    if (!place) {
        core::Error error = place.error();
        error.hint = "a time such as 2026-11-24T08:30:00Z, \"2h ago\" or \"today 9:00\"";
        return tl::unexpected(error);
    }
    if (place->number)
        return core::invalid_argument(
            "time", "\"" + core::clipped(words, 64) + "\" is a number, not a time");
    return core::format_utc(*place->time);
}

}  // namespace

void add_event_options(CLI::App& app, EventFlags& flags) {
    add_text(app, "--type", flags.type, "TYPE", "what happened, such as build.finished");
    add_text(app, "--source", flags.source, "URI", "where (default /taskctl)");
    add_text(app, "--subject", flags.subject, "TEXT",
             "what it is about; consumers take events of one subject in order");
    add_filled(
        app, "--id", flags.id, "ID",
        "its id: a second event of the same source and id is the same event (default a fresh "
        "one)");
    add_text(app, "--time", flags.time, "TIME", "when it happened (default now)");
    add_texts(app, "--attribute", flags.attributes, "NAME=VALUE",
              "an extension attribute; may be repeated");
    add_text(app, "-d,--data", flags.data, "DATA",
             "its data: JSON, @FILE, or - for standard input");
    add_text(app, "--content-type", flags.content_type, "TYPE",
             "of the data (default application/json); another one makes it a text");
}

std::string EventFlags::first_given() const {
    const std::array<std::pair<const char*, bool>, 8> given{
        {{"--type", !type.empty()},
         {"--source", !source.empty()},
         {"--subject", !subject.empty()},
         {"--id", !id.empty()},
         {"--time", !time.empty()},
         {"--attribute", !attributes.empty()},
         {"--data", !data.empty()},
         {"--content-type", !content_type.empty()}}};
    for (const auto& [name, is_given] : given)
        if (is_given) return name;
    return {};
}

Result<ipc::CloudEvent> event_from_flags(Context& context, const EventFlags& flags) {
    if (flags.type.empty())
        return core::invalid_argument("type",
                                      "is missing; an event needs --type, or a FILE of events",
                                      "for example: taskctl events publish --type build.finished "
                                      "-d '{\"ok\":true}'");
    ipc::CloudEvent event;
    event.type = flags.type;
    event.source = flags.source.empty() ? source_standard : flags.source;
    event.subject = flags.subject;
    ipc::SystemRandom random;
    event.id = flags.id.empty() ? core::uuid_v7(context.now(), random) : flags.id;
    if (!flags.time.empty()) {
        const auto time = time_from(context, flags.time);
        if (!time) return tl::unexpected(time.error());
        event.time = *time;
    }
    if (auto set = set_attributes(flags.attributes, event); !set)
        return tl::unexpected(set.error());
    if (auto set = set_data(flags, event); !set) return tl::unexpected(set.error());
    return event;
}

}  // namespace taskd::cli
