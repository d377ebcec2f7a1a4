// SPDX-License-Identifier: Apache-2.0
#include "tests/vm/machine.h"

#include <catch2/catch_test_macros.hpp>
#include <chrono>
#include <iostream>
#include <sys/stat.h>

#include "base/file_io.h"
#include "tests/vm/image_under_test.h"
#include "tests/vm/test_logs.h"

using namespace ballast;
using namespace ballast::vm;
namespace fs = std::filesystem;
using std::chrono::steady_clock;

namespace {

MachineOptions options(const std::string &logs = "") {
    MachineOptions made = image_under_test();
    made.log_directory = test_log_directory() / logs;
    return made;
}

// The value, or a failed test with the message.
template <typename T>
T need(Result<T> result) {
    if (!result.has_value()) {
        FAIL(result.error().message);
    }
    return std::move(*result);
}

void need(const Status &status) {
    if (!status.has_value()) {
        FAIL(status.error().message);
    }
}

TemporaryDirectory scratch() { return need(TemporaryDirectory::create("/tmp", "machine-test-")); }

std::string seconds_since(steady_clock::time_point start) {
    const auto passed = std::chrono::duration<double>(steady_clock::now() - start).count();
    return std::to_string(passed).substr(0, 4) + " s";
}

} // namespace

TEST_CASE("a command's status, output and errors come back", "[vm]") {
    Machine machine = need(Machine::from_snapshot(options()));
    const Completed completed = need(machine.run("echo out; echo err >&2; exit 7"));
    CHECK(completed.status == 7);
    CHECK(completed.output == "out\n");
    CHECK(completed.errors == "err\n");
    CHECK(need(machine.run("exit 255")).status == 255); // the command's own, though ssh has the same for its failures
    CHECK(need(machine.run_checked("id -u")) == "0\n");
    CHECK(need(machine.run("head -c 1000000 /dev/zero | tr '\\0' x")).output == std::string(1'000'000, 'x'));
    const auto refused = machine.run_checked("echo why >&2; false");
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().message.contains("why"));
    const auto late = machine.run("sleep 60", std::chrono::milliseconds(500));
    REQUIRE_FALSE(late.has_value());
    CHECK(late.error().code == ETIMEDOUT);
    CHECK(need(machine.run_checked("cat /proc/sys/kernel/random/boot_id")) == machine.boot_id() + "\n");
}

TEST_CASE("a machine from the snapshot is there in about a second, with the right time", "[vm]") {
    {
        const Machine made = need(Machine::from_snapshot(options()));
    } // once, so that the next is a start alone
    const auto start = steady_clock::now();
    Machine machine = need(Machine::from_snapshot(options()));
    const std::string started = seconds_since(start);
    need(machine.run_checked("true"));
    std::cout << "from snapshot: ready after " << started << ", first command after " << seconds_since(start) << "\n";
    const auto second = steady_clock::now();
    const long long theirs = std::stoll(need(machine.run_checked("date +%s%3N")));
    std::cout << "a further command: " << seconds_since(second) << "\n";
    const auto ours =
        std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
            .count();
    CHECK(std::llabs(ours - theirs) < 3000);
    CHECK(std::chrono::steady_clock::now() - start <
          std::chrono::seconds(20)); // far below any boot, on a busy host too
}

TEST_CASE("two machines from one snapshot run side by side and share no disk", "[vm]") {
    Machine one = need(Machine::from_snapshot(options("one")));
    Machine two = need(Machine::from_snapshot(options("two")));
    need(one.run_checked("echo one >/var/tmp/mine; sync"));
    CHECK(need(two.run("test -e /var/tmp/mine")).status == 1);
    need(two.run_checked("echo two >/var/tmp/mine; sync"));
    CHECK(need(one.run_checked("cat /var/tmp/mine")) == "one\n");
    CHECK(need(one.port(22)) != need(two.port(22)));
    const std::string random = "head -c 16 /dev/urandom | od -An -tx1";
    CHECK(need(one.run_checked(random)) != need(two.run_checked(random)));
    need(one.cut_power()); // the other one does not care
    CHECK(need(two.run_checked("cat /var/tmp/mine")) == "two\n");
}

TEST_CASE("files and directories are copied both ways with their modes", "[vm]") {
    Machine machine = need(Machine::from_snapshot(options()));
    const TemporaryDirectory here = scratch();
    const std::string bytes("a\0b\xff\n", 5);
    need(make_directories(here.path() / "in/sub dir"));
    need(write_file(here.path() / "in/it's", bytes, 0640));
    need(write_file(here.path() / "in/sub dir/run", "#!/bin/sh\necho ran\n", 0755));
    fs::create_symlink("it's", here.path() / "in/link");

    need(machine.copy_in(here.path() / "in/sub dir/run", "/var/tmp/new dir/program"));
    CHECK(need(machine.run_checked("'/var/tmp/new dir/program'")) == "ran\n");
    need(machine.copy_in(here.path() / "in", "/var/tmp/tree"));
    CHECK(need(machine.run_checked("stat -c '%a %U' \"/var/tmp/tree/it's\"")) == "640 root\n");
    CHECK(need(machine.run_checked("readlink /var/tmp/tree/link")) == "it's\n");

    need(machine.copy_out("/var/tmp/tree", here.path() / "out"));
    CHECK(need(read_file(here.path() / "out/it's")) == bytes);
    CHECK(fs::is_symlink(here.path() / "out/link"));
    need(machine.copy_out("/var/tmp/new dir/program", here.path() / "single/file"));
    struct stat status{};
    REQUIRE(stat((here.path() / "single/file").c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0755);
    CHECK_FALSE(machine.copy_in(here.path() / "none", "/var/tmp/none").has_value());
    CHECK_FALSE(machine.copy_out("/none", here.path() / "none").has_value());
    CHECK_FALSE(machine.copy_in(here.path() / "in", "/proc/none").has_value());
}

TEST_CASE("a reboot ends with a new boot id and the same disk", "[vm]") {
    Machine machine = need(Machine::from_snapshot(options()));
    need(machine.run_checked("echo kept >/var/tmp/kept"));
    const std::string before = machine.boot_id();
    need(machine.reboot());
    CHECK(machine.boot_id() != before);
    CHECK(need(machine.run_checked("cat /proc/sys/kernel/random/boot_id")) == machine.boot_id() + "\n");
    CHECK(need(machine.run_checked("cat /var/tmp/kept")) == "kept\n");
}

TEST_CASE("what was synced before a power cut is there after it", "[vm]") {
    Machine machine = need(Machine::from_snapshot(options()));
    const std::string before = machine.boot_id();
    need(machine.run_checked("head -c 3000000 /dev/urandom >/var/tmp/synced; sync; "
                             "sha256sum /var/tmp/synced >/var/tmp/sum; sync; echo gone >/run/gone"));
    need(machine.cut_power());
    const auto off = machine.run("true");
    REQUIRE_FALSE(off.has_value());
    CHECK(off.error().message.contains("power is off"));
    need(machine.power_on());
    CHECK(machine.boot_id() != before);
    CHECK(need(machine.run("sha256sum -c /var/tmp/sum")).status == 0);
    CHECK(need(machine.run("test -e /run/gone")).status == 1);
    CHECK_FALSE(machine.power_on().has_value());
    need(machine.shutdown());
    CHECK_FALSE(machine.run("true").has_value());
}

TEST_CASE("disks come and go while the machine runs", "[vm]") {
    Machine machine = need(Machine::from_snapshot(options()));
    const TemporaryDirectory here = scratch();
    need(write_file(here.path() / "disk", "marker" + std::string((1 << 20) - 6, '\0')));
    for (const char *round : {"first", "second"}) {
        INFO(round);
        const std::string device = need(machine.attach_disk(here.path() / "disk", "data"));
        CHECK(device == "/dev/disk/by-id/virtio-data");
        CHECK(need(machine.run_checked("head -c 6 " + device)) == "marker");
        CHECK_FALSE(machine.attach_disk(here.path() / "disk", "data").has_value());
        need(machine.run_checked("printf guest | dd of=" + device + " bs=1 seek=512 conv=fsync 2>&1"));
        need(machine.detach_disk("data"));
        CHECK(need(machine.run("test -e " + device)).status == 1);
    }
    CHECK(need(read_file(here.path() / "disk")).substr(512, 5) == "guest");
    CHECK_FALSE(machine.detach_disk("data").has_value());
}

TEST_CASE("the guest fetches files that we serve", "[vm]") {
    Machine machine = need(Machine::from_snapshot(options()));
    const TemporaryDirectory here = scratch();
    const std::string content(200'000, 'c');
    need(write_file(here.path() / "file", content));
    const std::string url = need(machine.serve(here.path()));
    CHECK(url.starts_with("http://10.0.2.2:"));
    // Not by curl: the image has no such tool. bash opens TCP connections by itself.
    const std::string address = url.substr(7);
    const std::string host = address.substr(0, address.find(':'));
    const std::string port = address.substr(address.find(':') + 1);
    const std::string answer = need(machine.run_checked("exec 3<>/dev/tcp/" + host + "/" + port +
                                                        " && printf 'GET /file HTTP/1.0\\r\\n\\r\\n' >&3 && cat <&3"));
    CHECK(answer.contains(" 200 OK"));
    CHECK(answer.ends_with("\r\n\r\n" + content));
}

TEST_CASE("a guest that dies ends the command with its serial log", "[vm]") {
    Machine machine = need(Machine::from_snapshot(options()));
    need(machine.run_checked("echo last words >/dev/ttyS0"));
    const auto dead = machine.run("echo 1 >/proc/sys/kernel/sysrq; echo o >/proc/sysrq-trigger; sleep 60");
    REQUIRE_FALSE(dead.has_value());
    CHECK(dead.error().message.contains("last words"));
    CHECK(dead.error().message.contains(machine.serial_log().string()));
}

TEST_CASE("a machine that cannot boot says so with its serial log", "[vm]") {
    MachineOptions broken = options();
    broken.direct_kernel = DirectKernel{"/dev/null", "", ""};
    const auto none = Machine::boot(broken);
    REQUIRE_FALSE(none.has_value());
    CHECK(none.error().message.starts_with("start QEMU"));
    CHECK(none.error().message.contains("/dev/null"));

    const TemporaryDirectory here = scratch();
    MachineOptions empty = image_under_test();
    empty.direct_kernel.reset();
    empty.image = here.path() / "empty";
    empty.ready_timeout = std::chrono::seconds(8);
    need(write_file(empty.image, std::string(1 << 20, '\0')));
    const auto never = Machine::boot(empty);
    REQUIRE_FALSE(never.has_value());
    CHECK(never.error().code == ETIMEDOUT);
    CHECK(never.error().message.contains("not ready after 8 s"));
    CHECK_FALSE(Machine::boot(MachineOptions{.image = here.path() / "no such image"}).has_value());
}

TEST_CASE("a fresh boot is its own machine with a bigger disk and forwarded ports", "[vm]") {
    MachineOptions fresh = options();
    fresh.disk_size = 20ULL << 30;
    fresh.forwarded_ports = {2376};
    fresh.console_login = true;
    const auto start = steady_clock::now();
    Machine machine = need(Machine::boot(fresh));
    std::cout << "fresh boot: ready after " << seconds_since(start) << "\n";
    CHECK(need(machine.run_checked("cat /sys/block/vda/size")) == std::to_string((20ULL << 30) / 512) + "\n");
    CHECK(need(machine.port(2376)) != 0);
    CHECK_FALSE(machine.port(80).has_value());
    CHECK(need(machine.run_checked("systemctl is-active serial-getty@ttyS0.service")) == "active\n");
}
