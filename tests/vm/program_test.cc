// SPDX-License-Identifier: Apache-2.0
// ballast-vm as a person runs it.
#include <catch2/catch_test_macros.hpp>
#include <csignal>
#include <filesystem>
#include <functional>
#include <thread>

#include "base/file_io.h"
#include "base/subprocess.h"
#include "tests/vm/image_under_test.h"
#include "tests/vm/scratch.h"

using namespace ballast;
using namespace ballast::vm;
namespace fs = std::filesystem;

namespace {

struct Program {
    TemporaryDirectory output = std::move(*TemporaryDirectory::create("/tmp", "vm-program-"));
    MachineOptions image = image_under_test();

    Command command(const std::string &verb, const std::vector<std::string> &words) const {
        Command command{.arguments = {BALLAST_VM_PROGRAM, verb, "--output", output.path().string(), "--cpus",
                                      std::to_string(image.cpus)},
                        .environment = {{"BALLAST_IMAGE", image.image.string()}},
                        .timeout = std::chrono::minutes(15)};
        if (image.direct_kernel) {
            command.arguments.insert(command.arguments.end(), {"--kernel", image.direct_kernel->kernel.string(),
                                                               "--initrd", image.direct_kernel->initrd.string(),
                                                               "--append", image.direct_kernel->command_line});
        }
        command.arguments.insert(command.arguments.end(), words.begin(), words.end());
        return command;
    }
    Completed run(const std::string &verb, const std::vector<std::string> &words) const {
        auto completed = ballast::run(command(verb, words));
        REQUIRE(completed.has_value());
        return std::move(*completed);
    }
    // The directories of machines that are running or were left behind.
    std::size_t machines() const {
        std::error_code none;
        const fs::directory_iterator found(output.path() / "vm", none);
        return none ? 0 : static_cast<std::size_t>(std::distance(found, fs::directory_iterator()));
    }
};

// Whether a process has `text` among its arguments.
bool runs_with(const std::string &text) {
    for (const fs::directory_entry &entry : fs::directory_iterator("/proc")) {
        if (read_file(entry.path() / "cmdline").value_or("").contains(text)) {
            return true;
        }
    }
    return false;
}

bool eventually(const std::function<bool()> &condition) {
    for (int i = 0; i < 300 && !condition(); ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    return condition();
}

std::string field(const std::string &text, const std::string &name) {
    const std::size_t at = text.find("\n" + name + ":");
    REQUIRE(at != std::string::npos);
    const std::size_t start = text.find_first_not_of(' ', at + name.size() + 2);
    return text.substr(start, text.find_first_of(" \n", start) - start);
}

} // namespace

TEST_CASE_METHOD(Program, "vm run passes on output and status", "[vm]") {
    const Completed completed = run("run", {"--", "echo out; echo err >&2; exit 3"});
    INFO(completed.errors);
    CHECK(completed.status == 3);
    CHECK(completed.output == "out\n");
    CHECK(completed.errors == "err\n");
    CHECK(run("run", {"--", "printf", "%s.", "two words", "$HOME"}).output == "two words.$HOME.");
}

TEST_CASE_METHOD(Program, "vm run tells what it cannot do in one line", "[vm]") {
    const Completed missing = run("run", {"--image", "/no/such/image", "--", "true"});
    CHECK(missing.status == 125);
    CHECK(missing.errors.starts_with("ballast-vm: no image /no/such/image; "));
    CHECK(run("run", {}).status != 0);
    CHECK(run("run", {"--bios", "--uefi", "--", "true"}).status != 0);
}

TEST_CASE_METHOD(Program, "a detached machine answers until it is stopped, and leaves nothing", "[vm]") {
    const Completed booted = run("boot", {"--detach"});
    INFO(booted.output << booted.errors);
    REQUIRE(booted.status == 0);
    CHECK(std::stoi(field(booted.output, "API port")) > 0);
    CHECK(machines() == 1);
    std::string login = booted.output.substr(booted.output.find("ssh "));
    login = login.substr(0, login.find('\n'));
    const auto said = run_checked({.arguments = {"sh", "-c", login + " -o BatchMode=yes echo hello"}});
    REQUIRE(said.has_value());
    CHECK(*said == "hello\n");

    const pid_t pid = std::stoi(field(booted.output, "pid"));
    REQUIRE(kill(pid, SIGTERM) == 0);
    CHECK(eventually([this] { return machines() == 0; }));
    CHECK_FALSE(ballast::run({.arguments = {"sh", "-c", login + " -o BatchMode=yes true"}})->status == 0);
}

TEST_CASE_METHOD(Program, "the console logs root in by itself, takes commands and quits by ctrl-a x", "[vm]") {
    // A person in front of it: waits for the prompt after the login, types, reads the answer, quits.
    constexpr const char *kPerson = R"(
        coproc VM { "$@"; }
        in=${VM[0]} out=${VM[1]} pid=$VM_PID step=login
        while IFS= read -r -t 600 -d '#' -u "$in" text; do
            printf '%s#' "$text"
            case $step in
            login) [[ $text == *'automatic login'* ]] && step=answer && printf 'echo answer-$((6*7))\r' >&"$out" ;;
            answer) [[ $text == *answer-42* ]] && step=quit && printf '\001x' >&"$out" ;;
            esac
        done
        wait "$pid" && [[ $step == quit ]])";
    Command boot = command("boot", {});
    boot.arguments.insert(boot.arguments.begin(), {"bash", "-c", kPerson, "person"});
    const auto completed = ballast::run(boot);
    INFO(completed.error_or(Error{}).message);
    REQUIRE(completed.has_value());
    INFO(completed->output << completed->errors);
    CHECK(completed->status == 0);
    CHECK(machines() == 0);
}

TEST_CASE_METHOD(Program, "an interrupted machine leaves no process and no file", "[vm]") {
    Command boot = command("boot", {});
    boot.timeout.reset(); // of a program left running, wait() has it
    boot.log = output.path() / "said";
    auto child = Child::start(boot);
    INFO(child.error_or(Error{}).message);
    REQUIRE(child.has_value());
    const std::string overlay = (output.path() / "vm").string() + "/";
    REQUIRE(eventually([&] { return runs_with("path=" + overlay); }));
    REQUIRE(child->signal(SIGINT).has_value());
    CHECK(child->wait(std::chrono::seconds(30)).value_or(-1) == 128 + SIGINT);
    CHECK_FALSE(runs_with("path=" + overlay));
    CHECK(machines() == 0);
    CHECK(fs::is_empty(output.path() / "vm-logs"));
}

TEST_CASE_METHOD(Program, "a killed program takes its machine along, and the next one sweeps", "[vm]") {
    Command boot = command("boot", {});
    boot.timeout.reset(); // of a program left running, wait() has it
    boot.log = output.path() / "said";
    auto child = Child::start(boot);
    INFO(child.error_or(Error{}).message);
    REQUIRE(child.has_value());
    const std::string overlay = (output.path() / "vm").string() + "/";
    REQUIRE(eventually([&] { return runs_with("path=" + overlay); }));
    REQUIRE(child->signal(SIGKILL).has_value());
    CHECK(eventually([&] { return !runs_with("path=" + overlay); }));
    CHECK(machines() == 1);
    Scratch::sweep(output.path() / "vm");
    CHECK(machines() == 0);
}
