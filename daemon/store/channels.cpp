// SPDX-License-Identifier: Apache-2.0
#include "daemon/store/columns.h"
#include "daemon/store/unit_of_work.h"

namespace taskd::daemon {
namespace {

using core::Channel;

#define CHANNEL_COLUMNS "settings, is_default, disabled, secret <> ''"

Channel read_channel(const Query& row) {
    auto channel = from_column<Channel>(row.text(0));
    channel.is_default = row.integer(1) != 0;
    channel.disabled = row.text(2);
    channel.has_secret = row.integer(3) != 0;
    return channel;
}

}  // namespace

std::optional<Channel> UnitOfWork::find_channel(const core::UserId& user, const std::string& name) {
    Query row(db_, "SELECT " CHANNEL_COLUMNS " FROM channel WHERE user_id = ? AND name = ?",
              user.str(), name);
    if (!row.step()) return {};
    return read_channel(row);
}

std::optional<Channel> UnitOfWork::default_channel(const core::UserId& user) {
    Query row(db_, "SELECT " CHANNEL_COLUMNS " FROM channel WHERE user_id = ? AND is_default = 1",
              user.str());
    if (!row.step()) return {};
    return read_channel(row);
}

std::vector<Channel> UnitOfWork::list_channels(const core::UserId& user) {
    std::vector<Channel> channels;
    Query row(db_, "SELECT " CHANNEL_COLUMNS " FROM channel WHERE user_id = ? ORDER BY name",
              user.str());
    while (row.step()) channels.push_back(read_channel(row));
    return channels;
}

std::string UnitOfWork::channel_secret(const core::UserId& user, const std::string& name) {
    Query row(db_, "SELECT secret FROM channel WHERE user_id = ? AND name = ?", user.str(), name);
    return row.step() ? row.text(0) : "";
}

void UnitOfWork::put_channel(const core::UserId& user, const Channel& channel,
                             const std::string& secret) {
    const auto before = find_channel(user, channel.name);
    remember("channel", channel.name, before ? ipc::to_json(*before) : nlohmann::json());
    if (channel.is_default) {
        // One default per user: the flag moves.
        const auto other = default_channel(user);
        if (other && other->name != channel.name) {
            remember("channel", other->name, ipc::to_json(*other));
            Query(db_, "UPDATE channel SET is_default = 0 WHERE user_id = ? AND name = ?",
                  user.str(), other->name)
                .run();
        }
    }
    Query(db_, "INSERT OR REPLACE INTO channel VALUES (?, ?, ?, ?, ?, ?)", user.str(), channel.name,
          channel.is_default, ipc::to_json(channel).dump(), secret, channel.disabled)
        .run();
}

void UnitOfWork::disable_channel(const core::UserId& user, const Channel& channel,
                                 const std::string& why) {
    remember("channel", channel.name, ipc::to_json(channel));
    Query(db_, "UPDATE channel SET disabled = ?3 WHERE user_id = ?1 AND name = ?2", user.str(),
          channel.name, why)
        .run();
}

void UnitOfWork::erase_channel(const core::UserId& user, const Channel& channel) {
    remember("channel", channel.name, ipc::to_json(channel));
    Query(db_, "DELETE FROM channel WHERE user_id = ? AND name = ?", user.str(), channel.name)
        .run();
}

std::vector<ipc::ReminderDefault> UnitOfWork::reminder_defaults(const core::UserId& user) {
    std::vector<ipc::ReminderDefault> defaults;
    Query row(db_, "SELECT settings FROM reminder_default WHERE user_id = ? ORDER BY scope, name",
              user.str());
    while (row.step()) defaults.push_back(from_column<ipc::ReminderDefault>(row.text(0)));
    return defaults;
}

std::optional<ipc::ReminderDefault> UnitOfWork::find_reminder_default(const core::UserId& user,
                                                                      const std::string& scope,
                                                                      const std::string& name) {
    Query row(db_,
              "SELECT settings FROM reminder_default WHERE user_id = ? AND scope = ? AND name = ?",
              user.str(), scope, name);
    if (!row.step()) return {};
    return from_column<ipc::ReminderDefault>(row.text(0));
}

void UnitOfWork::put_reminder_default(const core::UserId& user, const ipc::ReminderDefault& value) {
    const auto before = find_reminder_default(user, value.scope, value.name);
    remember("reminder_default", value.scope + " " + value.name,
             before ? ipc::to_json(*before) : nlohmann::json());
    if (value.remind.empty())
        Query(db_, "DELETE FROM reminder_default WHERE user_id = ? AND scope = ? AND name = ?",
              user.str(), value.scope, value.name)
            .run();
    else
        Query(db_, "INSERT OR REPLACE INTO reminder_default VALUES (?, ?, ?, ?)", user.str(),
              value.scope, value.name, ipc::to_json(value).dump())
            .run();
}

}  // namespace taskd::daemon
