// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/commands.h"
#include "cli/commands/event_text.h"
#include "cli/cursor_file.h"
#include "cli/event_place.h"
#include "cli/signals.h"
#include "ipc/subscriber.h"

#include <algorithm>
#include <memory>

namespace taskd::cli {
namespace {

using core::Result;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::int64_t tail_standard = 10;
constexpr seconds look_around{1};  // how soon a closed pipe, or --until, is noticed
constexpr std::int64_t page_events = 500;

struct Given {
    std::vector<std::string> types;
    std::string since;
    std::string until;
    std::string cursor;
    bool follow = false;  // what tail does anyway
    bool no_follow = false;
};

core::Timestamp time_now() {
    return std::chrono::floor<milliseconds>(std::chrono::system_clock::now());
}

/// One run of tail: where it is, and where it stops.
class Tail {
public:
    Tail(Context& context, ipc::Client& client, const Given& given, core::TopicFilter filter)
        : context_(context), client_(client), given_(given), filter_(std::move(filter)) {
        if (!given.cursor.empty()) file_.emplace(given.cursor);
    }

    Result<void> find_begin() {
        std::optional<std::int64_t> stored;
        if (file_) {
            const auto read = file_->read();
            if (!read) return tl::unexpected(read.error());
            stored = *read;
        }
        if (stored) {
            after_ = *stored;
        } else if (!given_.since.empty()) {
            const auto begin =
                event_place("since", given_.since, PlaceOf::begin, context_.now(), context_.zone());
            if (!begin) return tl::unexpected(begin.error());
            after_ = begin->number;
            since_ = begin->time;
            from_oldest_ = after_ == 0;
        }
        return {};
    }

    Result<void> find_end() {
        if (given_.until.empty()) return {};
        const auto end =
            event_place("until", given_.until, PlaceOf::end, context_.now(), context_.zone());
        if (!end) return tl::unexpected(end.error());
        last_ = end->number;
        until_ = end->time;
        return until_is_over();
    }

    Result<void> run() {
        if (!after_ && !since_)
            if (auto shown = show_newest(); !shown) return shown;
        if (given_.no_follow) return read_log(milliseconds{0});
        return context_.settings().as.empty() ? follow_live() : follow_log();
    }

private:
    /// A time to stop at becomes a number once it has passed: that of the last event before it.
    Result<void> until_is_over() {
        if (!until_ || *until_ > time_now()) return {};
        ipc::EventRead request;
        request.since = *until_;
        request.limit = 1;
        const auto page = client_.call(request);
        if (!page) return tl::unexpected(page.error());
        const auto& events = page->value.events;
        last_ = events.empty() ? page->value.head : events.front().userseq - 1;
        until_.reset();
        return {};
    }

    Result<void> show_newest() {
        ipc::EventList newest;
        newest.types = given_.types;
        newest.limit = tail_standard;
        if (last_) newest.before = *last_ + 1;
        const auto page = client_.call(newest);
        if (!page) return tl::unexpected(page.error());
        for (const auto& event : page->value.events)
            if (auto shown = show(event); !shown) return shown;
        after_ = last_ ? std::min(*last_, page->value.head) : page->value.head;
        return keep(*after_);
    }

    /// Prints an event and stores its number. Ctrl-C waits until both are done, so that a tail that
    /// goes on from there neither repeats it nor leaves it out.
    Result<void> show(const ipc::CloudEvent& event) {
        std::optional<SignalsHeld> held;
        if (file_) held.emplace();
        print_event(context_, event);
        return keep(event.userseq);
    }

    Result<void> keep(std::int64_t number) {
        if (!file_ || number == kept_) return {};
        kept_ = number;
        return file_->write(number);
    }

    [[nodiscard]] bool is_past_end(std::int64_t number) const { return last_ && number > *last_; }

    void warn_gone(const ipc::EventRange& range) {
        if (from_oldest_ || warned_) return;
        warned_ = true;
        context_.screen().warn(gone_words(range.first, range.last));
    }

    /// Prints what the log has, to its head.
    Result<void> read_log(milliseconds wait) {
        for (;;) {
            ipc::EventRead request;
            request.after = after_.value_or(0);
            request.since = since_;
            request.types = given_.types;
            request.limit = page_events;
            request.wait_ms = wait.count();
            const auto page = ipc::read_page(client_, request);
            if (!page) return tl::unexpected(page.error());
            const auto& value = *page;
            if (!since_ && value.oldest > request.after + 1)
                warn_gone({request.after + 1, value.oldest - 1});
            since_.reset();
            for (const auto& event : value.events) {
                if (is_past_end(event.userseq)) return finish();
                if (auto shown = show(event); !shown) return shown;
            }
            after_ = std::max(request.after, value.next);
            if (is_past_end(*after_ + 1)) return finish();
            if (auto kept = keep(*after_); !kept || *after_ >= value.head) return kept;
        }
    }

    /// Everything up to the end was printed or filtered away.
    Result<void> finish() {
        done_ = true;
        return keep(*last_);
    }

    /// Follows the live events of the caller's own socket.
    Result<void> follow_live() {
        ipc::Subscriber subscriber(context_.sockets(), client_, given_.types, filter_,
                                   after_.value_or(0), since_);
        for (;;) {
            if (auto over = until_is_over(); !over) return over;
            milliseconds wait = look_around;
            if (until_) wait = std::clamp(*until_ - time_now(), milliseconds{0}, wait);
            if (last_ && subscriber.settled() >= *last_) return finish();
            const auto event = subscriber.next(wait);
            if (!event) return tl::unexpected(event.error());
            if (const auto gone = subscriber.gone()) warn_gone(*gone);
            if (*event && is_past_end((*event)->userseq)) return finish();
            if (*event) {
                if (auto shown = show(**event); !shown) return shown;
                continue;
            }
            if (auto kept = keep(subscriber.settled()); !kept) return kept;
            if (context_.screen().reader_gone()) return {};
        }
    }

    /// Another user's events come over no socket of ours, but an operator may read their log.
    Result<void> follow_log() {
        const milliseconds wait =
            std::min<milliseconds>(context_.settings().timeout / 2, look_around);
        while (!done_ && !context_.screen().reader_gone()) {
            if (auto read = read_log(wait); !read) return read;
            if (auto over = until_is_over(); !over) return over;
            if (last_ && after_ >= *last_) return finish();
        }
        return {};
    }

    Context& context_;
    ipc::Client& client_;
    const Given& given_;
    core::TopicFilter filter_;
    std::optional<CursorFile> file_;
    std::int64_t kept_ = -1;
    std::optional<std::int64_t> after_;
    std::optional<core::Timestamp> since_;
    bool from_oldest_ = false;
    std::optional<std::int64_t> last_;
    std::optional<core::Timestamp> until_;
    bool warned_ = false;
    bool done_ = false;
};

int tail(Context& context, const Given& given) {
    ignore_broken_pipe();
    const auto filter = checked_types(context, given.types);
    if (!filter) return context.fail(filter.error());
    auto client = context.client({}, Context::Start::once);
    if (!client) return context.fail(client.error());
    Tail run(context, *client, given, *filter);
    for (const auto step : {&Tail::find_begin, &Tail::find_end, &Tail::run})
        if (const auto done = (run.*step)(); !done) return context.fail(done.error());
    return 0;
}

}  // namespace

void register_events_tail(CommandLine& line) {
    const auto given = std::make_shared<Given>();
    auto& app = line.add(
        {.name = "events tail",
         .section = "Events",
         .summary = "print the last 10 events, then each new one as it happens",
         .examples = {"events tail", "events tail --type 'task.*' -o jsonl",
                      "events tail --since yesterday --no-follow",
                      "events tail --cursor ~/.mirror --since 0 -o jsonl"},
         .details = "No event is left out or printed twice, also when the daemon restarts "
                    "meanwhile. Ctrl-C ends it. With --cursor the same holds from one run to the "
                    "next.",
         .run = [given](Context& context, const Words&) { return tail(context, *given); }});
    add_switch(app, "-f,--follow", given->follow, "go on with new events (the default)");
    add_switch(app, "--no-follow", given->no_follow, "stop at the newest event");
    add_text(app, "--since", given->since, "NUMBER|TIME",
             "begin after the event with this number (0: with the oldest), or with what came at "
             "this time or later, such as \"2h ago\"");
    add_text(app, "--until", given->until, "NUMBER|TIME",
             "stop after the event with this number, or at this time");
    add_text(app, "--cursor", given->cursor, "FILE",
             "begin after the number in FILE if it is there, and keep the last printed one in it");
    add_texts(app, "--type", given->types, "PATTERN", types_help);
}

}  // namespace taskd::cli
