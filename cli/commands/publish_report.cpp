// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/publish_report.h"

#include "cli/exit_code.h"
#include "core/text.h"
#include "ipc/json.h"

namespace taskd::cli {
namespace {

constexpr std::int64_t refusals_told = 20;  // of many that are alike, the first say it

std::string outcome_of(const ipc::PublishResult& result) {
    if (result.error) return "refused";
    return result.duplicate ? "duplicate" : "published";
}

}  // namespace

PublishReport::PublishReport(Context& context, bool imported)
    : context_(context), imported_(imported), progress_(context.screen(), "events") {}

void PublishReport::refuse(std::int64_t line, const core::Error& error) {
    ++refused_;
    if (status_ == 0) status_ = exit_status(error.reason);
    if (line == 0) return context_.screen().error(error);
    if (refused_ > refusals_told) return;
    core::Error told = error;
    told.message = "line " + std::to_string(line) + ": " + error.message;
    context_.screen().error(told);
}

void PublishReport::print(std::int64_t line, const ipc::PublishResult& result) {
    Screen& screen = context_.screen();
    if (screen.json()) {
        nlohmann::json object;
        if (line != 0) object["line"] = line;
        if (result.userseq != 0) object["userseq"] = result.userseq;
        object["outcome"] = outcome_of(result);
        object["duplicate"] = result.duplicate;
        if (!result.id.empty()) object["id"] = result.id;
        if (!result.source.empty()) object["source"] = result.source;
        if (!result.type.empty()) object["type"] = result.type;
        if (result.error) object["error"] = error_json(*result.error).at("error");
        if (screen.one_line_json())
            screen.print_json(object);
        else
            events_.push_back(std::move(object));
    } else if (screen.quiet()) {
        if (!result.error) screen.print(std::to_string(result.userseq) + "\n");
    } else if (screen.plain_lists()) {
        screen.print(
            core::join(
                {result.userseq == 0 ? "" : std::to_string(result.userseq), outcome_of(result),
                 visible(result.id),
                 result.error ? visible((line == 0 ? "" : "line " + std::to_string(line) + ": ") +
                                        result.error->message)
                              : ""},
                "\t") +
            "\n");
    } else if (line == 0 && !result.error) {
        const std::string number = std::to_string(result.userseq);
        screen.print((result.duplicate ? "Event " + number + " was there already"
                                       : "Published event " + number) +
                     ": " + visible(result.type) + "\n  id " + visible(result.id) + "\n");
    }
}

void PublishReport::add(std::int64_t line, const ipc::PublishResult& result) {
    if (result.error)
        refuse(line, *result.error);
    else
        ++(result.duplicate ? duplicates_ : published_);
    print(line, result);
}

void PublishReport::add_unreadable(std::int64_t line, const core::Error& error) {
    ipc::PublishResult result;
    result.error = error;
    add(line, result);
}

int PublishReport::finish() {
    progress_.clear();
    Screen& screen = context_.screen();
    if (refused_ > refusals_told)
        screen.note("and " + std::to_string(refused_ - refusals_told) + " more were refused");
    std::string summary =
        counted(published_, "event", "events") + (imported_ ? " imported" : " published");
    if (duplicates_ > 0)
        summary += ", " + std::to_string(duplicates_) + (duplicates_ == 1 ? " was" : " were") +
                   " there already";
    if (refused_ > 0) summary += ", " + std::to_string(refused_) + " refused";
    if (screen.json() && !screen.one_line_json())
        screen.print_json({{"events", events_},
                           {"published", published_},
                           {"duplicates", duplicates_},
                           {"refused", refused_}});
    else if (screen.json() || screen.plain_lists() || screen.quiet())
        screen.hint(summary);
    else
        screen.print(summary + "\n");
    screen.flush();
    return status_;
}

}  // namespace taskd::cli
