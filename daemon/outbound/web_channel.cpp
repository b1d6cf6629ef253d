// SPDX-License-Identifier: Apache-2.0
#include "daemon/outbound/web_channel.h"

#include "core/text.h"
#include "daemon/outbound/webhook_settings.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace taskd::daemon {
namespace {

using core::ChannelKind;
using core::Notice;
using core::Template;
using nlohmann::json;

// ntfy has priorities 1 to 5 with 3 as the usual one; gotify 0 to 10, loud from 8 on.
constexpr int ntfy_high = 4;
constexpr int ntfy_usual = 3;
constexpr int ntfy_low = 2;
constexpr int gotify_high = 8;
constexpr int gotify_usual = 5;
constexpr int gotify_low = 2;

std::string dumped(const json& value) {
    return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

/// What can't be read was checked when it was set, so it is text without fields at worst.
std::string filled(const std::string& pattern, const Notice& notice) {
    const auto read = Template::parse("body", pattern);
    return read ? read->fill(notice) : pattern;
}

void fill_strings(json& value, const Notice& notice) {
    if (value.is_string()) value = filled(value.get<std::string>(), notice);
    if (value.is_structured())
        for (auto& item : value) fill_strings(item, notice);
}

std::string title_of(const Job& job) {
    return job.channel.subject.empty() ? job.notice.summary
                                       : filled(job.channel.subject, job.notice);
}

std::string text_of(const Job& job) {
    return job.channel.body.empty() ? job.notice.text : filled(job.channel.body, job.notice);
}

int by_urgency(const Notice& notice, int high, int usual, int low) {
    return notice.is_urgent ? high : notice.is_minor ? low : usual;
}

}  // namespace

core::Result<NtfyPlace> ntfy_place(const std::string& url) {
    const auto scheme = url.find("://");
    const auto slash = scheme == std::string::npos ? scheme : url.find('/', scheme + 3);
    const std::string topic = slash == std::string::npos ? "" : url.substr(slash + 1);
    if (topic.empty() || topic.find_first_of("/?") != std::string::npos)
        return core::invalid_argument("url", "names no topic of ntfy",
                                      "the topic comes right after the server: "
                                      "https://ntfy.sh/mytopic");
    return NtfyPlace{url.substr(0, slash + 1), topic};
}

WebRequest web_request(const Job& job, core::Timestamp now) {
    const Notice& notice = job.notice;
    WebRequest request;
    request.url = job.channel.url;
    request.id = job.delivery.str();
    request.now = now;
    request.timeout = job.channel.timeout;
    std::string type = "application/json";
    if (job.channel.kind == ChannelKind::ntfy) {
        const auto place = ntfy_place(job.channel.url);
        if (place) request.url = place->server;
        json message{{"topic", place ? place->topic : ""},
                     {"title", title_of(job)},
                     {"message", text_of(job)},
                     {"priority", by_urgency(notice, ntfy_high, ntfy_usual, ntfy_low)},
                     {"tags", {"alarm_clock"}}};
        if (!notice.url.empty()) message["click"] = notice.url;
        request.body = dumped(message);
        if (!job.secret.empty())
            request.headers.emplace_back("Authorization", "Bearer " + job.secret);
    } else if (job.channel.kind == ChannelKind::gotify) {
        request.body =
            dumped({{"title", title_of(job)},
                    {"message", text_of(job)},
                    {"priority", by_urgency(notice, gotify_high, gotify_usual, gotify_low)}});
        request.headers.emplace_back("X-Gotify-Key", job.secret);
    } else if (job.channel.body.empty()) {
        request.body = job.event;
        type = "application/cloudevents+json; charset=utf-8";
    } else if (auto body = json::parse(job.channel.body, nullptr, false); body.is_structured()) {
        fill_strings(body, notice);
        request.body = dumped(body);
    } else {
        request.body = filled(job.channel.body, notice);
        type = "text/plain; charset=utf-8";
    }
    request.headers.emplace_back("Content-Type", type);
    if (job.channel.kind == ChannelKind::webhook && !job.secret.empty())
        if (auto key = read_webhook_secret("secret", job.secret)) request.secret = std::move(*key);
    return request;
}

}  // namespace taskd::daemon
