// SPDX-License-Identifier: Apache-2.0
#include "cli/json_reader.h"

#include "core/text.h"
#include "ipc/json.h"

#include <nlohmann/json.hpp>

#include <array>

namespace taskd::cli {
namespace {

constexpr std::size_t read_bytes = 64 * 1024;
constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";

bool is_space(int byte) {
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

/// Follows JSON's brackets and strings, byte by byte.
class Nesting {
public:
    void see(char byte) {
        if (in_string_) {
            if (escaped_)
                escaped_ = false;
            else if (byte == '\\')
                escaped_ = true;
            else if (byte == '"')
                in_string_ = false;
            return;
        }
        if (byte == '"') in_string_ = true;
        if (byte == '{' || byte == '[') ++depth_;
        if (byte == '}' || byte == ']') --depth_;
    }
    [[nodiscard]] bool in_string() const { return in_string_; }
    [[nodiscard]] bool open() const { return in_string_ || depth_ > 0; }

private:
    std::int64_t depth_ = 0;
    bool in_string_ = false;
    bool escaped_ = false;
};

core::Result<nlohmann::json> value_from(std::string_view text) {
    auto json = ipc::parse_json(text);
    if (json) return json;
    core::Error error = json.error();
    // Its own "line 1" would stand beside the file's.
    constexpr std::string_view place = "parse error at line 1, ";
    if (const auto at = error.message.find(place); at != std::string::npos)
        error.message = "not JSON at " + error.message.substr(at + place.size());
    return tl::unexpected(error);
}

}  // namespace

core::Result<nlohmann::json> JsonReader::refused(const std::string& message) const {
    return core::invalid_argument(what_, message);
}

core::Result<nlohmann::json> JsonReader::too_long() const {
    return refused("is longer than 3 MiB, which is more than taskd takes");
}

int JsonReader::peek() {
    if (position_ == buffer_.size()) {
        buffer_.clear();
        position_ = 0;
        if (source_ended_) return end_of_input;
        buffer_.resize(read_bytes);
        buffer_.resize(source_(buffer_.data(), buffer_.size()));
        source_ended_ = buffer_.empty();
        if (source_ended_) return end_of_input;
    }
    return static_cast<unsigned char>(buffer_[position_]);
}

int JsonReader::take() {
    const int byte = peek();
    if (byte == end_of_input) return byte;
    ++position_;
    if (byte == '\n') ++line_;
    return byte;
}

void JsonReader::skip_space(bool commas) {
    for (int byte = peek(); is_space(byte) || (commas && byte == ','); byte = peek()) take();
}

/// Looks ahead, no further than an event may be long: one that closes only lines later, and can be
/// read as a whole, says that newlines don't separate events here.
void JsonReader::find_form() {
    (void)peek();
    while (buffer_.size() < byte_order_mark.size() && !source_ended_) {
        std::array<char, 8> more{};
        const auto count = source_(more.data(), more.size());
        buffer_.append(more.data(), count);
        source_ended_ = count == 0;
    }
    if (std::string_view(buffer_).substr(0, 3) == byte_order_mark) position_ += 3;
    skip_space(false);
    form_ = Form::lines;
    if (peek() == '[') {
        take();
        form_ = Form::array;
        return;
    }
    if (peek() != '{') return;
    Nesting nesting;
    bool over_lines = false;
    for (std::size_t at = position_; at - position_ < value_bytes_max; ++at) {
        if (at == buffer_.size()) {
            if (source_ended_) return;
            const auto size = buffer_.size();
            buffer_.resize(size + read_bytes);
            const auto count = source_(buffer_.data() + size, read_bytes);
            buffer_.resize(size + count);
            source_ended_ = count == 0;
            if (source_ended_) return;
        }
        const char byte = buffer_[at];
        if (byte == '\n' && nesting.in_string()) return;  // not in JSON: the line was cut off
        if (byte == '\n') over_lines = true;
        nesting.see(byte);
        if (nesting.open()) continue;
        const std::string_view value =
            std::string_view(buffer_).substr(position_, at + 1 - position_);
        if (over_lines && ipc::parse_json(value)) form_ = Form::values;
        return;
    }
}

std::string JsonReader::take_line(bool& is_too_long) {
    std::string line;
    for (int byte = take(); byte != end_of_input && byte != '\n'; byte = take()) {
        if (line.size() < value_bytes_max)
            line += static_cast<char>(byte);
        else
            is_too_long = true;
    }
    return line;
}

std::optional<JsonReader::Item> JsonReader::next_line() {
    while (peek() != end_of_input) {
        const std::int64_t at = line_;
        bool is_too_long = false;
        const std::string line = take_line(is_too_long);
        if (core::trim(line).empty()) continue;
        return Item{at, is_too_long ? too_long() : value_from(core::trim(line))};
    }
    return {};
}

/// One JSON value; none when the text ends in its middle.
std::optional<std::string> JsonReader::take_value(bool& is_too_long) {
    std::string value;
    Nesting nesting;
    const bool bare = peek() != '{' && peek() != '[' && peek() != '"';
    for (int byte = peek(); byte != end_of_input; byte = peek()) {
        const bool ends = is_space(byte) || byte == ',' || byte == ']' || byte == '{';
        if (bare && ends && !value.empty()) return value;
        take();
        if (value.size() < value_bytes_max)
            value += static_cast<char>(byte);
        else
            is_too_long = true;
        nesting.see(static_cast<char>(byte));
        if (!bare && !nesting.open()) return value;
    }
    if (bare) return value;
    return {};
}

std::optional<JsonReader::Item> JsonReader::next_value() {
    skip_space(form_ == Form::array && !array_ended_);
    const std::int64_t at = line_;
    if (form_ == Form::array && !array_ended_ && peek() == ']') {
        take();
        array_ended_ = true;
        return next_value();
    }
    if (peek() == end_of_input) {
        if (form_ != Form::array || array_ended_) return {};
        array_ended_ = true;
        return Item{at, refused("the array has no end; the text was cut off")};
    }
    if (form_ == Form::array && array_ended_) {
        while (take() != end_of_input) {
        }
        return Item{at, refused("something stands behind the end of the array")};
    }
    bool is_too_long = false;
    const auto value = take_value(is_too_long);
    if (is_too_long) return Item{at, too_long()};
    if (!value) {
        array_ended_ = true;
        return Item{at, refused("ends in the middle; the text was cut off")};
    }
    return Item{at, value_from(*value)};
}

std::optional<JsonReader::Item> JsonReader::next() {
    if (form_ == Form::unknown) find_form();
    return form_ == Form::lines ? next_line() : next_value();
}

}  // namespace taskd::cli
