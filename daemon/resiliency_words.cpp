// SPDX-License-Identifier: Apache-2.0
#include "daemon/resiliency_words.h"

#include "core/text.h"
#include "daemon/resiliency_values.h"

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace taskd::daemon {
namespace {

using core::BreakerPolicy;
using core::Result;
using std::chrono::milliseconds;
using Draft = ResiliencyDraft;

constexpr std::size_t key_bytes_max = 512;
constexpr std::size_t names_bytes_max = 200;  // of names listed in a message
constexpr int count_max = 1'000'000;
constexpr BreakerPolicy breaker_default{.failures_max = 6};  // Dapr's: consecutiveFailures > 5

constexpr DurationBounds timeout_bounds{milliseconds{1}, std::chrono::hours{1}, "1ms to 1h"};
constexpr DurationBounds wait_bounds{milliseconds{1}, core::call_interval_max, "1ms to 24h"};
constexpr DurationBounds interval_bounds{milliseconds{0}, core::call_interval_max, "0s to 24h"};

constexpr std::string_view timeouts = "policies.timeouts";
constexpr std::string_view retries = "policies.retries";
constexpr std::string_view breakers = "policies.circuitBreakers";
constexpr std::string_view apps = "targets.apps";
constexpr std::string_view components = "targets.components";
constexpr std::string_view actors = "targets.actors";

/// One word, and the policy or target that its key names.
struct Word {
    const std::string& key;
    const std::string& value;
    std::string name;
};

/// One kind of key: section.<name>.attribute, or section.<name> where there is none.
struct Row {
    std::string_view section;
    std::string_view attribute;
    Result<void> (*read)(const Word&, Draft&);
    bool is_refused = false;  ///< a word of Dapr's that has no meaning here; not listed as accepted
};

Result<void> keep(const auto& value, auto& into) {
    if (!value) return tl::unexpected(value.error());
    into = *value;
    return {};
}

Result<void> keep_duration(const Word& word, const DurationBounds& bounds, milliseconds& into) {
    return keep(read_duration(word.key, word.value, bounds), into);
}

Result<void> keep_count(const Word& word, int min, int& into) {
    return keep(read_count(word.key, word.value, min, count_max), into);
}

Result<void> keep_kind(const Word& word, bool& exponential) {
    const auto kind = core::to_lower(word.value);
    if (kind != "constant" && kind != "exponential")
        return refused_value(word.key, word.value, "are constant and exponential");
    exponential = kind == "exponential";
    return {};
}

/// The policy with the name that the word has as its value.
template <class T>
Result<void> keep_named(const Word& word, std::string_view section,
                        const std::map<std::string, T>& known, std::optional<T>& into) {
    if (const auto found = known.find(word.value); found != known.end()) {
        into = found->second;
        return {};
    }
    std::vector<std::string> names;
    names.reserve(known.size());
    for (const auto& [name, policy] : known) names.push_back(name);
    const auto near = core::nearest(word.value, names);
    const auto list = names.empty() ? "none is there" : core::join(names, ", ");
    return refused_value(
        word.key, word.value,
        "are names in " + std::string(section) + ": " + core::clipped(list, names_bytes_max),
        near.empty() ? "" : "did you mean \"" + near + "\"?");
}

BreakerPolicy& breaker_of(const Word& word, Draft& draft) {
    return draft.breakers.try_emplace(word.name, breaker_default).first->second;
}

constexpr const char* outbound_alone =
    "are outbound policies; inbound retries are the sidecar's (its own Resiliency resource)";

Result<void> refuse_inbound(const Word& word, Draft&) {
    return refused_value(word.key, word.value, outbound_alone);
}

constexpr std::array rows{
    Row{timeouts, "",
        [](const Word& w, Draft& d) {
            return keep_duration(w, timeout_bounds, d.timeouts[w.name]);
        }},
    Row{retries, "policy",
        [](const Word& w, Draft& d) { return keep_kind(w, d.retries[w.name].exponential); }},
    Row{retries, "duration",
        [](const Word& w, Draft& d) {
            return keep_duration(w, wait_bounds, d.retries[w.name].duration);
        }},
    Row{retries, "maxInterval",
        [](const Word& w, Draft& d) {
            return keep_duration(w, wait_bounds, d.retries[w.name].max_interval);
        }},
    Row{retries, "maxRetries",
        [](const Word& w, Draft& d) { return keep_count(w, -1, d.retries[w.name].retries_max); }},
    Row{retries, "matching.httpStatusCodes",
        [](const Word& w, Draft& d) {
            return keep(read_statuses(w.key, w.value), d.retries[w.name].matching);
        }},
    Row{retries, "matching.gRPCStatusCodes",
        [](const Word& w, Draft&) -> Result<void> {
            return refused_value(w.key, w.value,
                                 "are matching.httpStatusCodes alone; taskd calls over HTTP only");
        },
        true},
    Row{breakers, "maxRequests",
        [](const Word& w, Draft& d) { return keep_count(w, 1, breaker_of(w, d).probes_max); }},
    Row{breakers, "interval",
        [](const Word& w, Draft& d) {
            return keep_duration(w, interval_bounds, breaker_of(w, d).interval);
        }},
    Row{breakers, "timeout",
        [](const Word& w, Draft& d) {
            return keep_duration(w, wait_bounds, breaker_of(w, d).timeout);
        }},
    Row{breakers, "trip",
        [](const Word& w, Draft& d) {
            return keep(read_trip(w.key, w.value), breaker_of(w, d).failures_max);
        }},
    Row{apps, "timeout",
        [](const Word& w, Draft& d) {
            return keep_named(w, timeouts, d.timeouts, d.apps[w.name].timeout);
        }},
    Row{apps, "retry",
        [](const Word& w, Draft& d) {
            return keep_named(w, retries, d.retries, d.apps[w.name].retry);
        }},
    Row{apps, "circuitBreaker",
        [](const Word& w, Draft& d) {
            return keep_named(w, breakers, d.breakers, d.apps[w.name].breaker);
        }},
    // Dapr keeps a breaker per endpoint of an app, taskd one per app: the size is checked, no more.
    Row{apps, "circuitBreakerCacheSize",
        [](const Word& w, Draft& d) {
            d.apps.try_emplace(w.name);
            int size = 0;
            return keep_count(w, 1, size);
        }},
    Row{components, "outbound.timeout",
        [](const Word& w, Draft& d) {
            return keep_named(w, timeouts, d.timeouts, d.components[w.name].timeout);
        }},
    Row{components, "outbound.retry",
        [](const Word& w, Draft& d) {
            return keep_named(w, retries, d.retries, d.components[w.name].retry);
        }},
    Row{components, "outbound.circuitBreaker",
        [](const Word& w, Draft& d) {
            return keep_named(w, breakers, d.breakers, d.components[w.name].breaker);
        }},
    Row{components, "inbound.timeout", refuse_inbound, true},
    Row{components, "inbound.retry", refuse_inbound, true},
    Row{components, "inbound.circuitBreaker", refuse_inbound, true},
    Row{actors, "",
        [](const Word& w, Draft&) -> Result<void> {
            return refused_value(w.key, w.value,
                                 "are targets.apps and targets.components; taskd calls no actors");
        },
        true},
};

/// The name in a key of this row; none when the key is of another row.
std::optional<std::string> name_in(std::string_view key, const Row& row) {
    const std::string head = std::string(row.section) + ".";
    const std::string tail = row.attribute.empty() ? "" : "." + std::string(row.attribute);
    if (key.size() <= head.size() + tail.size()) return {};
    if (key.substr(0, head.size()) != head) return {};
    if (key.substr(key.size() - tail.size()) != tail) return {};
    return std::string(key.substr(head.size(), key.size() - head.size() - tail.size()));
}

/// Inbound defaults that nobody looks at would be a false promise.
bool is_inbound_default(const Word& word) {
    return word.key.rfind("policies.", 0) == 0 && word.name.rfind("Default", 0) == 0 &&
           word.name.find("ComponentInbound") != std::string::npos;
}

/// The last `count` parts of a key; empty when they are not behind its section and a name.
std::string last_parts(const std::vector<std::string>& parts, std::size_t count) {
    if (parts.size() < 3 + count) return {};
    return core::join({parts.end() - static_cast<std::ptrdiff_t>(count), parts.end()}, ".");
}

/// The key with a word instead of its last parts that is near to them.
std::string suggestion(const std::vector<std::string>& parts,
                       const std::vector<std::string>& attributes) {
    for (const std::size_t count : {std::size_t{2}, std::size_t{1}}) {
        std::vector<std::string> alike;
        for (const auto& attribute : attributes)
            if (core::split(attribute, '.').size() == count) alike.push_back(attribute);
        const auto near = core::nearest(last_parts(parts, count), alike);
        if (near.empty()) continue;
        const std::vector<std::string> before{parts.begin(),
                                              parts.end() - static_cast<std::ptrdiff_t>(count)};
        return core::join(before, ".") + "." + near;
    }
    return {};
}

tl::unexpected<core::Error> unknown(const std::string& key) {
    const auto parts = core::split(key, '.');
    const auto section = parts.size() < 2 ? key : parts[0] + "." + parts[1];
    std::vector<std::string> sections;
    std::vector<std::string> attributes;
    for (const auto& row : rows) {
        if (row.is_refused) continue;
        if (sections.empty() || sections.back() != row.section) sections.emplace_back(row.section);
        if (section == row.section && !row.attribute.empty())
            attributes.emplace_back(row.attribute);
    }
    const auto hint = [](const std::string& near) {
        return near.empty() ? "" : "did you mean \"" + near + "\"?";
    };
    if (!attributes.empty())
        return core::invalid_argument(key,
                                      "is no resiliency word; accepted are " +
                                          core::join(attributes, ", ") + " behind " + section +
                                          ".<name>",
                                      hint(suggestion(parts, attributes)));
    auto near = core::nearest(section, sections);
    for (std::size_t i = 2; !near.empty() && i < parts.size(); ++i) near += "." + parts[i];
    return core::invalid_argument(
        key, "is no resiliency word; accepted are names in " + core::join(sections, ", "),
        hint(near));
}

}  // namespace

core::Result<void> read_resiliency_word(const std::string& key, const std::string& value,
                                        ResiliencyDraft& into) {
    if (key.size() > key_bytes_max)
        return core::invalid_argument(core::clipped(key, key_bytes_max),
                                      "has " + std::to_string(key.size()) +
                                          " bytes; accepted are at most " +
                                          std::to_string(key_bytes_max));
    for (const auto& row : rows) {
        auto name = name_in(key, row);
        if (!name) continue;
        const Word word{key, value, std::move(*name)};
        if (is_inbound_default(word)) return refused_value(key, word.name, outbound_alone);
        return row.read(word, into);
    }
    return unknown(key);
}

}  // namespace taskd::daemon
