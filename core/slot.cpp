// SPDX-License-Identifier: Apache-2.0
#include "core/slot.h"

#include "core/rfc3339.h"

namespace taskd::core {
namespace {

constexpr std::string_view second_pass = ";fold=1";  // stored: do not change

}  // namespace

std::string format(const RecurrenceId& id) {
    return format_local(id.local) + (id.fold ? std::string(second_pass) : "");
}

std::optional<RecurrenceId> parse_recurrence_id(std::string_view text) {
    RecurrenceId id;
    if (text.size() > second_pass.size() &&
        text.substr(text.size() - second_pass.size()) == second_pass) {
        id.fold = true;
        text.remove_suffix(second_pass.size());
    }
    const auto local = parse_local(text);
    if (!local) return {};
    id.local = *local;
    return id;
}

}  // namespace taskd::core
