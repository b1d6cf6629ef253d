// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <string>
#include <utility>

namespace taskd::core {

/// An identifier of one kind; kinds don't convert into each other or into text by themselves, so a
/// TaskId can't be passed where a UserId is wanted.
template <class Kind>
class Id {
public:
    Id() = default;
    explicit Id(std::string text) : text_(std::move(text)) {}

    [[nodiscard]] const std::string& str() const { return text_; }
    [[nodiscard]] bool empty() const { return text_.empty(); }

    auto operator<=>(const Id&) const = default;

private:
    std::string text_;
};

using UserId = Id<struct UserKind>;          ///< login name, or any name an operator gives
using TaskId = Id<struct TaskKind>;          ///< UUIDv4
using SeriesId = Id<struct SeriesKind>;      ///< UUIDv4
using ReminderId = Id<struct ReminderKind>;  ///< UUIDv4
using EventId = Id<struct EventKind>;        ///< UUIDv7
using DeliveryId = Id<struct DeliveryKind>;  ///< UUIDv7; the Idempotency-Key of an outbound call
using ForeignId =
    Id<struct ForeignKind>;  ///< another service's, as JSON: a number or a text, kept as it came
using IdempotencyKey = Id<struct IdempotencyKind>;

}  // namespace taskd::core
