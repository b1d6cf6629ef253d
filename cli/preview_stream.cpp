// SPDX-License-Identifier: Apache-2.0
#include "cli/preview_stream.h"

#include "core/ical_time.h"
#include "core/recurrence.h"
#include "core/recurrence_text.h"
#include "core/text.h"
#include "ipc/json.h"

#include <nlohmann/json.hpp>

#include <limits>
#include <optional>
#include <string>

namespace taskd::cli {
namespace {

using nlohmann::json;

constexpr std::size_t line_bytes_max = 1024 * 1024;
constexpr std::int64_t limit_standard = 1000;
constexpr std::int64_t limit_max = 1'000'000;

struct Request {
    core::RecurrenceSpec spec;
    bool is_utc = false;
    std::int64_t limit = limit_standard;
    std::optional<core::RecurrenceId> after;
    std::optional<core::RecurrenceId> before;
    bool instants = false;
};

core::Result<std::string> text_field(const json& line, const char* name) {
    const auto found = line.find(name);
    if (found == line.end() || found->is_null()) return std::string();
    if (!found->is_string()) return core::invalid_argument(name, "is not a text");
    return found->get<std::string>();
}

core::Result<std::vector<std::string>> lines_field(const json& line) {
    std::vector<std::string> lines;
    const auto found = line.find("lines");
    if (found == line.end() || found->is_null()) return lines;
    if (!found->is_array())
        return core::invalid_argument("lines", "is not a list of texts such as RRULE:FREQ=DAILY");
    for (const auto& item : *found) {
        if (!item.is_string())
            return core::invalid_argument("lines",
                                          "is not a list of texts such as RRULE:FREQ=DAILY");
        lines.push_back(item.get<std::string>());
    }
    return lines;
}

core::Result<std::int64_t> limit_field(const json& line) {
    const auto found = line.find("limit");
    if (found == line.end() || found->is_null()) return limit_standard;
    const bool good = found->is_number_unsigned() && found->get<std::uint64_t>() <= limit_max;
    if (!good)
        return core::invalid_argument(
            "limit", core::clipped(found->dump(), 64) + " is not accepted; use 0 to 1000000");
    return found->get<std::int64_t>();
}

core::Result<std::optional<core::RecurrenceId>> bound_field(const json& line, const char* name) {
    const auto text = text_field(line, name);
    if (!text) return tl::unexpected(text.error());
    if (text->empty()) return std::optional<core::RecurrenceId>();
    const auto time = core::parse_ical_time(*text);
    if (!time)
        return core::invalid_argument(
            name, "\"" + core::clipped(*text, 64) + "\" is not a time such as 19970902T090000");
    return std::optional(core::RecurrenceId{time->local, false});
}

core::Result<Request> request_from(const json& line) {
    Request request;
    const auto dtstart = text_field(line, "dtstart");
    if (!dtstart) return tl::unexpected(dtstart.error());
    const auto tzid = text_field(line, "tzid");
    if (!tzid) return tl::unexpected(tzid.error());
    const auto lines = lines_field(line);
    if (!lines) return tl::unexpected(lines.error());
    auto spec = core::parse_recurrence(*dtstart, *tzid, *lines);
    if (!spec) return tl::unexpected(spec.error());
    request.spec = std::move(*spec);
    request.is_utc = !dtstart->empty() && (dtstart->back() == 'Z' || dtstart->back() == 'z');
    const auto limit = limit_field(line);
    if (!limit) return tl::unexpected(limit.error());
    request.limit = *limit;
    for (auto [name, into] : {std::pair("after", &Request::after), {"before", &Request::before}}) {
        const auto bound = bound_field(line, name);
        if (!bound) return tl::unexpected(bound.error());
        request.*into = *bound;
    }
    const auto instants = line.find("instants");
    if (instants != line.end() && !instants->is_null()) {
        if (!instants->is_boolean())
            return core::invalid_argument("instants", "is not true or false");
        request.instants = instants->get<bool>();
    }
    return request;
}

std::string text_of(const core::Slot& slot, const Request& request) {
    if (!request.instants)
        return core::format_ical_time({slot.id.local, request.spec.is_date, request.is_utc});
    const auto at = std::chrono::floor<std::chrono::seconds>(slot.at).time_since_epoch();
    return core::format_ical_time({core::LocalTime{at}, false, true});
}

json answer_to(const Request& request, const core::Recurrence& slots) {
    json occurrences = json::array();
    json warnings = json::array();
    std::optional<core::Slot> slot =
        request.after ? slots.next_after(slots.slot_at(*request.after)) : slots.first_slot();
    const std::int64_t end = request.before ? slots.slot_at(*request.before).position
                                            : std::numeric_limits<std::int64_t>::max();
    const auto inside = [&] { return slot && slot->position < end; };
    for (; inside() && static_cast<std::int64_t>(occurrences.size()) < request.limit;
         slot = slots.next_after(*slot))
        occurrences.push_back(text_of(*slot, request));

    if (!slots.first_slot())
        warnings.push_back(slots.emptiness());
    else if (!slots.contains(core::RecurrenceId{request.spec.dtstart, false}))
        warnings.push_back("dtstart is not a slot of its rule, so it is not among them");
    if (slots.first_slot() && !slot) warnings.push_back("the recurrence ends");
    return {{"occurrences", occurrences}, {"warnings", warnings}};
}

json answer_line(const std::string& text) {
    const auto error_of = [](const core::Error& error) {
        const std::string field = error.field == "tz" ? "tzid" : error.field;
        std::string message = error.message;
        if (!error.hint.empty()) message += "; " + error.hint;
        return json{{"field", field}, {"message", message}};
    };
    const auto line = ipc::parse_json(text);
    if (!line) return {{"id", nullptr}, {"error", error_of(line.error())}};
    if (!line->is_object())
        return {{"id", nullptr},
                {"error", {{"field", ""}, {"message", "a line is one JSON object"}}}};
    const json id = line->value("id", json());
    const auto request = request_from(*line);
    if (!request) return {{"id", id}, {"error", error_of(request.error())}};
    const auto slots = core::Recurrence::compile(request->spec);
    if (!slots) return {{"id", id}, {"error", error_of(slots.error())}};
    json answer = answer_to(*request, *slots);
    answer["id"] = id;
    return answer;
}

/// Reads one line into `line`; of one that is too long the rest is passed over. False at the end.
bool read_line(std::istream& in, std::string& line, bool& too_long) {
    line.clear();
    too_long = false;
    std::streambuf& bytes = *in.rdbuf();
    for (int byte = bytes.sbumpc(); byte != std::char_traits<char>::eof(); byte = bytes.sbumpc()) {
        if (byte == '\n') return true;
        if (line.size() < line_bytes_max)
            line += static_cast<char>(byte);
        else
            too_long = true;
    }
    return !line.empty();
}

}  // namespace

void preview_stream(std::istream& requests, const std::function<void(const json&)>& answer) {
    std::string line;
    bool too_long = false;
    while (read_line(requests, line, too_long)) {
        if (core::trim(line).empty()) continue;
        if (too_long)
            answer(
                {{"id", nullptr},
                 {"error",
                  {{"field", ""}, {"message", "a line has at most 1 MiB; this one is longer"}}}});
        else
            answer(answer_line(line));
    }
}

}  // namespace taskd::cli
