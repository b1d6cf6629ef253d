// SPDX-License-Identifier: Apache-2.0
// bench_events_load [--endpoint DIR] [--clients N] [--outstanding K] [--batch B] [--seconds S]
// [--subscribers M] [--ids random|rising]: N clients with K event.publish of B events each under
// way, and M subscribers of the bus. Prints one line of JSON. events.py runs it beside other
// stores.
#include "driver.h"

#include <array>
#include <atomic>
#include <future>
#include <optional>
#include <random>
#include <thread>

namespace {

using namespace taskd;
using namespace taskd::bench;

/// Texts of requests, put together from parts: the driver shares two cores with what it measures.
class Requests {
public:
    Requests(std::size_t batch, bool random_ids, double seconds)
        : batch_(batch), random_ids_(random_ids), seconds_(seconds) {}

    /// Another request, or "" when the time is over.
    const std::string& next() {
        text_.clear();
        if (seconds_since(begin_) >= seconds_) return text_;
        text_ += R"({"jsonrpc":"2.0","id":)";
        text_ += std::to_string(++requests_);
        text_ += R"(,"method":"event.publish","params":{"events":[)";
        for (std::size_t i = 0; i < batch_; ++i) add_event(i == 0 ? "" : ",");
        text_ += "]}}";
        return text_;
    }

    [[nodiscard]] std::int64_t events() const { return events_; }

private:
    void add_event(const char* separator) {
        const std::string number = std::to_string(++events_);
        std::array<char, 40> id{};
        // As with UUIDs, a random id falls anywhere in the index of keys; a rising one at its end.
        std::snprintf(id.data(), id.size(), "%016llx%08llx",
                      static_cast<unsigned long long>(random_ids_ ? random_() : run_),
                      static_cast<unsigned long long>(events_));
        text_ += separator;
        text_ += R"({"specversion":"1.0","id":")";
        text_ += id.data();
        text_ += R"(","source":"/bench","type":"bench.event","subject":"s)";
        text_ += std::to_string(events_ % 100);
        text_ += R"(","data":{"n":)";
        text_ += number;
        text_ += R"(,"text":"The quick brown fox jumps over the lazy dog, and then )"
                 R"(over the next one, until a hundred bytes are full."}})";
    }

    std::size_t batch_;
    bool random_ids_;
    double seconds_;
    Clock::time_point begin_ = Clock::now();
    std::mt19937_64 random_{std::random_device{}()};
    std::uint64_t run_ = random_();
    std::int64_t requests_ = 0;
    std::int64_t events_ = 0;
    std::string text_;
};

/// Subscribers of "bench.", all in one thread with a context of its own.
class Subscribers {
public:
    Subscribers(const ipc::Endpoint& endpoint, std::size_t count)
        : thread_([this, endpoint, count] { run(endpoint, count); }) {
        ready_.get_future().wait();
    }

    struct Figures {
        double rate = 0;  ///< copies a second, from the first wait to the last copy
        std::int64_t received = 0;
        std::int64_t lost = 0;
    };

    /// After the last reply, with the number of events of the whole run.
    Figures finish(std::int64_t published) {
        published_ = published;
        thread_.join();
        return figures_;
    }

private:
    static constexpr std::int64_t unknown = -1;

    struct One {
        zmq::socket_t socket;
        std::int64_t start = unknown;  ///< the log's head when the subscription was in place
        std::int64_t last = unknown;
    };

    void run(const ipc::Endpoint& endpoint, std::size_t count) {
        zmq::context_t context;
        std::vector<One> all;
        std::vector<zmq::pollitem_t> items;
        for (std::size_t i = 0; i < count; ++i) {
            all.push_back({zmq::socket_t(context, zmq::socket_type::sub)});
            all.back().socket.set(zmq::sockopt::linger, 0);
            // In this order: who gets a head has the other subscription too.
            all.back().socket.set(zmq::sockopt::subscribe, "bench.");
            all.back().socket.set(zmq::sockopt::subscribe, "taskd.head");
            all.back().socket.connect(endpoint.events());
        }
        for (auto& one : all) items.push_back({one.socket.handle(), 0, ZMQ_POLLIN, 0});
        std::size_t waiting = count;
        auto begin = Clock::now();
        auto last_copy = begin;
        while (true) {
            // Silent for a second after the end: what has not come by then does not come.
            zmq::poll(items.data(), items.size(), std::chrono::milliseconds{100});
            for (std::size_t i = 0; i < count; ++i)
                if ((items[i].revents & ZMQ_POLLIN) != 0) drain(all[i], waiting, last_copy);
            if (waiting == 0 && !told_) {
                told_ = true;
                begin = last_copy = Clock::now();
                ready_.set_value();
            }
            const auto published = published_.load();
            if (published == unknown) continue;
            const bool complete = std::all_of(all.begin(), all.end(), [&](const One& one) {
                return one.last >= one.start + published;
            });
            if (complete || seconds_since(last_copy) > 1) break;
        }
        for (const auto& one : all) figures_.lost += one.start + published_ - one.last;
        figures_.rate = static_cast<double>(figures_.received) /
                        std::chrono::duration<double>(last_copy - begin).count();
    }

    void drain(One& one, std::size_t& waiting, Clock::time_point& last_copy) {
        zmq::message_t topic;
        zmq::message_t number;
        zmq::message_t body;
        while (one.socket.recv(topic, zmq::recv_flags::dontwait)) {
            (void)one.socket.recv(number);
            (void)one.socket.recv(body);
            const std::int64_t seq = std::atoll(number.to_string().c_str());
            if (topic.to_string_view() == "taskd.head") {
                if (one.start != unknown) continue;
                one.start = one.last = seq;
                --waiting;
                continue;
            }
            ++figures_.received;
            figures_.lost += seq - one.last - 1;
            one.last = seq;
            last_copy = Clock::now();
        }
    }

    std::promise<void> ready_;
    bool told_ = false;
    std::atomic<std::int64_t> published_{unknown};
    Figures figures_;
    std::thread thread_;  // last: it uses the others
};

}  // namespace

int main(int argc, char** argv) {
    const auto options = read_options(argc, argv,
                                      {{"--endpoint", ipc::personal_directory()},
                                       {"--clients", "1"},
                                       {"--outstanding", "1"},
                                       {"--batch", "1"},
                                       {"--seconds", "3"},
                                       {"--subscribers", "0"},
                                       {"--ids", "random"}});
    const auto number = [&](const char* name) {
        return static_cast<std::size_t>(std::atoi(options.at(name).c_str()));
    };
    const auto endpoint = endpoint_of(options, "bench_events_load");
    std::optional<Subscribers> subscribers;
    if (number("--subscribers") > 0) subscribers.emplace(endpoint, number("--subscribers"));

    zmq::context_t context;
    Requests requests(number("--batch"), options.at("--ids") == "random",
                      std::atof(options.at("--seconds").c_str()));
    const auto figures = drive(context, endpoint, {number("--clients"), number("--outstanding")},
                               [&]() -> const std::string& { return requests.next(); });
    std::printf("{\"events_per_s\":%.0f,\"requests_per_s\":%.0f,\"p50_ms\":%.3f,\"p99_ms\":%.3f",
                figures.rate * static_cast<double>(number("--batch")), figures.rate, figures.p50_ms,
                figures.p99_ms);
    if (subscribers) {
        const auto copies = subscribers->finish(requests.events());
        std::printf(",\"copies_per_s\":%.0f,\"copies\":%lld,\"lost\":%lld", copies.rate,
                    static_cast<long long>(copies.received), static_cast<long long>(copies.lost));
    }
    std::printf("}\n");
    return 0;
}
