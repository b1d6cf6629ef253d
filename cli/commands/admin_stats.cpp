// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/commands.h"
#include "ipc/admin_messages.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace taskd::cli {
namespace {

/// Whole numbers as such, times with four digits that count.
std::string number_text(double value) {
    char text[32];
    const bool is_whole = value == std::floor(value) && std::abs(value) < 1e15;
    std::snprintf(text, sizeof text, is_whole ? "%.0f" : "%.4g", value);
    return text;
}

std::string labels_text(const std::map<std::string, std::string>& labels) {
    std::string text;
    for (const auto& [name, value] : labels)
        text.append(text.empty() ? "" : " ").append(name).append("=").append(value);
    return text;
}

int run(Context& context) {
    auto client = context.client();
    if (!client) return context.fail(client.error());
    const auto answer = client->call(ipc::AdminStats{});
    if (!answer) return context.fail(answer.error());
    Screen& screen = context.screen();
    if (screen.json()) {
        screen.print_json(answer->json);
        return 0;
    }
    const bool quiet = screen.quiet();
    Table table{{{"NAME"}, {"LABELS"}, {"VALUE", true}}, {}};
    for (const auto& sample : answer->value.samples) {
        // A histogram's buckets are for machines; its count and sum tell a person enough.
        if (sample.labels.count("le") != 0) continue;
        table.rows.push_back({{sample.name, Paint::bold},
                              {labels_text(sample.labels)},
                              {number_text(sample.value)}});
    }
    std::sort(table.rows.begin(), table.rows.end(), [](const auto& one, const auto& other) {
        return std::pair(one[0].text, one[1].text) < std::pair(other[0].text, other[1].text);
    });
    if (quiet) return 0;
    screen.print_list(table);
    for (const auto& name : answer->value.http) screen.note("http listens on " + name);
    return 0;
}

}  // namespace

void register_admin(CommandLine& line) {
    line.add({.name = "admin",
              .section = "Daemon",
              .summary = "for who runs the daemon",
              .examples = {"admin stats"},
              .run = {}});
    line.add({.name = "admin stats",
              .section = "Daemon",
              .summary = "show the daemon's counters",
              .examples = {"admin stats", "admin stats -o json"},
              .details = "The numbers of /metrics, from memory; operators only. Buckets of "
                         "histograms are shown with -o json.",
              .run = [](Context& context, const Words&) { return run(context); }});
}

}  // namespace taskd::cli
