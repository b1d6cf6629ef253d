// SPDX-License-Identifier: Apache-2.0
#include "daemon/resiliency.h"

#include "daemon/resiliency_words.h"

#include <array>
#include <optional>
#include <string_view>
#include <utility>

namespace taskd::daemon {
namespace {

constexpr std::size_t words_max = 1000;

// From the most specific to what holds for all.
constexpr std::array<std::string_view, 2> app_levels{"App", ""};
constexpr std::array<std::string_view, 4> component_levels{"PubsubComponentOutbound",
                                                           "ComponentOutbound", "Component", ""};

template <class T>
std::optional<T> default_of(const auto& levels, const std::string& kind,
                            const std::map<std::string, T>& known) {
    for (const auto level : levels) {
        const auto found = known.find("Default" + std::string(level) + kind + "Policy");
        if (found != known.end()) return found->second;
    }
    return {};
}

core::CallPolicy defaults(const auto& levels, const ResiliencyDraft& draft) {
    return {default_of(levels, "Timeout", draft.timeouts),
            default_of(levels, "Retry", draft.retries),
            default_of(levels, "CircuitBreaker", draft.breakers)};
}

core::CallPolicy find_or(const std::map<std::string, core::CallPolicy>& targets,
                         const std::string& name, const core::CallPolicy& otherwise) {
    const auto found = targets.find(name);
    return found == targets.end() ? otherwise : found->second;
}

}  // namespace

core::Result<Resiliency> Resiliency::read(const std::map<std::string, std::string>& words) {
    if (words.size() > words_max)
        return core::invalid_argument("policies", "found " + std::to_string(words.size()) +
                                                      " resiliency words; accepted are at most " +
                                                      std::to_string(words_max));
    ResiliencyDraft draft;
    // The map is sorted: all policies are there before the targets that name them.
    for (const auto& [key, value] : words)
        if (auto good = read_resiliency_word(key, value, draft); !good)
            return tl::unexpected(good.error());

    Resiliency resiliency;
    resiliency.any_app_ = defaults(app_levels, draft);
    resiliency.any_component_ = defaults(component_levels, draft);
    resiliency.apps_ = std::move(draft.apps);
    resiliency.components_ = std::move(draft.components);
    return resiliency;
}

core::CallPolicy Resiliency::app(const std::string& id) const {
    return find_or(apps_, id, any_app_);
}

core::CallPolicy Resiliency::component(const std::string& name) const {
    return find_or(components_, name, any_component_);
}

}  // namespace taskd::daemon
