// SPDX-License-Identifier: Apache-2.0
#include "ipc/admin_messages.h"

#include "ipc/json/core_fields.h"

namespace taskd::ipc {
namespace codec {

template <>
struct Codec<double> {
    static json encode(double value) { return value; }
    static core::Result<double> decode(const std::string& field, const json& found) {
        if (!found.is_number()) return wrong(field, found, "a number");
        return found.get<double>();
    }
};

template <>
struct Codec<std::map<std::string, std::string>> {
    using Words = std::map<std::string, std::string>;
    static json encode(const Words& value) { return value; }
    static core::Result<Words> decode(const std::string& field, const json& found) {
        if (!found.is_object()) return wrong(field, found, "an object");
        Words words;
        for (const auto& [name, value] : found.items()) {
            const std::string inner = std::string(field).append(".").append(name);
            auto word = codec::decode<std::string>(inner, value);
            if (!word) return tl::unexpected(word.error());
            words.emplace(name, std::move(*word));
        }
        return words;
    }
};

void fields(auto& f, Of<TokenView> auto& v) {
    f("id", v.id);
    f("name", v.name);
    f("scope", v.scope);
    f("created", v.created);
    f("expires", v.expires);
    f.sparse("secret", v.secret);
}
void fields(auto& f, Of<TokenCreate> auto& v) {
    f("name", v.name);
    f("scope", v.scope);
    f.sparse("ttl_ms", v.ttl_ms);
}
void fields(auto&, Of<TokenList> auto&) {}
void fields(auto& f, Of<TokenPage> auto& v) {
    f("tokens", v.tokens);
}
void fields(auto& f, Of<TokenRevoke> auto& v) {
    f("id", v.id);
}
void fields(auto& f, Of<Sample> auto& v) {
    f("name", v.name);
    f.sparse("labels", v.labels);
    f("value", v.value);
}
void fields(auto&, Of<AdminStats> auto&) {}
void fields(auto& f, Of<Stats> auto& v) {
    f("http", v.http);
    f("samples", v.samples);
}

}  // namespace codec

TASKD_JSON(TokenCreate);
TASKD_JSON(TokenRevoke);
TASKD_JSON(TokenView);
TASKD_METHOD(TokenList);
TASKD_METHOD(AdminStats);

}  // namespace taskd::ipc
