// SPDX-License-Identifier: Apache-2.0
#include "cli/dapr/caller.h"
#include "cli/dapr/commands.h"
#include "cli/dapr/durable.h"
#include "cli/event_reader.h"
#include "cli/exit_code.h"
#include "cli/input_file.h"
#include "cli/name_value.h"
#include "core/rfc3339.h"
#include "core/text.h"
#include "core/uuid.h"
#include "ipc/dapr/paths.h"
#include "ipc/json.h"

#include <nlohmann/json.hpp>

#include <map>

namespace taskd::cli {
namespace {

using core::invalid_argument;
using core::Result;
using ipc::dapr::PublishRoute;
using ipc::dapr::Request;
using nlohmann::json;

constexpr std::size_t bulk_events_max = 100;
constexpr std::size_t bulk_bytes_max = std::size_t{3} << 20U;  // a sidecar takes 4 MiB

/// Where the events go.
struct Target {
    std::string pubsub;
    std::string topic;
    ipc::dapr::QueryFields metadata;
};

Result<Target> target_from(const PublishFlags& flags, const Words& words) {
    Target target{words[0], words[1], {}};
    for (const auto& field : flags.metadata) {
        const auto pair = name_and_value("metadata", field);
        if (!pair) return tl::unexpected(pair.error());
        target.metadata.emplace_back("metadata." + pair->first, pair->second);
    }
    if (flags.raw) target.metadata.emplace_back("metadata.rawPayload", "true");
    return target;
}

/// An event without what makes it one gets it here: the id from its content, so that publishing the
/// same file again is recognised.
void complete(ipc::CloudEvent& event, const Context& context) {
    if (event.source.empty()) event.source = "/taskctl";
    if (event.time.empty()) event.time = core::format_utc(context.now());
    if (event.userid.empty()) event.userid = context.settings().as;
    if (!event.id.empty()) return;
    event.id = core::uuid_v5("publish\n" + event.source + "\n" + event.type + "\n" + event.subject +
                             "\n" + event.data);
}

std::string raw_data(const ipc::CloudEvent& event) {
    const auto data = json::parse(event.data.empty() ? "null" : event.data, nullptr, false);
    return data.is_string() ? data.get<std::string>() : data.dump();
}

/// What the sidecar is asked to publish for one event.
Request single(const ipc::CloudEvent& event, const PublishFlags& flags, const std::string& path) {
    Request request{"POST", path, {}, {}};
    if (flags.raw) {
        request.body = raw_data(event);
        request.headers.emplace_back("Content-Type", event.datacontenttype.empty()
                                                         ? "application/json"
                                                         : event.datacontenttype);
    } else {
        request.body = ipc::to_text(event);
        request.headers.emplace_back("Content-Type", "application/cloudevents+json");
    }
    return request;
}

/// The same, left to taskd.
ipc::DaprPublish kept_request(const PublishFlags& flags, const Target& target) {
    ipc::DaprPublish kept;
    kept.pubsub = target.pubsub;
    kept.topic = target.topic;
    kept.metadata = flags.metadata;
    if (flags.raw) kept.metadata.emplace_back("rawPayload=true");
    return kept;
}

/// One event after another into requests of many, and what became of each.
class BulkPublisher {
public:
    BulkPublisher(Context& context, Caller& caller, const PublishFlags& flags, const Target& target)
        : context_(context), caller_(caller), flags_(flags), target_(target) {}

    /// false: it makes no sense to go on; status() tells why.
    bool add(std::int64_t line, const ipc::CloudEvent& event) {
        const auto text = ipc::to_text(event);
        if (!entries_.empty() &&
            (entries_.size() == bulk_events_max ||
             bytes_ + text.size() >
                 (flags_.call.durable ? core::call_body_bytes_max / 2 : bulk_bytes_max)) &&
            !flush())
            return false;
        entries_.push_back({{"entryId", std::to_string(line)},
                            {"event", json::parse(text)},
                            {"contentType", "application/cloudevents+json"},
                            {"metadata", json::object()}});
        bytes_ += text.size();
        return true;
    }

    bool flush() {
        if (entries_.empty()) return true;
        const auto count = static_cast<std::int64_t>(entries_.size());
        if (flags_.call.durable) return keep(count);
        auto result = send();
        if (is_route_missing(result)) {
            route_ = PublishRoute::bulk_alpha;  // up to 1.16
            result = send();
        }
        std::int64_t failed = 0;
        const auto errors = failed_entries(result);
        for (const auto& [line, why] : errors) {
            ++failed;
            context_.screen().error({core::Reason::unavailable,
                                     "line " + line + ": not published: " + core::clipped(why, 300),
                                     {},
                                     {}});
        }
        entries_.clear();
        bytes_ = 0;
        if (result.verdict == ipc::dapr::Verdict::ok) {
            published_ += count;
            return true;
        }
        status_ = errors.empty() ? caller_.explain(result) : exit_sidecar;
        published_ += errors.empty() ? 0 : count - failed;
        return !errors.empty();
    }

    void fail(int status) { status_ = status; }
    [[nodiscard]] int status() const { return status_; }
    [[nodiscard]] std::int64_t published() const { return published_; }

private:
    bool keep(std::int64_t count) {
        auto kept = kept_request(flags_, target_);
        kept.bulk = true;
        kept.body = json(entries_).dump();
        entries_.clear();
        bytes_ = 0;
        status_ =
            keep_publish(context_, flags_, std::move(kept), counted(count, "event", "events"));
        return status_ == 0;
    }

    ipc::dapr::CallResult send() {
        // Checked before the first event was read.
        const auto path =
            *ipc::dapr::publish_path(target_.pubsub, target_.topic, route_, target_.metadata);
        Request request{
            "POST", path, {{"Content-Type", "application/json"}}, json(entries_).dump()};
        return caller_.call(std::move(request));
    }

    bool is_route_missing(const ipc::dapr::CallResult& result) const {
        return route_ == PublishRoute::bulk && result.answer.response &&
               result.answer.response->status == 404;
    }

    static std::map<std::string, std::string> failed_entries(const ipc::dapr::CallResult& result) {
        std::map<std::string, std::string> failed;
        if (!result.answer.response) return failed;
        const auto body = json::parse(result.answer.response->body, nullptr, false);
        if (!body.is_object() || !body.contains("failedEntries")) return failed;
        for (const auto& entry : body["failedEntries"])
            if (entry.is_object())
                failed[entry.value("entryId", "?")] = entry.value("error", "no reason given");
        return failed;
    }

    Context& context_;
    Caller& caller_;
    const PublishFlags& flags_;
    const Target& target_;
    PublishRoute route_ = PublishRoute::bulk;
    std::vector<json> entries_;
    std::size_t bytes_ = 0;
    std::int64_t published_ = 0;
    int status_ = 0;
};

int publish_file(Context& context, const PublishFlags& flags, const Target& target,
                 const std::string& path) {
    if (const auto flag = flags.event.first_given(); !flag.empty())
        return context.fail({core::Reason::invalid_argument,
                             flag + " describes one event, and does not go with a FILE of them",
                             flag.substr(2),
                             {}});
    if (flags.raw || flags.call.dry_run)
        return context.fail(
            {core::Reason::invalid_argument,
             std::string(flags.raw ? "--raw" : "--dry-run") + " does not go with a FILE of events",
             flags.raw ? "raw" : "dry-run",
             {}});
    auto caller = Caller::make(context, flags.call);
    if (!caller) return context.fail(caller.error());
    auto file = InputFile::open("file", path);
    if (!file) return context.fail(file.error());
    EventReader reader([&](char* into, std::size_t size) { return file->read(into, size); });
    BulkPublisher publisher(context, *caller, flags, target);
    bool goes_on = true;
    while (goes_on) {
        auto item = reader.next();
        if (!item) break;
        if (!item->event) {
            auto error = item->event.error();
            error.message = "line " + std::to_string(item->line) + ": " + error.message;
            publisher.fail(context.fail(error));
            continue;
        }
        complete(*item->event, context);
        goes_on = publisher.add(item->line, *item->event);
    }
    if (goes_on) goes_on = publisher.flush();
    if (!file->error().empty())
        return context.fail({core::Reason::invalid_argument, file->error(), "file", {}});
    if (flags.call.durable) return publisher.status();
    Screen& screen = context.screen();
    if (screen.json())
        screen.print_json(json{{"published", publisher.published()}});
    else if (!screen.quiet())
        screen.print("Published " + counted(publisher.published(), "event", "events") + " to " +
                     visible(target.topic) + " on " + visible(target.pubsub) + "\n");
    return publisher.status();
}

int publish_one(Context& context, const PublishFlags& flags, const Target& target,
                const std::string& path) {
    auto event = event_from_flags(context, flags.event);
    if (!event) return context.fail(event.error());
    auto caller = Caller::make(context, flags.call);
    if (!caller) return context.fail(caller.error());
    if (event->id.empty()) {
        ipc::SystemRandom random;
        event->id = core::uuid_v7(context.now(), random);
    }
    complete(*event, context);
    const auto request = single(*event, flags, path);
    if (flags.call.durable) {
        auto kept = kept_request(flags, target);
        kept.content_type = ipc::dapr::header_of(request.headers, "Content-Type");
        kept.body = *request.body;
        return keep_publish(context, flags, std::move(kept), visible(event->type));
    }
    Screen& screen = context.screen();
    if (flags.call.dry_run) {
        screen.print(caller->curl(request) + "\n");
        return 0;
    }
    const auto result = caller->call(request);
    if (result.verdict != ipc::dapr::Verdict::ok) return caller->explain(result);
    if (screen.json())
        screen.print_json(json{{"published", 1}, {"id", event->id}, {"attempts", result.attempts}});
    else if (screen.quiet())
        screen.print(event->id + "\n");
    else
        screen.print("Published " + visible(event->type) + " to " + visible(target.topic) + " on " +
                     visible(target.pubsub) + (flags.raw ? "\n" : ", id " + event->id + "\n"));
    return 0;
}

}  // namespace

int publish(Context& context, const PublishFlags& flags, const Words& words) {
    const auto target = target_from(flags, words);
    if (!target) return context.fail(target.error());
    const auto path = ipc::dapr::publish_path(target->pubsub, target->topic, PublishRoute::single,
                                              target->metadata);
    if (!path) return context.fail(path.error());
    return words.size() > 2 ? publish_file(context, flags, *target, words[2])
                            : publish_one(context, flags, *target, *path);
}

}  // namespace taskd::cli
