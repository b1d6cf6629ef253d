// SPDX-License-Identifier: Apache-2.0
#include "daemon/outbound/unit_message.h"

#include "core/text.h"

#include <systemd/sd-bus.h>

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace taskd::daemon {
namespace {

constexpr std::size_t description_bytes_max = 200;  // a line of systemctl

std::string text_of(const char* text) {
    return text == nullptr ? "" : text;
}

/// Appends to a message until something fails.
class Writer {
public:
    explicit Writer(sd_bus_message* message) : message_(message) {}

    template <class... Values>
    void add(const char* types, Values... values) {
        if (result_ >= 0) result_ = sd_bus_message_append(message_, types, values...);
    }
    template <class Inside>
    void container(char type, const char* types, Inside inside) {
        if (result_ >= 0) result_ = sd_bus_message_open_container(message_, type, types);
        inside();
        if (result_ >= 0) result_ = sd_bus_message_close_container(message_);
    }
    void list(const std::vector<std::string>& texts) {
        container(SD_BUS_TYPE_ARRAY, "s", [&] {
            for (const auto& text : texts) add("s", text.c_str());
        });
    }
    template <class Inside>
    void property(const char* name, const char* type, Inside inside) {
        container(SD_BUS_TYPE_STRUCT, "sv", [&] {
            add("s", name);
            container(SD_BUS_TYPE_VARIANT, type, inside);
        });
    }
    template <class Value>
    void set(const char* name, const char* type, Value value) {
        property(name, type, [&] { add(type, value); });
    }
    [[nodiscard]] int result() const { return result_; }

private:
    sd_bus_message* message_;
    int result_ = 0;
};

/// A line, as the unit's file and who lists it want one.
std::string one_line(std::string text) {
    for (char& c : text)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
    return core::clipped(text, description_bytes_max);
}

void set_program(Writer& writer, const NewUnit& unit) {
    // Of what systemd does with a command line nothing is wanted, hence the Ex.
    writer.property("ExecStartEx", "a(sasas)", [&] {
        writer.container(SD_BUS_TYPE_ARRAY, "(sasas)", [&] {
            writer.container(SD_BUS_TYPE_STRUCT, "sasas", [&] {
                writer.add("s", unit.file.c_str());
                writer.list(unit.program.argv);
                writer.list({"no-env-expand"});
            });
        });
    });
    writer.property("Environment", "as", [&] { writer.list(unit.program.environment); });
    writer.set("WorkingDirectory", "s", unit.program.directory.c_str());
    if (unit.input >= 0) writer.set("StandardInputFileDescriptor", "h", unit.input);
    writer.set("StandardOutputFileDescriptor", "h", unit.output);
    writer.set("StandardErrorFileDescriptor", "h", unit.output);
}

/// As a program is that the daemon starts itself: the same signals, and files for nobody else.
void set_manners(Writer& writer) {
    writer.set("IgnoreSIGPIPE", "b", 0);
    writer.set("UMask", "u", std::uint32_t{077});
    writer.set("KillMode", "s", "control-group");
    const auto grace = std::chrono::microseconds{kill_after}.count();
    writer.set("TimeoutStopUSec", "t", static_cast<std::uint64_t>(grace));
}

}  // namespace

int append_unit(sd_bus_message* message, const NewUnit& unit, bool as_us) {
    Writer writer(message);
    writer.add("ss", unit.name.c_str(), "fail");
    writer.container(SD_BUS_TYPE_ARRAY, "(sv)", [&] {
        writer.set("Description", "s", one_line(unit.description).c_str());
        // Its job ends well once the program itself has begun, and not before.
        writer.set("Type", "s", "exec");
        // It stays for us to read how it ended, and for nobody else.
        writer.set("AddRef", "b", 1);
        writer.set("CollectMode", "s", "inactive-or-failed");
        if (as_us) {
            writer.set("User", "s", std::to_string(geteuid()).c_str());
            writer.set("Group", "s", std::to_string(getegid()).c_str());
        }
        set_program(writer, unit);
        set_manners(writer);
    });
    writer.container(SD_BUS_TYPE_ARRAY, "(sa(sv))", [] {});  // no other units
    return writer.result();
}

std::optional<int> read_status(sd_bus_message* message) {
    std::int32_t code = 0;
    std::int32_t status = 0;
    int result = sd_bus_message_enter_container(message, SD_BUS_TYPE_ARRAY, "{sv}");
    while (result >= 0 &&
           (result = sd_bus_message_enter_container(message, SD_BUS_TYPE_DICT_ENTRY, "sv")) > 0) {
        const char* name = nullptr;
        result = sd_bus_message_read_basic(message, SD_BUS_TYPE_STRING, &name);
        if (result < 0) break;
        std::int32_t* const into = std::strcmp(name, "ExecMainCode") == 0     ? &code
                                   : std::strcmp(name, "ExecMainStatus") == 0 ? &status
                                                                              : nullptr;
        result = into != nullptr ? sd_bus_message_read(message, "v", "i", into)
                                 : sd_bus_message_skip(message, "v");
        if (result >= 0) result = sd_bus_message_exit_container(message);
    }
    if (result < 0 || code == 0) return {};
    return code == CLD_EXITED ? W_EXITCODE(status, 0) : W_EXITCODE(0, status);
}

bool is_error(sd_bus_message* message, const char* name) {
    return sd_bus_message_is_method_error(message, name) > 0;
}

std::string error_of(sd_bus_message* message) {
    const auto* const error = sd_bus_message_get_error(message);
    return text_of(error->name) + ": " + text_of(error->message);
}

std::string sender_of(sd_bus_message* message) {
    return text_of(sd_bus_message_get_sender(message));
}

}  // namespace taskd::daemon
