// SPDX-License-Identifier: Apache-2.0
// libical as a second opinion for tests/e2e/test_recurrence_peers.py: a line "DTSTART RULE END
// LIMIT" in, its occurrences in one line out, flushed; "-" for a rule that it refuses.
#include <cstdlib>
#include <iostream>
#include <libical/ical.h>
#include <string>

int main() {
    icalerror_set_errors_are_fatal(0);
    std::string dtstart;
    std::string rule;
    std::string end;
    int limit = 0;
    while (std::cin >> dtstart >> rule >> end >> limit) {
        const auto last = icaltime_from_string(end.c_str());
        auto* each = icalrecur_iterator_new(icalrecurrencetype_from_string(rule.c_str()),
                                            icaltime_from_string(dtstart.c_str()));
        if (each == nullptr) std::cout << '-';
        for (int left = limit; each != nullptr && left > 0; --left) {
            const auto time = icalrecur_iterator_next(each);
            if (icaltime_is_null_time(time) || icaltime_compare(time, last) > 0) break;
            std::cout << icaltime_as_ical_string(time) << ' ';
        }
        if (each != nullptr) icalrecur_iterator_free(each);
        std::cout << std::endl;
    }
}
