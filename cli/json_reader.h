// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/result.h"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace taskd::cli {

/// Bytes from somewhere: up to `size` into `into`, how many it gave, 0 at the end.
using ByteSource = std::function<std::size_t(char* into, std::size_t size)>;

/// JSON values out of hostile text: JSON Lines, a JSON array, or objects over several lines (as jq
/// prints them). What can't be read is given as an error with its line, and the reader goes on
/// behind it; memory is bounded whatever comes.
class JsonReader {
public:
    static constexpr std::size_t value_bytes_max = 3 * 1024 * 1024;  ///< as it stands there

    struct Item {
        std::int64_t line = 0;  ///< where it begins, from 1
        core::Result<nlohmann::json> value;
    };

    /// `what` each value is, for errors.
    JsonReader(std::string what, ByteSource source)
        : what_(std::move(what)), source_(std::move(source)) {}

    /// The next value, or none at the end.
    [[nodiscard]] std::optional<Item> next();

private:
    enum class Form { unknown, lines, array, values };
    static constexpr int end_of_input = -1;

    [[nodiscard]] int peek();
    int take();
    void skip_space(bool commas);
    void find_form();
    [[nodiscard]] std::string take_line(bool& is_too_long);
    [[nodiscard]] std::optional<Item> next_line();
    [[nodiscard]] std::optional<Item> next_value();
    [[nodiscard]] std::optional<std::string> take_value(bool& is_too_long);

    [[nodiscard]] core::Result<nlohmann::json> refused(const std::string& message) const;
    [[nodiscard]] core::Result<nlohmann::json> too_long() const;

    std::string what_;
    ByteSource source_;
    std::string buffer_;
    std::size_t position_ = 0;
    bool source_ended_ = false;
    Form form_ = Form::unknown;
    bool array_ended_ = false;
    std::int64_t line_ = 1;
};

}  // namespace taskd::cli
