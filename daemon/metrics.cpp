// SPDX-License-Identifier: Apache-2.0
#include "daemon/metrics.h"

#include "daemon/engine.h"
#include "version.h"

#include <cmath>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>
#include <set>
#include <unistd.h>

namespace taskd::daemon {
namespace {

using Buckets = prometheus::Histogram::BucketBoundaries;

// From a turn in memory to a disk that takes seconds; factors of about 2.5.
const Buckets duration_seconds{0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025,
                               0.05,   0.1,     0.25,   0.5,   1,      2.5,   5,    10};
const Buckets lag_seconds{0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 30, 60, 300, 3600, 86400};
constexpr std::size_t targets_max = 1000;
const Buckets turn_requests{0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024};

double seconds_of(std::chrono::nanoseconds time) {
    return std::chrono::duration<double>(time).count();
}

/// Brings a counter to a total that is counted elsewhere.
void raise_to(prometheus::Counter& counter, std::uint64_t total) {
    counter.Increment(static_cast<double>(total) - counter.Value());
}

std::string bound_text(double bound) {
    if (std::isinf(bound)) return "+Inf";
    std::string text = std::to_string(bound);
    text.erase(text.find_last_not_of('0') + 1);
    if (text.back() == '.') text.pop_back();
    return text;
}

}  // namespace

struct Metrics::Series {
    using Counters = prometheus::Family<prometheus::Counter>;
    prometheus::Registry registry;

    Counters& counters(const char* name, const char* help) {
        return prometheus::BuildCounter().Name(name).Help(help).Register(registry);
    }
    prometheus::Counter& counter(const char* name, const char* help) {
        return counters(name, help).Add({});
    }
    prometheus::Gauge& gauge(const char* name, const char* help) {
        return prometheus::BuildGauge().Name(name).Help(help).Register(registry).Add({});
    }
    prometheus::Histogram& histogram(const char* name, const char* help, const Buckets& buckets) {
        return prometheus::BuildHistogram().Name(name).Help(help).Register(registry).Add({},
                                                                                         buckets);
    }

    using Gauges = prometheus::Family<prometheus::Gauge>;
    Gauges& gauges(const char* name, const char* help) {
        return prometheus::BuildGauge().Name(name).Help(help).Register(registry);
    }

    /// Of topics and apps.
    void calls(const TurnFigures& figures) {
        const std::lock_guard lock(mutex);
        for (const auto& topic : figures.topics) {
            const prometheus::Labels labels{{"topic", topic.topic}};
            publisher_lag.Add(labels).Set(static_cast<double>(topic.lag));
            auto& published = publisher_events.Add(labels);
            published.Increment(static_cast<double>(topic.published) - published.Value());
            publisher_failures.Add(labels).Set(static_cast<double>(topic.failures));
            publisher_lost.Add(labels).Set(static_cast<double>(topic.lost));
        }
        for (const auto& breaker : figures.breakers) {
            // Of one user only: theirs to know.
            if (breaker.target.find(": ") != std::string::npos) continue;
            // Names come from who calls; a family forgets none.
            if (targets.size() >= targets_max && !targets.contains(breaker.target)) continue;
            targets.insert(breaker.target);
            const prometheus::Labels labels{{"target", breaker.target}};
            breaker_state.Add(labels).Set(breaker.state == "open"        ? 2
                                          : breaker.state == "half-open" ? 1
                                                                         : 0);
            breaker_refused.Add(labels).Set(static_cast<double>(breaker.refused));
        }
    }
    std::mutex mutex;
    std::set<std::string> targets;

    Gauges& publisher_lag = gauges("taskd_publisher_lag_events",
                                   "Events of the log that a topic's publisher has not passed");
    Counters& publisher_events =
        counters("taskd_publisher_events_total", "Events published to a topic");
    Gauges& publisher_failures =
        gauges("taskd_publisher_failures", "Failures in a row to publish to a topic");
    Gauges& publisher_lost =
        gauges("taskd_publisher_lost_events",
               "Events that retention.max_bytes took before they were published");
    Gauges& breaker_state =
        gauges("taskd_breaker_state", "Circuit breaker: 0 closed, 1 half-open, 2 open");
    Gauges& breaker_refused =
        gauges("taskd_breaker_refused", "Calls that an open circuit breaker refused");
    Counters& deliveries_ended =
        counters("taskd_deliveries_total",
                 "Attempts of deliveries by channel kind and outcome: succeeded, retried, "
                 "suppressed or dead; late: reminders that went off a minute or more after time");
    prometheus::Family<prometheus::Histogram>& delivery_lag =
        prometheus::BuildHistogram()
            .Name("taskd_delivery_lag_seconds")
            .Help("From the time of a reminder, or the request of a call, to its delivery")
            .Register(registry);
    Counters& requests = counters("taskd_requests_total", "Requests by method and outcome");
    Counters& http = counters("taskd_http_requests_total", "HTTP responses by route and status");
    prometheus::Counter& void_turns =
        counter("taskd_turns_void_total", "Turns whose transaction was lost and run again");
    prometheus::Counter& refused =
        counter("taskd_messages_refused_total", "ZeroMQ messages of a foreign uid or wrong shape");
    prometheus::Counter& dropped =
        counter("taskd_replies_dropped_total", "Replies that a peer which does not read lost");
    prometheus::Counter& bus_failures =
        counter("taskd_bus_send_failures_total",
                "Live copies that the publishing socket refused; drops of one subscriber are not "
                "known to libzmq and not counted");
    prometheus::Counter& copies_missed =
        counter("taskd_bus_copies_missed_total",
                "Live copies that subscribers lost and read from the log, as they told");
    prometheus::Gauge& consumers = gauge("taskd_consumers", "Consumers of all users");
    prometheus::Gauge& consumer_lag = gauge("taskd_consumer_lag_events_max",
                                            "Events before the consumer that is furthest behind");
    prometheus::Gauge& consumer_oldest =
        gauge("taskd_consumer_oldest_timestamp_seconds",
              "When the oldest event came that a consumer has not settled; 0 for none");
    prometheus::Gauge& in_flight =
        gauge("taskd_consumer_in_flight", "Events that members of consumers have");
    prometheus::Gauge& dead_letters = gauge("taskd_dead_letters", "Dead letters of all users");
    prometheus::Histogram& turn_size =
        histogram("taskd_turn_requests", "Requests in one turn of the loop", turn_requests);
    prometheus::Histogram& turn_time = histogram(
        "taskd_turn_duration_seconds", "Time of one turn, commit included", duration_seconds);
    prometheus::Histogram& commit_time =
        histogram("taskd_commit_duration_seconds", "Time to bring a turn's changes to the disk",
                  duration_seconds);
    prometheus::Histogram& timer_lag = histogram(
        "taskd_timer_lag_seconds", "How long after its time a timer was run", lag_seconds);
    prometheus::Gauge& polls = gauge("taskd_polls_parked", "Long polls waiting for an event");
    prometheus::Gauge& deliveries =
        gauge("taskd_deliveries_running", "Deliveries handed to workers and not yet answered");
    prometheus::Gauge& connections = gauge("taskd_http_connections_open", "Open HTTP connections");
    prometheus::Gauge& queued =
        gauge("taskd_http_queue_length", "HTTP requests waiting for a thread");
    prometheus::Gauge& store_bytes =
        gauge("taskd_store_size_bytes", "The store's file and its write-ahead log");
    prometheus::Gauge& resident =
        gauge("process_resident_memory_bytes", "Memory of the process that is in RAM");
    prometheus::Gauge& started =
        gauge("process_start_time_seconds", "When the process began, in seconds since 1970");
};

Metrics::Metrics(std::string store_path)
    : store_path_(std::move(store_path)), series_(std::make_unique<Series>()) {
    series_->started.Set(
        std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count());
    prometheus::BuildGauge()
        .Name("taskd_build_info")
        .Help("Always 1; the version is its label")
        .Register(series_->registry)
        .Add({{"version", TASKD_VERSION}})
        .Set(1);
}

Metrics::~Metrics() = default;

void Metrics::turn(const TurnFigures& figures, std::size_t requests,
                   std::chrono::nanoseconds took) {
    series_->turn_size.Observe(static_cast<double>(requests));
    series_->turn_time.Observe(seconds_of(took));
    for (const auto& commit : figures.commits) series_->commit_time.Observe(seconds_of(commit));
    for (const auto& lag : figures.timer_lags) series_->timer_lag.Observe(seconds_of(lag));
    for (const auto& [kind, outcome, lag] : figures.deliveries) {
        series_->deliveries_ended
            .Add({{"kind", std::string(kind)}, {"outcome", std::string(outcome)}})
            .Increment();
        if (outcome == "succeeded")
            series_->delivery_lag.Add({{"kind", std::string(kind)}}, lag_seconds)
                .Observe(seconds_of(lag));
    }
    for (const auto& [method, outcome] : figures.outcomes)
        series_->requests.Add({{"method", std::string(method)}, {"outcome", std::string(outcome)}})
            .Increment();
    series_->void_turns.Increment(static_cast<double>(figures.void_turns));
    series_->copies_missed.Increment(static_cast<double>(figures.copies_missed));
    if (!figures.backlog) return;
    const auto& backlog = *figures.backlog;
    series_->consumers.Set(static_cast<double>(backlog.consumers));
    series_->consumer_lag.Set(static_cast<double>(backlog.lag_max));
    series_->consumer_oldest.Set(
        backlog.oldest ? static_cast<double>(backlog.oldest->time_since_epoch().count()) / 1000
                       : 0);
    series_->in_flight.Set(static_cast<double>(backlog.in_flight));
    series_->dead_letters.Set(static_cast<double>(backlog.dead_letters));
    series_->calls(figures);
}

void Metrics::standing(const Standing& now) {
    series_->polls.Set(static_cast<double>(now.polls_parked));
    series_->deliveries.Set(static_cast<double>(now.deliveries_running));
    raise_to(series_->refused, now.messages_refused);
    raise_to(series_->dropped, now.replies_dropped);
    raise_to(series_->bus_failures, now.bus_send_failures);
}

void Metrics::http(std::string_view route, int status) {
    series_->http.Add({{"route", std::string(route)}, {"code", std::to_string(status)}})
        .Increment();
}

void Metrics::http_standing(std::size_t connections, std::size_t queued) {
    series_->connections.Set(static_cast<double>(connections));
    series_->queued.Set(static_cast<double>(queued));
}

void Metrics::look_at_process() {
    std::error_code error;
    double bytes = 0;
    for (const char* suffix : {"", "-wal"}) {
        const auto size = std::filesystem::file_size(store_path_ + suffix, error);
        if (!error) bytes += static_cast<double>(size);
    }
    series_->store_bytes.Set(bytes);
    std::ifstream statm("/proc/self/statm");  // pages: size, resident, ...
    double size = 0;
    double resident = 0;
    if (statm >> size >> resident)
        series_->resident.Set(resident * static_cast<double>(sysconf(_SC_PAGESIZE)));
}

std::string Metrics::text() {
    look_at_process();
    return prometheus::TextSerializer().Serialize(series_->registry.Collect());
}

std::vector<ipc::Sample> Metrics::samples() {
    look_at_process();
    std::vector<ipc::Sample> samples;
    for (const auto& family : series_->registry.Collect())
        for (const auto& metric : family.metric) {
            std::map<std::string, std::string> labels;
            for (const auto& label : metric.label) labels.emplace(label.name, label.value);
            const auto add = [&](const std::string& suffix, double value) {
                samples.push_back({family.name + suffix, labels, value});
            };
            switch (family.type) {
            case prometheus::MetricType::Counter:
                add("", metric.counter.value);
                break;
            case prometheus::MetricType::Histogram:
                add("_count", static_cast<double>(metric.histogram.sample_count));
                add("_sum", metric.histogram.sample_sum);
                for (const auto& bucket : metric.histogram.bucket) {
                    labels["le"] = bound_text(bucket.upper_bound);
                    add("_bucket", static_cast<double>(bucket.cumulative_count));
                }
                break;
            default:
                add("", metric.gauge.value);
            }
        }
    return samples;
}

}  // namespace taskd::daemon
