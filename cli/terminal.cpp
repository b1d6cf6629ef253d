// SPDX-License-Identifier: Apache-2.0
#include "cli/terminal.h"

#include "core/text.h"

#include <array>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <cwchar>
#include <langinfo.h>
#include <locale.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace taskd::cli {
namespace {

constexpr std::size_t columns_standard = 80;  // of a terminal that doesn't say
constexpr std::size_t columns_min = 20;       // less than that can't hold a table
constexpr std::size_t columns_max = 10'000;
constexpr std::uint32_t not_utf8 = 0xffffffffU;

struct Character {
    std::uint32_t point = not_utf8;
    std::string_view bytes;
};

/// Takes one character from the front; a byte that starts none is taken alone.
Character take(std::string_view& text) {
    const auto first = static_cast<unsigned char>(text.front());
    const std::size_t length = first < 0x80U ? 1 : first < 0xe0U ? 2 : first < 0xf0U ? 3 : 4;
    const bool good = length <= text.size() && core::is_utf8(text.substr(0, length));
    Character taken{not_utf8, text.substr(0, good ? length : 1)};
    if (good) {
        taken.point = length == 1 ? first : first & (0x7fU >> length);
        for (const char c : taken.bytes.substr(1))
            taken.point = (taken.point << 6U) | (static_cast<unsigned char>(c) & 0x3fU);
    }
    text.remove_prefix(taken.bytes.size());
    return taken;
}

bool drives_terminal(std::uint32_t point) {
    const bool control = point < 0x20U || (point >= 0x7fU && point < 0xa0U);
    const bool reorders = (point >= 0x202aU && point <= 0x202eU) ||
                          (point >= 0x2066U && point <= 0x2069U) || point == 0x2028U ||
                          point == 0x2029U;
    return control || reorders;
}

std::string hex(std::uint32_t value, std::size_t digits) {
    static constexpr std::string_view digit_names = "0123456789abcdef";
    std::string text(digits, '0');
    for (auto c = text.rbegin(); c != text.rend(); ++c, value >>= 4U) *c = digit_names[value & 15U];
    return text;
}

/// wcwidth knows what the process' locale knows, which in a script is often nothing; the C library
/// always has C.UTF-8.
std::size_t width_of(std::uint32_t point) {
    if (point < 0x7fU) return 1;
    static const locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
    if (utf8 == nullptr || point == not_utf8) return 1;
    const locale_t before = uselocale(utf8);
    const int width = wcwidth(static_cast<wchar_t>(point));
    uselocale(before);
    return width < 0 ? 1 : static_cast<std::size_t>(width);
}

bool locale_is_utf8() {
    const locale_t users = newlocale(LC_CTYPE_MASK, "", nullptr);
    if (users == nullptr) return false;
    const bool utf8 = std::strcmp(nl_langinfo_l(CODESET, users), "UTF-8") == 0;
    freelocale(users);
    return utf8;
}

}  // namespace

bool use_color(ColorChoice choice, bool is_terminal, const ColorVariables& variables) {
    if (choice != ColorChoice::automatic) return choice == ColorChoice::always;
    const auto is_set = [](const char* value) { return value != nullptr && *value != '\0'; };
    if (is_set(variables.no_color)) return false;
    if (is_set(variables.clicolor_force) && std::strcmp(variables.clicolor_force, "0") != 0)
        return true;
    return is_terminal && !(variables.term != nullptr && std::strcmp(variables.term, "dumb") == 0);
}

std::size_t columns_from(const char* text) {
    if (text == nullptr) return 0;
    std::size_t columns = 0;
    const char* end = text + std::strlen(text);
    const auto [stop, error] = std::from_chars(text, end, columns);
    if (error != std::errc{} || stop != end || columns < columns_min || columns > columns_max)
        return 0;
    return columns;
}

Terminal terminal_of(int fd, ColorChoice choice) {
    Terminal terminal;
    terminal.is_terminal = isatty(fd) == 1;
    terminal.style.color =
        use_color(choice, terminal.is_terminal,
                  {std::getenv("NO_COLOR"), std::getenv("CLICOLOR_FORCE"), std::getenv("TERM")});
    terminal.style.unicode = !terminal.is_terminal || locale_is_utf8();
    if (!terminal.is_terminal) return terminal;
    terminal.style.width = columns_from(std::getenv("COLUMNS"));
    winsize size{};
    if (terminal.style.width == 0 && ioctl(fd, TIOCGWINSZ, &size) == 0 &&
        size.ws_col >= columns_min)
        terminal.style.width = size.ws_col;
    if (terminal.style.width == 0) terminal.style.width = columns_standard;
    return terminal;
}

std::string painted(std::string_view text, Paint paint, const Style& style) {
    static constexpr std::array<std::string_view, 6> codes{"", "1", "2", "31", "32", "33"};
    if (!style.color || paint == Paint::none || text.empty()) return std::string(text);
    return "\x1b[" + std::string(codes.at(static_cast<std::size_t>(paint))) + "m" +
           std::string(text) + "\x1b[0m";
}

std::string visible(std::string_view text) {
    std::string shown;
    while (!text.empty()) {
        const auto [point, bytes] = take(text);
        if (point == not_utf8)
            shown += "\\x" + hex(static_cast<unsigned char>(bytes.front()), 2);
        else if (point == '\n')
            shown += "\\n";
        else if (point == '\t')
            shown += "\\t";
        else if (!drives_terminal(point))
            shown += bytes;
        else
            shown += point < 0x80U ? "\\x" + hex(point, 2) : "\\u" + hex(point, 4);
    }
    return shown;
}

std::string visible_json(std::string_view json) {
    std::string shown;
    while (!json.empty()) {
        const auto [point, bytes] = take(json);
        if (point == '\n' || point == not_utf8 || !drives_terminal(point))
            shown += bytes;
        else
            shown += "\\u" + hex(point, 4);
    }
    return shown;
}

std::size_t display_width(std::string_view text) {
    std::size_t width = 0;
    while (!text.empty()) width += width_of(take(text).point);
    return width;
}

std::string cut_to(std::string_view text, std::size_t width, bool unicode) {
    if (display_width(text) <= width) return std::string(text);
    const std::string_view mark = unicode ? "\u2026" : "...";
    const std::size_t mark_width = unicode ? 1 : 3;
    if (width < mark_width) return std::string(width, '.');
    std::string kept;
    std::size_t used = 0;
    while (!text.empty()) {
        const auto [point, bytes] = take(text);
        used += width_of(point);
        if (used + mark_width > width) break;
        kept += bytes;
    }
    return kept + std::string(mark);
}

}  // namespace taskd::cli
