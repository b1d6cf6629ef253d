// SPDX-License-Identifier: Apache-2.0
#include "ipc/data_fields.h"

#include "core/text.h"

namespace taskd::ipc {

const nlohmann::json* DataFields::find(std::string_view path) {
    if (!data_) data_ = nlohmann::json::parse(event_.data, nullptr, false);
    const nlohmann::json* at = &*data_;
    for (const auto& name : core::split(path, '.')) {
        const auto found = at->is_object() ? at->find(name) : at->end();
        if (!at->is_object() || found == at->end()) return nullptr;
        at = &*found;
    }
    return at;
}

std::optional<std::string> DataFields::text(std::string_view path) {
    const auto* at = find(path);
    if (at == nullptr || at->is_null() || at->is_structured()) return {};
    return at->is_string() ? at->get<std::string>() : at->dump();
}

std::optional<core::Scalar> DataFields::operator()(std::string_view path) {
    const auto* at = find(path);
    if (at == nullptr) return {};
    if (at->is_null()) return core::Scalar{};
    if (at->is_boolean()) return core::Scalar{at->get<bool>()};
    if (at->is_number()) return core::Scalar{at->get<double>()};
    if (at->is_string()) return core::Scalar{at->get<std::string>()};
    return {};
}

}  // namespace taskd::ipc
