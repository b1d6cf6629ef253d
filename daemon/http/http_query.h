// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/result.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace taskd::daemon {

inline constexpr std::size_t query_words_max = 100;  ///< as many as a request may have fields

/// `text` with each %XY as the byte that it stands for (RFC 3986 section 2.1); none when a percent
/// sign is followed by something else.
[[nodiscard]] std::optional<std::string> percent_decoded(std::string_view text, bool plus_is_space);

/// The query of a request's target, by the names that its path knows.
class HttpQuery {
public:
    struct Name {
        std::string_view name;
        bool is_repeatable = false;
    };
    /// Reads name=value&..., as a form writes it: percent signs and + decoded, empty words skipped.
    ///
    /// Errors: invalid_argument on `query` or the name - an unknown name, a single-valued one that
    ///         is repeated, a wrong percent sign, text that is not UTF-8. A value is never shown in
    ///         a message: it may be a ticket.
    /// Source: WHATWG URL, application/x-www-form-urlencoded parsing.
    [[nodiscard]] static core::Result<HttpQuery> parse(std::string_view target,
                                                       const std::vector<Name>& known);

    [[nodiscard]] const std::string* find(std::string_view name) const;
    [[nodiscard]] std::vector<std::string> all(std::string_view name) const;

    /// Errors: invalid_argument on `name` - not a whole number.
    [[nodiscard]] core::Result<std::optional<std::int64_t>> number(std::string_view name) const;

private:
    std::vector<std::pair<std::string, std::string>> words_;
};

/// A whole number as decimal digits, with a minus sign perhaps; none for anything else.
[[nodiscard]] std::optional<std::int64_t> whole_number(std::string_view text);

}  // namespace taskd::daemon
