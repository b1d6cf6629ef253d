// SPDX-License-Identifier: Apache-2.0
#include "core/rfc3339.h"

#include <array>
#include <cstdio>

namespace taskd::core {
namespace {

using std::chrono::days;
using std::chrono::floor;
using std::chrono::hours;
using std::chrono::local_days;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

struct Fields {
    int year;
    unsigned month, day;
    int hour, minute, second;
};

Fields fields_of(LocalTime local) {
    const auto day = floor<days>(local);
    const std::chrono::year_month_day date{day};
    const std::chrono::hh_mm_ss time{local - day};
    return {static_cast<int>(date.year()),
            static_cast<unsigned>(date.month()),
            static_cast<unsigned>(date.day()),
            static_cast<int>(time.hours().count()),
            static_cast<int>(time.minutes().count()),
            static_cast<int>(time.seconds().count())};
}

template <class... Values>
std::string print(const char* format, Values... values) {
    std::array<char, 64> buffer{};
    const int length = std::snprintf(buffer.data(), buffer.size(), format, values...);
    return {buffer.data(), static_cast<std::size_t>(length)};
}

/// Reads digits from the front of `text`; every reader below returns false when the form is wrong.
class Reader {
public:
    explicit Reader(std::string_view text) : text_(text) {}

    bool digits(std::size_t count, int& value) {
        if (text_.size() < count) return false;
        value = 0;
        for (std::size_t i = 0; i < count; ++i) {
            if (text_[i] < '0' || text_[i] > '9') return false;
            value = value * 10 + (text_[i] - '0');
        }
        text_.remove_prefix(count);
        return true;
    }

    bool literal(std::string_view any_of) {
        if (text_.empty() || any_of.find(text_.front()) == std::string_view::npos) return false;
        text_.remove_prefix(1);
        return true;
    }

    [[nodiscard]] char front() const { return text_.empty() ? '\0' : text_.front(); }
    [[nodiscard]] bool done() const { return text_.empty(); }

private:
    std::string_view text_;
};

bool read_fraction(Reader& reader, milliseconds& fraction) {
    int scale = 100;
    int digit = 0;
    bool any = false;
    while (reader.digits(1, digit)) {
        fraction += milliseconds{digit * scale};
        scale /= 10;
        any = true;
    }
    return any;
}

bool read_offset(Reader& reader, std::optional<seconds>& offset) {
    if (reader.literal("Zz")) {
        offset = seconds{0};
        return true;
    }
    const int sign = reader.front() == '-' ? -1 : 1;
    int hour = 0;
    int minute = 0;
    if (!reader.literal("+-") || !reader.digits(2, hour)) return false;
    reader.literal(":");
    if (!reader.digits(2, minute) || hour > 23 || minute > 59) return false;
    offset = sign * (hours{hour} + minutes{minute});
    return true;
}

}  // namespace

std::string format_utc(Timestamp at) {
    const auto second = floor<seconds>(at);
    const auto f = fields_of(LocalTime{second.time_since_epoch()});
    return print("%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", f.year, f.month, f.day, f.hour, f.minute,
                 f.second, static_cast<int>((at - second).count()));
}

std::string format_with_offset(Timestamp at, seconds offset) {
    const auto local = LocalTime{floor<seconds>(at).time_since_epoch() + offset};
    const auto total = std::chrono::abs(std::chrono::duration_cast<minutes>(offset)).count();
    return format_local(local) + print("%c%02d:%02d", offset < seconds{0} ? '-' : '+',
                                       static_cast<int>(total / 60), static_cast<int>(total % 60));
}

std::string format_local(LocalTime local) {
    const auto f = fields_of(local);
    return print("%04d-%02u-%02uT%02d:%02d:%02d", f.year, f.month, f.day, f.hour, f.minute,
                 f.second);
}

std::string format_date(LocalTime local) {
    return format_local(local).substr(0, 10);
}

std::optional<ParsedTime> parse_iso(std::string_view text) {
    Reader reader(text);
    int year = 0;
    int month = 0;
    int day = 0;
    if (!reader.digits(4, year) || !reader.literal("-") || !reader.digits(2, month) ||
        !reader.literal("-") || !reader.digits(2, day))
        return {};
    const auto date = std::chrono::year{year} / month / day;
    if (!date.ok() || year < 1) return {};

    ParsedTime parsed{LocalTime{local_days{date}}, milliseconds{0}, false, {}};
    if (reader.done()) return parsed;

    int hour = 0;
    int minute = 0;
    int second = 0;
    if (!reader.literal("Tt ") || !reader.digits(2, hour) || !reader.literal(":") ||
        !reader.digits(2, minute))
        return {};
    const bool has_second = reader.literal(":");
    if (has_second && !reader.digits(2, second)) return {};
    if (hour > 23 || minute > 59 || second > 59) return {};
    // Without seconds it would be the fraction of a minute (ISO 8601), which nobody means.
    if (has_second && reader.literal(".") && !read_fraction(reader, parsed.fraction)) return {};
    if (!reader.done() && !read_offset(reader, parsed.offset)) return {};
    if (!reader.done()) return {};
    parsed.has_time = true;
    parsed.local += hours{hour} + minutes{minute} + seconds{second};
    return parsed;
}

bool is_writable(Timestamp at) {
    using std::chrono::sys_days;
    using std::chrono::year;
    return at >= sys_days{year{1} / 1 / 1} && at < sys_days{year{10000} / 1 / 1};
}

std::optional<Timestamp> parse_utc(std::string_view text) {
    const auto parsed = parse_iso(text);
    if (!parsed || !parsed->offset) return {};
    const Timestamp at{parsed->local.time_since_epoch() - *parsed->offset + parsed->fraction};
    if (!is_writable(at)) return {};
    return at;
}

std::optional<LocalTime> parse_local(std::string_view text) {
    const auto parsed = parse_iso(text);
    if (!parsed || parsed->offset) return {};
    return parsed->local;
}

}  // namespace taskd::core
