// SPDX-License-Identifier: Apache-2.0
#include "daemon/sidecar_watch.h"

#include "core/text.h"
#include "ipc/dapr/sidecar.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace taskd::daemon {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

constexpr milliseconds look_every{2000};
constexpr milliseconds patience{1000};
constexpr int status_no_content = 204;
constexpr int misses_max = 3;

/// A member that is a text, "" where there is none.
std::string text_of(const json& object, const char* name) {
    if (!object.is_object() || !object.contains(name) || !object[name].is_string()) return {};
    return object[name].get<std::string>();
}

}  // namespace

SidecarWatch::SidecarWatch(ipc::dapr::Sidecar sidecar, std::string pubsub,
                           std::vector<std::string> topics, bool needed, Pulse& pulse, Log log)
    : http_(std::move(sidecar), &stopping_),
      pubsub_(std::move(pubsub)),
      topics_(std::move(topics)),
      needed_(needed),
      pulse_(pulse),
      log_(std::move(log)) {
    pulse_.sidecar("it was not asked yet", needed_);
    thread_ = std::thread(&SidecarWatch::watch, this);
}

SidecarWatch::~SidecarWatch() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_all();
    thread_.join();
}

void SidecarWatch::watch() {
    std::string before;
    for (;;) {
        const std::string now = look();
        if (stopping_) return;
        pulse_.sidecar(now, needed_);
        if (now != before) {
            if (now == "ok")
                log_->info("sidecar ready at={}", field(to_text(http_.sidecar())));
            else
                log_->warn("sidecar at={} because={}", field(to_text(http_.sidecar())), field(now));
        }
        before = now;
        std::unique_lock lock(mutex_);
        if (wake_.wait_for(lock, look_every, [this] { return stopping_.load(); })) return;
    }
}

/// "ok", or what is wrong.
std::string SidecarWatch::look() {
    const auto answer = http_.send({"GET", "/v1.0/healthz/outbound", {}, {}}, patience);
    if (!answer.response) return answer.detail;
    if (answer.response->status != status_no_content)
        return "it is not ready, and answered " + std::to_string(answer.response->status);
    const auto missing = missing_topics();
    misses_ = missing.empty() ? 0 : misses_ + 1;
    // It asks for them when its app is there, which may be a moment ago.
    return misses_ < misses_max ? "ok" : missing;
}

std::string SidecarWatch::missing_topics() {
    if (topics_.empty()) return {};
    const auto answer = http_.send({"GET", "/v1.0/metadata", {}, {}}, patience);
    if (!answer.response) return answer.detail;
    const auto metadata = json::parse(answer.response->body, nullptr, false);
    if (answer.response->status != 200 || !metadata.is_object())
        return "its metadata can't be read: status " + std::to_string(answer.response->status);
    std::vector<std::string> found;
    if (metadata.contains("subscriptions") && metadata["subscriptions"].is_array())
        for (const auto& one : metadata["subscriptions"])
            if (text_of(one, "pubsubname") == pubsub_) found.push_back(text_of(one, "topic"));
    std::string missing;
    for (const auto& topic : topics_)
        if (std::find(found.begin(), found.end(), topic) == found.end())
            missing += (missing.empty() ? "" : ", ") + topic;
    if (missing.empty()) return {};
    return "it is not subscribed to " + missing +
           "; it reads subscriptions once, so it has to be started again";
}

}  // namespace taskd::daemon
