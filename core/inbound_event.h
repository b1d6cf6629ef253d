// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/clock.h"
#include "core/ids.h"
#include "core/result.h"

#include <cstddef>
#include <map>
#include <string>

namespace taskd::core {

inline constexpr std::size_t event_data_bytes_max = 256 * 1024;
inline constexpr std::size_t event_data_depth_max = 64;
inline constexpr std::size_t event_name_bytes_max = 255;  ///< id, source, type, subject
inline constexpr std::size_t event_attributes_max = 32;
inline constexpr std::size_t event_attribute_bytes_max = 1024;

/// An event of somebody else, as it came: the envelope, and what its data says of itself.
struct InboundEvent {
    std::string id;
    std::string source;
    std::string type;
    std::string subject;
    std::string time;  ///< RFC 3339; "": now
    std::string datacontenttype;
    std::string userid;
    std::string traceparent;
    std::map<std::string, std::string> attributes;  ///< dataschema and extensions
    std::string data;                               ///< JSON text; "" for none
    bool data_is_base64 = false;
    std::size_t data_depth = 0;  ///< levels of nesting
    std::string event_id;        ///< data.event_id
    std::string event_type;      ///< data.event_type
    std::string user_id;         ///< data.user_id
};

/// One that may go into the log.
struct AcceptedEvent {
    UserId user;
    std::string dedup_key;
    std::string id;
    std::string source;
    std::string type;  ///< for routing
    std::string subject;
    Timestamp time;
    std::string datacontenttype;
    std::string traceparent;
    std::map<std::string, std::string> attributes;
    std::string data;
    bool data_is_base64 = false;
};

struct AcceptRules {
    UserId user;              ///< of an event that names none
    Timestamp now;            ///< of an event without a time
    bool require_id = false;  ///< refuse an event without id instead of deriving one
    bool imported = false;    ///< sources of taskd's own are let in
};

/// Checks an event and decides what it is: its user, its type for routing (data.event_type, else
/// the envelope's, which is kept as attribute `envelopetype`), its key (data.event_id, else the id,
/// else derived from the content by UUIDv5). Says nothing of whether the caller may name that user.
///
/// Errors: invalid_argument on the attribute - missing, too long, not printable, reserved.
/// Source: CloudEvents 1.0.2 "Context Attributes"; Dapr invents an id for each publish, so a
///         producer's repeat shows in data.event_id only.
[[nodiscard]] Result<AcceptedEvent> accept_event(InboundEvent event, const AcceptRules& rules);

/// The content that makes two events with one key the same: type, subject and data. The rest of the
/// envelope differs between a producer's own retries.
[[nodiscard]] std::string content_digest(const std::string& type, const std::string& subject,
                                         const std::string& data);

}  // namespace taskd::core
