// SPDX-License-Identifier: Apache-2.0
#include "core/base64.h"
#include "ipc/json/core_fields.h"

#include <algorithm>

namespace taskd::ipc::codec {

/// Text that is shorter as JSON than as base64, or bytes.
bool goes_as_text(const std::string& bytes) {
    if (!core::is_utf8(bytes)) return false;
    constexpr std::size_t escaped = 6;  // \u001b
    const auto controls = std::count_if(bytes.begin(), bytes.end(), [](char c) {
        return static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t' && c != '\r';
    });
    return bytes.size() + escaped * static_cast<std::size_t>(controls) <= bytes.size() / 3 * 4 + 4;
}

template <>
struct Codec<core::RunOutput> {
    static json encode(const core::RunOutput& value) {
        json object{{"stream", value.stream}};
        if (goes_as_text(value.bytes))
            object["data"] = value.bytes;
        else
            object["data_base64"] = core::base64(value.bytes);
        return object;
    }
    static core::Result<core::RunOutput> decode(const std::string& field, const json& found) {
        if (!found.is_object())
            return wrong(field, found, "objects with stream and data or data_base64");
        core::RunOutput output;
        Decoder decoder(found);
        std::optional<std::string> text;
        std::optional<std::string> base64;
        decoder("stream", output.stream);
        decoder("data", text);
        decoder("data_base64", base64);
        if (decoder.error()) return tl::unexpected(*decoder.error());
        if (output.stream != "stdout" && output.stream != "stderr")
            return wrong("stream", found.value("stream", json()), "stdout or stderr");
        if (text.has_value() == base64.has_value())
            return invalid_argument(field, "needs either data or data_base64");
        const auto bytes = text ? text : core::from_base64(*base64);
        if (!bytes) return invalid_argument("data_base64", "is not base64 (RFC 4648 section 4)");
        output.bytes = *bytes;
        return output;
    }
};

void fields(auto& f, Of<RunClaim> auto& v) {
    f("key", v.request.key);
    f("command", v.request.command);
    f("holder", v.request.holder);
    f("lease_ms", v.request.lease);
    f("ttl_ms", v.request.ttl);
    f.sparse("retry_failed", v.request.retry_failed);
}
void fields(auto& f, Of<RunClaimed> auto& v) {
    f("granted", v.granted);
    f("run", v.run);
    f.sparse("output", v.output);
    f("head", v.head);
}
void fields(auto& f, Of<RunExtend> auto& v) {
    f("key", v.key);
    f("fence", v.fence);
}
void fields(auto& f, Of<RunFinish> auto& v) {
    f("key", v.key);
    f("fence", v.fence);
    f("status", v.status);
    f("took_ms", v.took_ms);
    f("output_bytes", v.output_bytes);
    f.sparse("output", v.output);
}
void fields(auto& f, Of<RunGet> auto& v) {
    f("key", v.key);
}
void fields(auto& f, Of<RunReport> auto& v) {
    f("run", v.run);
    f.sparse("output", v.output);
    f("head", v.head);
}
void fields(auto& f, Of<RunList> auto& v) {
    f.sparse("prefix", v.prefix);
    f("state", v.state);
    f("limit", v.limit);
}
void fields(auto& f, Of<RunPage> auto& v) {
    f("runs", v.runs);
}
void fields(auto& f, Of<RunForget> auto& v) {
    f("key", v.key);
    f.sparse("fence", v.fence);
}

}  // namespace taskd::ipc::codec

namespace taskd::ipc {

TASKD_METHOD(RunClaim);
TASKD_METHOD(RunExtend);
TASKD_JSON(RunFinish);
TASKD_METHOD(RunGet);
TASKD_METHOD(RunList);
TASKD_JSON(RunForget);
TASKD_JSON(core::RunOutput);

}  // namespace taskd::ipc
