// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace taskd::daemon {

inline constexpr std::size_t http_head_bytes_max = 16 * 1024;  ///< request line and fields
inline constexpr std::size_t http_fields_max = 100;
inline constexpr std::size_t http_chunk_line_bytes_max = 256;  ///< size and extensions of a chunk

/// A complete request as it stood on the wire. Names of fields are lower case.
struct HttpRequest {
    std::string method;
    std::string target;  ///< origin-form: path and query
    int minor_version = 1;
    std::vector<std::pair<std::string, std::string>> fields;
    std::string body;
    bool keep_alive = true;

    [[nodiscard]] std::string_view path() const {
        return std::string_view(target).substr(0, target.find('?'));
    }
    /// The field's value; the first one's when there are several.
    [[nodiscard]] const std::string* field(std::string_view name) const {
        for (const auto& [key, value] : fields)
            if (key == name) return &value;
        return nullptr;
    }
    [[nodiscard]] std::size_t count(std::string_view name) const {
        std::size_t count = 0;
        for (const auto& [key, value] : fields)
            if (key == name) ++count;
        return count;
    }
};

/// Why a request was refused, for a problem document (RFC 9457).
struct HttpRefusal {
    int status = 400;
    std::string detail;
    std::vector<std::pair<std::string, std::string>> fields;  ///< Retry-After, Allow, ...
    /// Further members of the document: reason, field and hint of a call's error.
    std::vector<std::pair<std::string, std::string>> members{};
};

}  // namespace taskd::daemon
