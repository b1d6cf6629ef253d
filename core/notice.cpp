// SPDX-License-Identifier: Apache-2.0
#include "core/notice.h"

#include "core/text.h"

#include <algorithm>
#include <utility>

namespace taskd::core {
namespace {

std::vector<std::string> names() {
    std::vector<std::string> list;
    for (const auto& field : notice_fields()) list.emplace_back(field.name);
    return list;
}

/// The word behind the brace that a text begins with, or "".
std::string_view name_in(std::string_view text) {
    const auto end = text.find_first_not_of("abcdefghijklmnopqrstuvwxyz_", 1);
    return text.substr(1, std::min(end, text.size()) - 1);
}

tl::unexpected<Error> unclosed(std::string field, std::string_view name) {
    std::string message = "\"{";
    message += clipped(name, 32);
    message += "\" has no } behind it";
    return invalid_argument(std::move(field), std::move(message),
                            "a brace itself is written {{ or }}");
}

tl::unexpected<Error> unknown(std::string field, std::string_view name) {
    const auto near = nearest(name, names());
    std::string message = "\"{";
    message += clipped(name, 32);
    message += "}\" is not a field of a template";
    if (!near.empty()) {
        message += "; did you mean {";
        message += near;
        message += "}?";
    }
    std::string hint = "there are {";
    hint += join(names(), "}, {");
    hint += "}; a brace itself is written {{ or }}";
    return invalid_argument(std::move(field), std::move(message), std::move(hint));
}

}  // namespace

const std::vector<NoticeField>& notice_fields() {
    static const std::vector<NoticeField> fields{
        {"summary", &Notice::summary}, {"text", &Notice::text},
        {"due", &Notice::due},         {"late", &Notice::late},
        {"notes", &Notice::notes},     {"project", &Notice::project},
        {"tags", &Notice::tags},       {"priority", &Notice::priority},
        {"number", &Notice::number},   {"task", &Notice::task},
        {"series", &Notice::series},   {"recurrence_id", &Notice::recurrence_id},
        {"firing", &Notice::firing},   {"user", &Notice::user},
        {"channel", &Notice::channel}, {"delivery", &Notice::delivery},
        {"event", &Notice::event},     {"count", &Notice::count},
    };
    return fields;
}

Result<Template> Template::parse(std::string field, std::string_view text) {
    if (text.size() > template_bytes_max)
        return invalid_argument(std::move(field), "is " + std::to_string(text.size()) +
                                                      " bytes long; at most 4096 are accepted");
    if (!is_utf8(text)) return invalid_argument(std::move(field), "is not UTF-8");
    Template made;
    Part part;
    while (!text.empty()) {
        const char c = text.front();
        const bool is_double = (c == '{' || c == '}') && text.size() > 1 && text[1] == c;
        const auto name = c == '{' && !is_double ? name_in(text) : std::string_view();
        if (name.empty()) {
            part.text += c;
            text.remove_prefix(is_double ? 2 : 1);
            continue;
        }
        // A letter behind a brace is never JSON, but a field that somebody has mistyped.
        if (text.substr(1 + name.size(), 1) != "}") return unclosed(std::move(field), name);
        const auto& known = notice_fields();
        const auto found = std::find_if(known.begin(), known.end(),
                                        [&](const auto& one) { return one.name == name; });
        if (found == known.end()) return unknown(std::move(field), name);
        part.member = found->member;
        made.parts_.push_back(part);
        part = Part{};
        text.remove_prefix(name.size() + 2);
    }
    if (!part.text.empty()) made.parts_.push_back(std::move(part));
    return made;
}

std::string Template::fill(const Notice& notice) const {
    std::string out;
    for (const auto& part : parts_) {
        out += part.text;
        if (part.member != nullptr) out += notice.*part.member;
        if (out.size() > filled_bytes_max) return clipped(out, filled_bytes_max);
    }
    return out;
}

}  // namespace taskd::core
