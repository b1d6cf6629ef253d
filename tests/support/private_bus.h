// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tests/support/child.h"
#include "tests/support/temp_dir.h"

#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

namespace taskd::test {

/// A bus of this test alone.
class Bus {
public:
    explicit Bus(const std::string& more = "") : config_(directory_.path() + "/bus.conf") {
        std::filesystem::create_directory(services());
        std::ofstream(config_) << "<busconfig><type>session</type><listen>unix:path=" << path()
                               << "</listen><auth>EXTERNAL</auth><servicedir>" << services()
                               << "</servicedir><policy context=\"default\">"
                                  "<allow send_destination=\"*\" eavesdrop=\"true\"/>"
                                  "<allow eavesdrop=\"true\"/><allow own=\"*\"/></policy>"
                               << more << "</busconfig>";
        start();
    }

    void start() {
        // Its one complaint is that it can't raise its limit of descriptors.
        child_.emplace(
            std::vector<std::string>{"/bin/sh", "-c",
                                     "exec /usr/bin/dbus-daemon --config-file=\"$0\" --nofork "
                                     "--nopidfile --print-address=1 2>\"$0.log\"",
                                     config_});
        child_->read_line();
    }
    void stop() {
        child_.reset();
        std::filesystem::remove(path());
    }
    /// Ends a bus that is there and starts another in its place.
    void restart() {
        stop();
        start();
    }
    [[nodiscard]] std::string path() const { return directory_.path() + "/bus"; }
    [[nodiscard]] std::string address() const { return "unix:path=" + path(); }
    [[nodiscard]] std::string services() const { return directory_.path() + "/services"; }
    [[nodiscard]] const Child& child() const { return *child_; }

private:
    TempDir directory_;
    std::string config_;
    std::optional<Child> child_;
};

}  // namespace taskd::test
