// SPDX-License-Identifier: Apache-2.0
// A CloudEvent in JSON format (CloudEvents 1.0 JSON event format, sections 2 and 3).
#pragma once

#include "ipc/json/codec.h"

namespace taskd::ipc::codec {

template <>
struct Codec<CloudEvent> {
    static json encode(const CloudEvent& value);
    /// Members that are not the specification's are extension attributes.
    static core::Result<CloudEvent> decode(const std::string& field, const json& found);
};

}  // namespace taskd::ipc::codec
