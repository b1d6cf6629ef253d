// SPDX-License-Identifier: Apache-2.0
#include "cli/event_reader.h"

#include "ipc/json.h"

namespace taskd::cli {

std::optional<EventReader::Item> EventReader::next() {
    auto item = reader_.next();
    if (!item) return {};
    if (!item->value) return Item{item->line, tl::unexpected(item->value.error())};
    return Item{item->line, ipc::from_json<ipc::CloudEvent>(*item->value)};
}

}  // namespace taskd::cli
