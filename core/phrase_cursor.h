// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/text.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace taskd::core {

/// The words of a phrase, one after another; commas are words of their own.
class PhraseCursor {
public:
    explicit PhraseCursor(std::string_view text) {
        for (const auto& word : words_of(text)) add(word);
    }

    [[nodiscard]] bool done() const { return place_ >= typed_.size(); }
    /// In lower case; "" behind the end.
    [[nodiscard]] const std::string& word(std::size_t ahead = 0) const {
        static const std::string none;
        return place_ + ahead < lower_.size() ? lower_[place_ + ahead] : none;
    }
    [[nodiscard]] std::size_t place() const { return place_; }
    void go_to(std::size_t place) { place_ = place; }
    void skip(std::size_t count = 1) { place_ += count; }

    /// Goes past these words if they are next.
    bool accept(std::string_view words) {
        std::size_t ahead = 0;
        for (const auto& wanted : words_of(words))
            if (word(ahead++) != wanted) return false;
        place_ += ahead;
        return true;
    }
    /// Goes past any number of "," and "and".
    bool accept_separators() {
        const auto before = place_;
        while (accept(",") || accept("and") || accept("&")) {
        }
        return place_ != before;
    }

    /// The words from `begin` to here, as typed.
    [[nodiscard]] std::string typed(std::size_t begin) const { return text(begin, place_); }
    [[nodiscard]] std::string rest() const { return text(place_, typed_.size()); }
    [[nodiscard]] std::string last() const { return typed_.empty() ? "" : typed_.back(); }
    void drop_last() {
        typed_.pop_back();
        lower_.pop_back();
    }

private:
    void add(const std::string& word) {
        const auto parts = split(word, ',');
        for (std::size_t i = 0; i < parts.size(); ++i) {
            if (i > 0) typed_.emplace_back(",");
            if (!parts[i].empty()) typed_.push_back(parts[i]);
        }
        for (auto i = lower_.size(); i < typed_.size(); ++i) lower_.push_back(to_lower(typed_[i]));
    }
    [[nodiscard]] std::string text(std::size_t begin, std::size_t end) const {
        std::string text;
        for (auto i = begin; i < end && i < typed_.size(); ++i)
            text += (text.empty() || typed_[i] == "," ? "" : " ") + typed_[i];
        return text;
    }

    std::vector<std::string> typed_;
    std::vector<std::string> lower_;
    std::size_t place_ = 0;
};

}  // namespace taskd::core
