// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/commands.h"
#include "cli/commands/event_text.h"
#include "cli/event_place.h"
#include "cli/output_file.h"
#include "cli/signals.h"
#include "ipc/json.h"
#include "ipc/subscriber.h"

#include <algorithm>
#include <memory>

namespace taskd::cli {
namespace {

using core::Result;

constexpr std::int64_t page_events = 500;

struct Given {
    std::string since;
    std::string until;
    std::vector<std::string> types;
    bool force = false;
};

class Export {
public:
    Export(Context& context, ipc::Client& client, const Given& given)
        : context_(context), client_(client), given_(given) {}

    Result<void> find_bounds() {
        if (!given_.since.empty()) {
            const auto begin =
                event_place("since", given_.since, PlaceOf::begin, context_.now(), context_.zone());
            if (!begin) return tl::unexpected(begin.error());
            next_.after = begin->number.value_or(0);
            next_.since = begin->time;
        }
        if (given_.until.empty()) return {};
        const auto end =
            event_place("until", given_.until, PlaceOf::end, context_.now(), context_.zone());
        if (!end) return tl::unexpected(end.error());
        last_ = end->number;
        if (last_) return {};
        if (*end->time > context_.now()) return {};  // all that there is
        ipc::EventRead request;
        request.since = end->time;
        request.limit = 1;
        const auto page = client_.call(request);
        if (!page) return tl::unexpected(page.error());
        const auto& events = page->value.events;
        last_ = events.empty() ? page->value.head : events.front().userseq - 1;
        return {};
    }

    /// What the log has now; what comes meanwhile is for the next export.
    Result<void> run(std::optional<OutputFile>& file) {
        next_.types = given_.types;
        next_.limit = page_events;
        std::optional<std::int64_t> end;
        for (;;) {
            const auto page = ipc::read_page(client_, next_);
            if (!page) return tl::unexpected(page.error());
            const auto& value = *page;
            if (!end) end = last_ ? std::min(*last_, value.head) : value.head;
            if (!next_.since && next_.after > 0 && value.oldest > next_.after + 1)
                context_.screen().warn(gone_words(next_.after + 1, value.oldest - 1));
            for (const auto& event : value.events) {
                if (event.userseq > *end) return {};
                const std::string text = visible_json(ipc::to_text(event)) + "\n";
                ++count_;
                if (!file)
                    context_.screen().print(text);
                else if (auto written = file->write(text); !written)
                    return written;
            }
            next_.since.reset();
            next_.after = std::max(next_.after, value.next);
            if (next_.after >= *end) return {};
        }
    }

    [[nodiscard]] std::int64_t count() const { return count_; }

private:
    Context& context_;
    ipc::Client& client_;
    const Given& given_;
    ipc::EventRead next_;
    std::optional<std::int64_t> last_;
    std::int64_t count_ = 0;
};

int run(Context& context, const Given& given, const Words& words) {
    ignore_broken_pipe();
    if (const auto types = checked_types(context, given.types); !types)
        return context.fail(types.error());
    auto client = context.client();
    if (!client) return context.fail(client.error());
    Export events(context, *client, given);
    if (const auto found = events.find_bounds(); !found) return context.fail(found.error());
    std::optional<OutputFile> file;
    if (!words.empty() && words[0] != "-") {
        auto created = OutputFile::create(words[0], given.force);
        if (!created) return context.fail(created.error());
        file.emplace(std::move(*created));
    }
    auto done = events.run(file);
    if (done && file) done = file->finish();
    if (!done) return context.fail(done.error());
    context.screen().flush();
    context.screen().note("exported " + counted(events.count(), "event", "events"));
    return 0;
}

}  // namespace

void register_events_export(CommandLine& line) {
    const auto given = std::make_shared<Given>();
    auto& app = line.add(
        {.name = "events export",
         .section = "Events",
         .summary = "write all events as JSON Lines",
         .usage = "[FILE]",
         .words_max = 1,
         .examples = {"events export events.jsonl",
                      "events export --since yesterday --type 'task.*'"},
         .details =
             "One CloudEvent per line, with its number in userseq, to standard output or to a "
             "new file that only you can read. The file is there when it is whole, and not "
             "before. How many they are is said on standard error.",
         .run = [given](Context& context, const Words& words) {
             return run(context, *given, words);
         }});
    add_text(app, "--since", given->since, "NUMBER|TIME",
             "begin after the event with this number, or with what came at this time or later");
    add_text(app, "--until", given->until, "NUMBER|TIME",
             "stop after the event with this number, or before what came at this time");
    add_texts(app, "--type", given->types, "PATTERN", types_help);
    add_switch(app, "--force", given->force, "replace FILE if it is there");
}

}  // namespace taskd::cli
