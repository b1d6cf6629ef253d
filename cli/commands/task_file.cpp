// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/task_file.h"

#include "cli/input_file.h"
#include "cli/json_reader.h"
#include "cli/progress.h"
#include "cli/render.h"
#include "core/text.h"
#include "core/uuid.h"
#include "ipc/field_names.h"
#include "ipc/messages.h"
#include "ipc/system_random.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <vector>

namespace taskd::cli {
namespace {

using core::Error;
using core::Reason;
using core::Result;
using nlohmann::json;

constexpr std::size_t batch_bytes_max = 1024 * 1024;
constexpr int exit_some_refused = 1;

Result<void> check_fields(const json& task) {
    if (!task.is_object())
        return core::invalid_argument("task", "is not an object such as {\"summary\":\"Tea\"}");
    auto known = ipc::field_names<ipc::TaskAdd>();
    known.emplace_back("idempotency_key");
    for (const auto& [name, value] : task.items()) {
        if (std::find(known.begin(), known.end(), name) != known.end()) continue;
        const auto near = core::nearest(name, known);
        return core::invalid_argument(
            core::clipped(name, 64), "is not a field of a task",
            near.empty() ? "see task.add in taskd-protocol(7)" : "did you mean \"" + near + "\"?");
    }
    return {};
}

/// What became of each line, as the output format asks.
class Report {
public:
    explicit Report(Context& context) : screen_(context.screen()), progress_(screen_, "tasks") {}

    void add(std::int64_t line, const Result<json>& outcome) {
        if (!outcome) return refuse(line, outcome.error());
        const auto added = ipc::from_json<ipc::TaskAdded>(*outcome);
        if (!added) return refuse(line, added.error());
        const bool replayed = outcome->value("replayed", false);
        ++(replayed ? replayed_ : added_);
        const auto number = std::to_string(added->task.number);
        const auto summary = visible(added->task.content.summary);
        for (const auto& warning : added->warnings) {
            progress_.clear();
            screen_.warn(at(line) + warning);
        }
        if (screen_.json())
            print(line, replayed ? "replayed" : "added", *outcome);
        else if (screen_.quiet())
            screen_.print(number + "\n");
        else if (screen_.plain_lists())
            screen_.print(
                core::join({std::to_string(line), replayed ? "replayed" : "added", number, summary},
                           "\t") +
                "\n");
        else
            screen_.print((replayed ? "Task " + number + " was there already: "
                                    : "Added task " + number + ": ") +
                          summary + "\n");
        progress_.show(added_ + replayed_);
    }

    int finish() {
        progress_.clear();
        std::string summary = counted(added_, "task", "tasks") + " added";
        if (replayed_ > 0)
            summary += ", " + std::to_string(replayed_) + (replayed_ == 1 ? " was" : " were") +
                       " there already";
        if (refused_ > 0) summary += ", " + std::to_string(refused_) + " refused";
        if (screen_.json() && !screen_.one_line_json())
            screen_.print_json({{"tasks", tasks_},
                                {"added", added_},
                                {"replayed", replayed_},
                                {"refused", refused_}});
        else
            screen_.note(summary);
        screen_.flush();
        return refused_ > 0 ? exit_some_refused : 0;
    }

private:
    static std::string at(std::int64_t line) { return "line " + std::to_string(line) + ": "; }

    void refuse(std::int64_t line, Error error) {
        ++refused_;
        progress_.clear();
        if (screen_.json())
            print(line, "refused", error_json(error));
        else if (screen_.plain_lists() && !screen_.quiet())
            screen_.print(
                core::join({std::to_string(line), "refused", "", visible(error.message)}, "\t") +
                "\n");
        error.message = at(line) + error.message;
        screen_.error(error);
    }

    void print(std::int64_t line, const char* outcome, json object) {
        object["line"] = line;
        object["outcome"] = outcome;
        if (screen_.one_line_json())
            screen_.print_json(object);
        else
            tasks_.push_back(std::move(object));
    }

    Screen& screen_;
    Progress progress_;
    std::int64_t added_ = 0;
    std::int64_t replayed_ = 0;
    std::int64_t refused_ = 0;
    json tasks_ = json::array();  ///< with -o json: one object at the end
};

/// Tasks on their way to the daemon, in batches that it takes.
class Batch {
public:
    Batch(ipc::Client client, Report& report) : client_(std::move(client)), report_(report) {}

    Result<void> add(std::int64_t line, json params) {
        const auto bytes = params.dump(-1, ' ', false, json::error_handler_t::replace).size();
        if (lines_.size() == ipc::batch_max || bytes_ + bytes > batch_bytes_max)
            if (auto sent = flush(); !sent) return sent;
        lines_.push_back(line);
        params_.push_back(std::move(params));
        bytes_ += bytes;
        return {};
    }

    /// Errors: the daemon can't be asked; those of a task are reported.
    Result<void> flush() {
        if (lines_.empty()) return {};
        const auto outcomes = client_.call_batch(ipc::TaskAdd::method, params_);
        if (!outcomes) {
            Error error = outcomes.error();
            error.message = "from line " + std::to_string(lines_.front()) + " on: " + error.message;
            return tl::unexpected(error);
        }
        for (std::size_t i = 0; i < lines_.size(); ++i) report_.add(lines_[i], (*outcomes)[i]);
        lines_.clear();
        params_.clear();
        bytes_ = 0;
        return {};
    }

    [[nodiscard]] bool empty() const { return lines_.empty(); }

private:
    ipc::Client client_;
    Report& report_;
    std::vector<std::int64_t> lines_{};
    std::vector<json> params_{};
    std::size_t bytes_ = 0;
};

}  // namespace

int add_from_file(Context& context, const std::string& path, const json& standard,
                  const std::string& key) {
    auto file = InputFile::open("file", path);
    if (!file) return context.fail(file.error());
    auto client = context.client();
    if (!client) return context.fail(client.error());
    ipc::SystemRandom random;
    const std::string prefix = key.empty() ? core::uuid_v4(random) : key;
    Report report(context);
    Batch batch(std::move(*client), report);
    Result<void> sent;
    std::int64_t count = 0;
    JsonReader reader("task", [&](char* into, std::size_t size) {
        // Who writes slowly into a pipe is not kept waiting for a batch to fill.
        if (sent && !batch.empty() && !file->ready()) {
            sent = batch.flush();
            context.screen().flush();
        }
        return sent ? file->read(into, size) : 0;
    });
    while (sent) {
        auto item = reader.next();
        if (!item || !sent) break;
        ++count;
        Result<void> good;
        if (!item->value)
            good = tl::unexpected(item->value.error());
        else
            good = check_fields(*item->value);
        if (!good) {
            // In the order of the lines.
            sent = batch.flush();
            if (sent) report.add(item->line, tl::unexpected(good.error()));
            continue;
        }
        json params = standard;
        params.update(*item->value);
        if (!params.contains("idempotency_key"))
            params["idempotency_key"] = prefix + "/" + std::to_string(count);
        sent = batch.add(item->line, std::move(params));
    }
    if (sent) sent = batch.flush();
    const int status = report.finish();
    if (!sent) {
        Error error = sent.error();
        error.hint = "run it again with --idempotency-key " + prefix +
                     ": what is there already is not added twice";
        return context.fail(error);
    }
    if (file->error().empty()) return status;
    return context.fail({Reason::invalid_argument, file->error(), "file", {}});
}

}  // namespace taskd::cli
