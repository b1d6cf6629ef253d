// SPDX-License-Identifier: Apache-2.0
#include "cli/log_wait.h"

#include "core/span.h"

#include <algorithm>

namespace taskd::cli {

using core::Result;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {
constexpr milliseconds look_again{20'000};
}

LogWait::LogWait(Context& context, std::vector<std::string> types)
    : context_(context), types_(std::move(types)) {
    if (context_.settings().patience) until_ = steady_clock::now() + *context_.settings().patience;
}

Result<void> LogWait::connect() {
    if (client_) return {};
    auto client = context_.client({}, Context::Start::once);
    if (!client) return tl::unexpected(client.error());
    client_.emplace(std::move(*client));
    return {};
}

Result<void> LogWait::begin_now() {
    const auto page = ask(ipc::EventList{types_, 1, 0});
    if (!page) return tl::unexpected(page.error());
    after_ = page->value.head;
    return {};
}

Result<std::vector<ipc::CloudEvent>> LogWait::next(const std::string& waited_for) {
    auto wait = std::min(look_again, context_.settings().timeout / 2);
    if (until_)
        wait = std::min(wait, std::chrono::ceil<milliseconds>(*until_ - steady_clock::now()));
    ipc::EventRead read;
    read.after = since_ ? 0 : after_;
    read.since = since_;
    read.types = types_;
    read.wait_ms = std::max<std::int64_t>(0, wait.count());
    const auto page = ask(read);
    // More callers wait than may be parked.
    if (!page && page.error().reason == core::Reason::resource_exhausted)
        return std::vector<ipc::CloudEvent>{};
    if (!page) return tl::unexpected(page.error());
    const auto patience = context_.settings().patience.value_or(milliseconds{0});
    // What came up to the last moment counts.
    if (wait <= milliseconds{0} && page->value.events.empty() &&
        page->value.next >= page->value.head)
        return tl::unexpected(core::Error{
            core::Reason::deadline_exceeded,
            (patience == milliseconds{0}
                 ? "not yet"
                 : "not within " +
                       core::format_span(std::chrono::ceil<std::chrono::seconds>(patience))) +
                ": " + waited_for,
            {},
            {}});
    after_ = page->value.next;
    since_.reset();
    return page->value.events;
}

}  // namespace taskd::cli
