// SPDX-License-Identifier: Apache-2.0
#include "cli/screen.h"

#include <nlohmann/json.hpp>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <poll.h>
#include <unistd.h>

namespace taskd::cli {
namespace {

void to_stderr(const std::string& text) {
    std::fwrite(text.data(), 1, text.size(), stderr);
}

[[noreturn]] void fail() {
    const int why = errno;
    throw OutputFailed(std::string("can't write to standard output: ") + std::strerror(why),
                       why == EPIPE);
}

}  // namespace

Screen::Screen(Options options)
    : options_(options),
      out_(terminal_of(STDOUT_FILENO, options.color)),
      err_(terminal_of(STDERR_FILENO, options.color)) {}

void Screen::print(std::string_view text) {
    if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size()) fail();
}

void Screen::print_json(const nlohmann::json& value) {
    print(one_line_json() ? render_jsonl(value) : render_json(value));
}

void Screen::print_list(const Table& table) {
    print(plain_lists() ? render_plain(table) : render_table(table, style()));
}

void Screen::print_fields(const std::vector<Field>& fields) {
    print(plain() ? render_plain(fields) : render_fields(fields, style()));
}

void Screen::flush() {
    if (std::fflush(stdout) != 0) fail();
}

bool Screen::reader_gone() const {
    pollfd out{STDOUT_FILENO, 0, 0};
    return poll(&out, 1, 0) > 0 && (out.revents & POLLERR) != 0;
}

void Screen::note(std::string_view text) {
    if (!options_.quiet) to_stderr(visible(text) + "\n");
}

void Screen::hint(std::string_view text) {
    if (err_.is_terminal && !json()) note(text);
}

void Screen::warn(std::string_view text) {
    to_stderr(painted("warning:", Paint::yellow, err_.style) + " " + visible(text) + "\n");
}

void Screen::error(const core::Error& error) {
    (void)std::fflush(stdout);  // in the order in which things happened
    if (json())
        to_stderr(one_line_json() ? render_jsonl(error_json(error))
                                  : render_json(error_json(error)));
    else
        to_stderr(render_error(error, err_.style));
}

}  // namespace taskd::cli
