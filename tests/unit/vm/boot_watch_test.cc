// SPDX-License-Identifier: Apache-2.0
#include "tests/vm/boot_watch.h"

#include <catch2/catch_test_macros.hpp>
#include <csignal>
#include <fcntl.h>
#include <functional>
#include <thread>

#include "base/file_io.h"
#include "base/subprocess.h"

using namespace ballast;
using namespace ballast::vm;
using std::chrono::milliseconds;

namespace {

struct Guest {
    TemporaryDirectory directory = std::move(*TemporaryDirectory::create("/tmp", "watch-test-"));
    BootWatch watch{.ready = directory.path() / "ready",
                    .serial_log = directory.path() / "serial.log",
                    .serial_offset = 0,
                    .not_boot_id = "",
                    .panic_is_fatal = true};
    Child qemu = std::move(*Child::start({.arguments = {"sleep", "60"}})); // anything with a pid

    Guest() {
        REQUIRE(write_file(watch.ready, "").has_value());
        REQUIRE(write_file(watch.serial_log, "").has_value());
    }
    static void append(const std::filesystem::path &file, std::string_view text) {
        const auto fd = open_file(file, O_WRONLY | O_APPEND);
        REQUIRE(fd.has_value());
        REQUIRE(write_all(*fd, text).has_value());
    }
    // Waits while `events` happen in another thread.
    Result<std::string> wait_during(const std::function<void()> &events, milliseconds timeout = milliseconds(5000)) {
        std::thread thread([&events] {
            std::this_thread::sleep_for(milliseconds(30));
            events();
        });
        Result<std::string> result = wait_for_boot(watch, qemu.pidfd(), timeout);
        thread.join();
        return result;
    }
};

} // namespace

TEST_CASE("the last line is one that has its end", "[vm]") {
    CHECK(last_line("").empty());
    CHECK(last_line("half").empty());
    CHECK(last_line("one\n") == "one");
    CHECK(last_line("one\ntwo\nhal") == "two");
    CHECK(last_line("\n").empty());
}

TEST_CASE_METHOD(Guest, "a boot id that is already there is taken at once", "[vm]") {
    append(watch.ready, "id-1\n");
    CHECK(wait_for_boot(watch, qemu.pidfd(), milliseconds(0)).value_or("") == "id-1");
}

TEST_CASE_METHOD(Guest, "the wait ends with the whole line of a new boot, not of the old one", "[vm]") {
    append(watch.ready, "id-1\n");
    watch.not_boot_id = "id-1";
    const auto id = wait_during([this] {
        append(watch.ready, "id");
        std::this_thread::sleep_for(milliseconds(20));
        append(watch.ready, "-2\n");
    });
    CHECK(id.value_or("") == "id-2");
}

TEST_CASE_METHOD(Guest, "a panic ends the wait with the end of the serial log", "[vm]") {
    append(watch.serial_log, "Kernel panic - not syncing: of the boot before\n");
    watch.serial_offset = std::filesystem::file_size(watch.serial_log);
    const auto id = wait_during([this] {
        append(watch.serial_log, "[    1.0] Kernel panic - not ");
        std::this_thread::sleep_for(milliseconds(20)); // the marker comes in two pieces
        append(watch.serial_log, "syncing: VFS: Unable to mount root fs\r\n");
    });
    REQUIRE_FALSE(id.has_value());
    CHECK(id.error().code == ENOTRECOVERABLE);
    CHECK(id.error().message.starts_with("the guest's kernel panicked: VFS: Unable to mount root fs; last lines"));
    CHECK(id.error().message.contains(watch.serial_log.string()));
}

TEST_CASE_METHOD(Guest, "a timer that a busy host starved is told apart from a real panic", "[vm]") {
    watch.panic_is_fatal = false; // such a panic is never what a test is about
    append(watch.serial_log, "Kernel panic - not syncing: IO-APIC + timer doesn't work!  Boot with apic=debug\r\n");
    CHECK(wait_for_boot(watch, qemu.pidfd(), milliseconds(0)).error().code == EAGAIN);
}

TEST_CASE_METHOD(Guest, "a test of panics waits for what comes after", "[vm]") {
    watch.panic_is_fatal = false;
    const auto id = wait_during([this] {
        append(watch.serial_log, "Kernel panic - not syncing: wanted\n");
        append(watch.ready, "id-1\n");
    });
    CHECK(id.value_or("") == "id-1");
}

TEST_CASE_METHOD(Guest, "the end of QEMU and of patience are different errors", "[vm]") {
    const auto late = wait_for_boot(watch, qemu.pidfd(), milliseconds(20));
    REQUIRE_FALSE(late.has_value());
    CHECK(late.error().code == ETIMEDOUT);
    CHECK(late.error().message.contains("nothing in " + watch.serial_log.string()));
    const auto dead = wait_during([this] { (void)qemu.signal(SIGKILL); });
    REQUIRE_FALSE(dead.has_value());
    CHECK(dead.error().code == ECHILD);
}

TEST_CASE_METHOD(Guest, "a serial tail is the last lines, without control characters", "[vm]") {
    for (int i = 0; i < 100; ++i) {
        append(watch.serial_log, "line " + std::to_string(i) + "\x1b[0m\r\n");
    }
    const std::string tail = serial_tail(watch.serial_log);
    CHECK(tail.contains("\n    line 99[0m"));
    CHECK_FALSE(tail.contains("line 70"));
    CHECK_FALSE(tail.contains('\x1b'));
}
