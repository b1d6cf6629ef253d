// SPDX-License-Identifier: Apache-2.0
// Timer units and their services: how they are read, and what of them is kept.
#include "cli/timer_unit.h"

#include "core/text.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sys/stat.h>

using namespace taskd;
using cli::parse_unit_file;
using cli::read_timer;
using cli::unit_words;

namespace {

using Texts = std::vector<std::string>;

const cli::UnitCaller ada{"ada", "/home/ada", "/bin/bash", false};

class Folder {
public:
    std::string write(const std::string& name, const std::string& text) const {
        const auto path = folder_.path() + "/" + name;
        std::ofstream(path) << text;
        return path;
    }
    /// The only entry of a timer whose service has these lines.
    cli::TimerEntry entry(const std::string& service, const std::string& timer = "") const {
        write("a.service", "[Service]\nType=oneshot\n" + service + "\n");
        const auto entries =
            read_timer(write("a.timer", "[Timer]\nOnCalendar=daily\n" + timer + "\n"), ada);
        REQUIRE(entries.size() == 1);
        return entries[0];
    }
    std::string path() const { return folder_.path(); }

private:
    test::TempDir folder_;
};

Texts argv(const Folder& folder, const std::string& line) {
    const auto entry = folder.entry("ExecStart=" + line);
    CAPTURE(entry.problem);
    CHECK(entry.problem.empty());
    return entry.command.argv;
}

bool has(const Texts& texts, const std::string& part) {
    return std::any_of(texts.begin(), texts.end(), [&](const std::string& text) {
        return text.find(part) != std::string::npos;
    });
}

}  // namespace

TEST_CASE("units: sections, comments, lines that go on and repeated settings") {
    const auto unit = parse_unit_file("a.service",
                                      "# one\n[A]\nX = 1 \\\n# two\n; three\n   2\nX=3\n"
                                      "[B]\nX=4\nX=\nX=5\nY=a=b\nstray\n[A]\nZ=\\");
    REQUIRE(unit.settings.size() == 7);
    CHECK(unit.settings[0].value == "1     2");
    CHECK(unit.settings[0].line == 3);
    CHECK(unit.all("A", "X").size() == 2);
    CHECK(unit.all("B", "X").size() == 1);
    CHECK(unit.last("B", "X")->value == "5");
    CHECK(unit.last("B", "Y")->value == "a=b");
    CHECK_FALSE(unit.last("A", "Y"));
    CHECK(unit.stray_lines == std::vector<int>{13});
}

TEST_CASE("units: every beginning of a file is read or told of") {
    const std::string text =
        "[Service]\nExecStart=/bin/a \"b\\x41\" \\\n 'c'\nEnvironment=\"A=\\\"\"\n";
    for (std::size_t size = 0; size <= text.size(); ++size) {
        const auto command = cli::command_of(parse_unit_file("a", text.substr(0, size)), ada);
        CHECK((!command.argv.empty() || !command.problem.empty()));
    }
}

TEST_CASE("units: words with quotes and escapes") {
    const auto words = unit_words(R"(a "b c" 'd "e' f\s\x41\101\u00e9\\ "")");
    REQUIRE(words);
    REQUIRE(words->size() == 5);
    CHECK((*words)[1].text == "b c");
    CHECK((*words)[2].text == "d \"e");
    CHECK((*words)[3].text == "f AA\xc3\xa9\\");
    CHECK((*words)[4].text.empty());
    for (const char* text : {"a\"b\"", "\"a\"b", "\"a", "a\\", "\\q", "\\x0", "\\x00", "\\xff",
                             "\\ud800", "\\U00110000", "\\;x"}) {
        CAPTURE(text);
        CHECK_FALSE(unit_words(text));
    }
}

TEST_CASE("units: command lines as systemd.service(5) reads them") {
    const Folder folder;
    CHECK(argv(folder, "echo / >/dev/null & \\; ls") ==
          Texts{"echo", "/", ">/dev/null", "&", ";", "ls"});
    CHECK(argv(folder, "/bin/sh -c 'dmesg | tac' 100%% $$HOME") ==
          Texts{"/bin/sh", "-c", "dmesg | tac", "100%", "$HOME"});
    CHECK(argv(folder, ":/bin/echo $HOME") == Texts{"/bin/echo", "$HOME"});
    CHECK(argv(folder, "%h/bin/backup \\\n  --all") == Texts{"/home/ada/bin/backup", "--all"});
    CHECK(has(folder.entry("ExecStart=-/bin/true").notes, "prefix -"));
    for (const char* line :
         {"echo one ; echo two", "/bin/echo $HOME", "/bin/echo ${HOME}", "/bin/echo a$",
          "@/bin/a b", "+/bin/a", "!/bin/a", "!!/bin/a", "/bin/a %i", "/bin/a %", "bin/a", "-",
          "\"/bin/a", "/bin/$a b", "/bin/a \\x00"}) {
        CAPTURE(line);
        const auto entry = folder.entry(std::string("ExecStart=") + line);
        CHECK(entry.problem.find("a.service, line 3, ExecStart") == 0);
    }
}

TEST_CASE("units: what would run otherwise is refused, what limits it is told of") {
    const Folder folder;
    for (const char* line :
         {"ExecStart=/bin/b", "ExecStartPre=/bin/b", "ExecStopPost=/bin/b", "EnvironmentFile=/x",
          "User=bob", "Group=staff", "DynamicUser=yes", "RemainAfterExit=yes", "Type=notify",
          "StandardInput=tty", "RootDirectory=/x", "WorkingDirectory=-/x", "WorkingDirectory=%t",
          "Environment=A", "Environment=\"A=b", "Environment=A=%i"}) {
        CAPTURE(line);
        CHECK_FALSE(folder.entry(std::string("ExecStart=/bin/a\n") + line).problem.empty());
    }
    CHECK_FALSE(folder.entry("ExecStart=a\nEnvironment=PATH=/x").problem.empty());
    CHECK_FALSE(folder.entry("").problem.empty());
    const auto entry = folder.entry(
        "ExecStart=/bin/b\nExecStart=\nExecStart=/bin/a\nUser=ada\nWorkingDirectory=~\n"
        "Environment=\"A=b c\" D=$e\nEnvironment=F=%%\nNice=19\nPrivateTmp=yes\nDynamicUser=no");
    CHECK(entry.problem.empty());
    CHECK(entry.command.directory == "/home/ada");
    for (const char* variable : {"A=b c", "D=$e", "F=%", "USER=ada", "HOME=/home/ada"})
        CHECK(std::count(entry.command.environment.begin(), entry.command.environment.end(),
                         variable) == 1);
    CHECK(has(entry.notes, "Nice=, PrivateTmp="));
}

TEST_CASE("units: of the system, of a user, or of nobody that is known") {
    const test::TempDir root;
    const auto read = [&](const std::string& folder, bool is_root, const std::string& more = "") {
        std::filesystem::create_directories(root.path() + folder);
        const auto path = root.path() + folder + "/a.service";
        std::ofstream(path) << "[Service]\nExecStart=/bin/a\n" + more;
        auto caller = ada;
        caller.is_root = is_root;
        return cli::command_of(*cli::read_unit_file(path), caller);
    };
    CHECK(read("/systemd/user", false).directory == "/home/ada");
    CHECK(read("/systemd/user", false).notes.empty());
    CHECK(read("/systemd/system", false).problem.find("runs as root") != std::string::npos);
    CHECK(read("/systemd/system", false, "User=ada").directory == "/");
    CHECK(read("/systemd/system", true).directory == "/");
    CHECK(read("/units", true).directory == "/");
    CHECK(has(read("/units", false).notes, "runs as ada"));
    std::filesystem::create_directory_symlink(root.path() + "/systemd/system",
                                              root.path() + "/link");
    CHECK_FALSE(read("/link", false).problem.empty());
}

TEST_CASE("timers: their own settings") {
    const Folder folder;
    const std::string service = "ExecStart=/bin/a";
    CHECK(folder.entry(service, "Persistent=true").persistent);
    CHECK_FALSE(folder.entry(service).persistent);
    CHECK(folder.entry(service, "RandomizedDelaySec=1h 30min").jitter == std::chrono::minutes{90});
    CHECK(folder.entry(service, "RandomizedDelaySec=90").jitter == std::chrono::seconds{90});
    for (const char* span : {"2d", "infinity", "5 parsecs", "99999999999999999999", "-1"}) {
        const auto entry = folder.entry(service, std::string("RandomizedDelaySec=") + span);
        CHECK_FALSE(entry.jitter);
        CHECK(has(entry.notes, "RandomizedDelaySec="));
    }
    const auto entry = folder.entry(service,
                                    "OnBootSec=5\nOnUnitActiveSec=1h\nWakeSystem=true\n"
                                    "AccuracySec=1us\n[Unit]\nConditionACPower=true");
    for (const char* note :
         {"OnBootSec=5", "OnUnitActiveSec=1h", "WakeSystem=", "ConditionACPower="})
        CHECK(has(entry.notes, note));
    CHECK_FALSE(has(entry.notes, "AccuracySec"));
}

TEST_CASE("timers: each OnCalendar= since the last empty one is an entry") {
    const Folder folder;
    folder.write("b.service", "[Service]\nExecStart=/bin/b\n");
    const auto entries =
        read_timer(folder.write("a.timer",
                                "[Timer]\nOnCalendar=daily\nOnBootSec=\nOnCalendar=weekly\n"
                                "OnCalendar=*:0/5\nUnit=b.service\n"),
                   ada);
    REQUIRE(entries.size() == 2);
    CHECK(entries[0].schedule == "weekly");
    CHECK(entries[0].text == "OnCalendar=weekly ExecStart=/bin/b");
    CHECK(entries[1].line == 5);
    CHECK(entries[1].command.argv == Texts{"/bin/b"});
}

TEST_CASE("timers: what can't be read is told of, and keeps nothing waiting") {
    const Folder folder;
    const auto problem = [&](const std::string& path) {
        const auto entries = read_timer(path, ada);
        REQUIRE(entries.size() == 1);
        CHECK_FALSE(entries[0].problem.empty());
        return entries[0].problem;
    };
    CHECK(problem(folder.write("boot.timer", "[Timer]\nOnBootSec=5min\n")).find("OnBootSec") !=
          std::string::npos);
    CHECK(problem(folder.write("alone.timer", "[Timer]\nOnCalendar=daily\n"))
              .find("alone.service, which is not beside it") != std::string::npos);
    for (const char* unit : {"x.target", "../x.service", ".service", "%p.service"})
        problem(folder.write("u.timer", std::string("[Timer]\nOnCalendar=daily\nUnit=") + unit));
    problem(folder.write("t@.timer", "[Timer]\nOnCalendar=daily\n"));
    problem(folder.write("binary.timer", "\xff\xfe"));
    problem(folder.write("empty.timer", ""));
    problem(folder.write("long.timer", std::string(cli::unit_bytes_max + 1, 'x')));
    REQUIRE(mkfifo((folder.path() + "/pipe.timer").c_str(), 0600) == 0);
    problem(folder.path() + "/pipe.timer");
    folder.write("many.service", "[Service]\nExecStart=/bin/a\n");
    std::string many = "[Timer]\n";
    for (int i = 0; i < 1000; ++i) many += "OnCalendar=daily\n";
    CHECK(read_timer(folder.write("many.timer", many), ada).size() == cli::timer_schedules_max + 1);
}

TEST_CASE("timers: a folder gives its timers in order") {
    const Folder folder;
    folder.write("b.timer", "");
    folder.write("a.timer", "");
    folder.write("a.service", "");
    const auto files = cli::timer_files(folder.path());
    REQUIRE(files);
    CHECK(*files == Texts{folder.path() + "/a.timer", folder.path() + "/b.timer"});
    CHECK(cli::timer_files(folder.path() + "/a.timer")->size() == 1);
    CHECK_FALSE(cli::timer_files(folder.path() + "/a.service"));
    CHECK_FALSE(cli::timer_files(folder.path() + "/none"));
}
