// SPDX-License-Identifier: Apache-2.0
// What a delivery says, and templates for it.
#pragma once

#include "core/result.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace taskd::core {

/// A reminder's firing in words, the fields of a template. All may be "" but `summary` and `text`.
struct Notice {
    std::string summary;  ///< the task's title, or "7 reminders"
    std::string text;     ///< a few lines for a person: when it is due, how late this comes, notes
    std::string due;      ///< "Tue 24 Nov 2026 09:30"
    std::string late;     ///< "3h5m", "" within a minute
    std::string notes;
    std::string project;
    std::string tags;      ///< separated by commas
    std::string priority;  ///< 1 highest to 9, RFC 5545 section 3.8.1.9
    std::string number;    ///< what taskctl calls the task
    std::string task;      ///< its id
    std::string series;
    std::string recurrence_id;  ///< the slot's local time
    std::string firing;         ///< 1, then more by snooze, nag and escalation
    std::string user;
    std::string channel;
    std::string delivery;  ///< its id, the same for each attempt
    std::string event;     ///< the id of its event
    std::string count;     ///< of the reminders in a digest, else "1"

    // Not for templates.
    std::string url{};       ///< the first one in the notes, http or https
    std::string tag{};       ///< what it is about: a newer one takes its place on a screen
    bool is_urgent = false;  ///< of high priority, a nag or an escalation
    bool is_minor = false;   ///< of low priority
    bool can_act = false;    ///< one open task: it can be done or snoozed from there
};

/// A field of a template by its name in braces.
struct NoticeField {
    std::string_view name;
    std::string Notice::*member;
};
[[nodiscard]] const std::vector<NoticeField>& notice_fields();

inline constexpr std::size_t template_bytes_max = 4096;
inline constexpr std::size_t filled_bytes_max = 65536;  ///< what is more is cut off

/// Text with named fields: "{summary} is due {due}". A brace that is not around a word is itself,
/// so that JSON can be written as it is; "{{" and "}}" are single ones anywhere. There is no more
/// to it: no conditions, no code.
class Template {
public:
    /// Errors: invalid_argument on `field` - an unknown name (with the names there are), more than
    /// template_bytes_max, not UTF-8.
    [[nodiscard]] static Result<Template> parse(std::string field, std::string_view text);

    [[nodiscard]] std::string fill(const Notice& notice) const;

private:
    struct Part {
        std::string text;                       ///< as it is
        std::string Notice::*member = nullptr;  ///< after it, if any
    };
    std::vector<Part> parts_;
};

}  // namespace taskd::core
