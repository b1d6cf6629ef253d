// SPDX-License-Identifier: Apache-2.0
#include "core/channel.h"

#include "core/command.h"
#include "core/notice.h"
#include "core/text.h"

#include <algorithm>
#include <array>

namespace taskd::core {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::array kinds{ChannelKind::exec,    ChannelKind::email, ChannelKind::desktop,
                           ChannelKind::webhook, ChannelKind::ntfy,  ChannelKind::gotify,
                           ChannelKind::dapr};
constexpr milliseconds timeout_max{600'000};  // of a command
constexpr milliseconds answer_max{60'000};    // of a server
constexpr int attempts_most = 100;
constexpr milliseconds backoff_most = hours{24};
constexpr int rate_most = 100;

bool is_name(std::string_view name) {
    constexpr std::size_t bytes_max = 64;
    return !name.empty() && name.size() <= bytes_max && is_utf8(name) && !has_control(name) &&
           name.find_first_of(" \t,\"") == std::string_view::npos;
}

/// A field that belongs to some kinds only.
struct Owned {
    std::string_view field;
    bool is_given;
    bool is_ours;
};

Result<void> check_fields(const Channel& channel) {
    const auto kind = channel.kind;
    const bool is_dapr = kind == ChannelKind::dapr;
    const bool is_exec = kind == ChannelKind::exec;
    for (const auto& [field, is_given, is_ours] : std::initializer_list<Owned>{
             {"argv", !channel.argv.empty(), is_exec},
             {"to", !channel.to.empty(), kind == ChannelKind::email},
             {"url", !channel.url.empty(), is_web(kind)},
             {"secret", channel.has_secret, is_web(kind)},
             {"app", !channel.app.empty(), is_dapr},
             {"method", !channel.method.empty(), is_dapr},
             {"pubsub", !channel.pubsub.empty(), is_dapr},
             {"topic", !channel.topic.empty(), is_dapr},
             {"subject", !channel.subject.empty(), is_for_people(kind)},
             {"body", !channel.body.empty(), is_for_people(kind) || kind == ChannelKind::webhook}})
        if (is_given && !is_ours)
            return invalid_argument(std::string(field), "is nothing that a channel of kind " +
                                                            std::string(to_string(kind)) + " has");
    return {};
}

Result<void> check_number(std::string field, std::int64_t value, std::int64_t low,
                          std::int64_t high) {
    if (value >= low && value <= high) return {};
    return invalid_argument(std::move(field), std::to_string(value) + " is not accepted; use " +
                                                  std::to_string(low) + " to " +
                                                  std::to_string(high));
}

Result<void> check_policies(const Channel& channel) {
    if (auto good =
            check_number("timeout_ms", channel.timeout.count(), 1,
                         (channel.kind == ChannelKind::exec ? timeout_max : answer_max).count());
        !good)
        return good;
    if (const auto& retry = channel.retry) {
        if (auto good = check_number("retry.attempts_max", retry->attempts_max, 1, attempts_most);
            !good)
            return good;
        if (auto good =
                check_number("retry.backoff_ms", retry->initial.count(), 1, backoff_most.count());
            !good)
            return good;
        if (auto good = check_number("retry.backoff_max_ms", retry->max.count(),
                                     retry->initial.count(), backoff_most.count());
            !good)
            return good;
    }
    if (const auto& rate = channel.rate) {
        if (auto good = check_number("rate.max", rate->max, 0, rate_most); !good) return good;
        if (auto good = check_number("rate.per_ms", rate->per.count(), 1000, backoff_most.count());
            !good)
            return good;
    }
    return {};
}

}  // namespace

std::string_view to_string(ChannelKind kind) {
    switch (kind) {
    case ChannelKind::exec:
        return "exec";
    case ChannelKind::email:
        return "email";
    case ChannelKind::desktop:
        return "desktop";
    case ChannelKind::webhook:
        return "webhook";
    case ChannelKind::ntfy:
        return "ntfy";
    case ChannelKind::gotify:
        return "gotify";
    case ChannelKind::dapr:
        return "dapr";
    }
    return "exec";
}

Result<ChannelKind> channel_kind_from(std::string_view word) {
    std::vector<std::string> words;
    for (const auto kind : kinds) {
        if (to_string(kind) == word) return kind;
        words.emplace_back(to_string(kind));
    }
    const auto near = nearest(word, words);
    return invalid_argument(
        "kind",
        "\"" + clipped(word, 32) + "\" is not a kind of channel; use one of " + join(words, ", "),
        near.empty() ? "" : "did you mean \"" + near + "\"?");
}

RetryPolicy retry_of(const Channel& channel, const RetryPolicy& exec) {
    if (channel.retry) return *channel.retry;
    switch (channel.kind) {
    case ChannelKind::exec:
        return exec;
    case ChannelKind::email:
        return {16, minutes{1}, 2, hours{1}};  // about 11 hours
    case ChannelKind::desktop:
        return {30, seconds{10}, 2, minutes{10}};  // about 4 hours
    case ChannelKind::webhook:
    case ChannelKind::ntfy:
    case ChannelKind::gotify:
    case ChannelKind::dapr:
        break;
    }
    return {12, seconds{5}, 2, hours{1}};  // about 3 hours
}

RateLimit rate_of(const Channel& channel) {
    if (channel.rate) return *channel.rate;
    constexpr int for_people = 5;
    return {is_for_people(channel.kind) ? for_people : 0, minutes{1}};
}

Result<Channel> checked(Channel channel) {
    if (!is_name(channel.name))
        return invalid_argument("name", "\"" + clipped(channel.name, 64) +
                                            "\" is not a name; use one word of up to 64 bytes, "
                                            "such as desk");
    if (auto good = check_fields(channel); !good) return tl::unexpected(good.error());
    if (channel.kind == ChannelKind::exec)
        if (auto good = check_argv("argv", channel.argv,
                                   "taskctl channels set desk exec -- notify-send Reminder");
            !good)
            return tl::unexpected(good.error());
    if (is_web(channel.kind) && channel.url.empty())
        return invalid_argument("url", "is empty; give the URL that is posted to");
    if (channel.kind == ChannelKind::dapr) {
        const bool invokes = !channel.app.empty() && !channel.method.empty();
        const bool publishes = !channel.pubsub.empty() && !channel.topic.empty();
        const bool mixes = (!channel.app.empty() || !channel.method.empty()) &&
                           (!channel.pubsub.empty() || !channel.topic.empty());
        if (mixes || invokes == publishes)
            return invalid_argument(channel.pubsub.empty() ? "app" : "pubsub",
                                    "a dapr channel has either app and method, or pubsub and topic",
                                    "taskctl channels set team dapr publish PUBSUB TOPIC");
    }
    for (const auto& [field, text] :
         {std::pair("subject", &channel.subject), std::pair("body", &channel.body)})
        if (const auto good = Template::parse(field, *text); !good)
            return tl::unexpected(good.error());
    if (auto good = check_policies(channel); !good) return tl::unexpected(good.error());
    channel.disabled.clear();
    return channel;
}

}  // namespace taskd::core
