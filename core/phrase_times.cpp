// SPDX-License-Identifier: Apache-2.0
#include "core/phrase_times.h"

#include "core/vocabulary.h"

#include <algorithm>

namespace taskd::core {

using std::chrono::hours;

std::optional<TimeWord> read_time(PhraseCursor& cursor) {
    for (const std::size_t count : {2U, 1U}) {
        std::vector<std::string> words{cursor.word()};
        if (count == 2) words.push_back(cursor.word(1));
        if (words.back().empty() || words.front() == "at") continue;
        const auto time = time_of_day(words);
        if (!time) continue;
        const bool clear = words[0].find(':') != std::string::npos && words.back().back() != 'm';
        cursor.skip(count);
        return TimeWord{*time, false, clear};
    }
    const auto hour = number_of(cursor.word());
    const auto& unit = cursor.word(1);
    if (!hour || *hour > 23 || unit == "times" || unit == "time" || unit == "occurrences")
        return {};
    cursor.skip();
    return TimeWord{hours{*hour}, true, *hour == 0 || *hour > 12};
}

Result<void> check_bare(const std::vector<TimeWord>& times) {
    const auto has = [&](bool TimeWord::*flag) {
        return std::any_of(times.begin(), times.end(),
                           [&](const TimeWord& time) { return time.*flag; });
    };
    if (!has(&TimeWord::bare) || has(&TimeWord::clear)) return {};
    for (const auto& time : times)
        if (time.bare) {
            const auto hour = std::to_string(time.time / hours{1});
            return invalid_argument("every", "\"" + hour + "\" may be morning or evening; write " +
                                                 hour + ":00, " + hour + "am or " + hour + "pm");
        }
    return {};
}

std::vector<TimeWord> read_time_list(PhraseCursor& cursor) {
    std::vector<TimeWord> times;
    for (auto end = cursor.place();;) {
        const auto time = read_time(cursor);
        if (!time) {
            cursor.go_to(end);
            return times;
        }
        times.push_back(*time);
        end = cursor.place();
        if (!cursor.accept_separators()) return times;
        cursor.accept("at");
    }
}

}  // namespace taskd::core
