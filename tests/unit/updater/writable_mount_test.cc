// SPDX-License-Identifier: Apache-2.0
#include "updater/writable_mount.h"

#include <catch2/catch_test_macros.hpp>
#include <functional>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file_io.h"
#include "updater/boot_result.h"

namespace ballast::updater {
namespace {

namespace fs = std::filesystem;

// Runs `body` in a child with a mount namespace of its own; its return value is the exit code.
int in_namespace(const std::function<int()> &body) {
    const pid_t child = ::fork();
    if (child == 0) {
        if (::unshare(CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
            ::_exit(100);
        }
        ::_exit(body());
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 200;
}

TEST_CASE("a writable file system is left as it is", "[boot]") {
    const auto directory = TemporaryDirectory::create(fs::temp_directory_path(), "ballast-mount-").value();
    CHECK(WritableMount::acquire(directory.path()).has_value());
    CHECK_FALSE(WritableMount::acquire(directory.path() / "missing").has_value());
}

TEST_CASE("a good deployment is recorded on a read-only /boot, which everybody else keeps seeing read-only",
          "[boot][root]") {
    const auto directory = TemporaryDirectory::create(fs::temp_directory_path(), "ballast-mount-").value();
    const fs::path boot = directory.path() / "boot";
    REQUIRE(fs::create_directory(boot));
    const int status = in_namespace([&] {
        if (::mount("tmpfs", boot.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, "size=1m") != 0) {
            return 1;
        }
        fs::create_directory(boot / "grub2");
        const fs::path grubenv = boot / "grub2/grubenv";
        if (!record_good(grubenv, "a").has_value() ||
            ::mount(nullptr, boot.c_str(), nullptr, MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV, nullptr) != 0) {
            return 2;
        }
        const auto refused = record_good(grubenv, "b");
        if (refused.has_value() || refused.error().code != EROFS) {
            return 3;
        }
        // The program in a child: its parent is "everybody else".
        const int program = in_namespace([&] {
            const auto writable = WritableMount::acquire(grubenv.parent_path());
            return writable.has_value() && record_good(grubenv, "b").has_value() ? 0 : 10;
        });
        if (program != 0) {
            return program;
        }
        if (record_good(grubenv, "b").value_or(GoodRecord::kWritten) != GoodRecord::kAlreadyThere) {
            return 4;
        }
        const auto again = record_good(grubenv, "c");
        return !again.has_value() && again.error().code == EROFS ? 0 : 5;
    });
    CHECK(status == 0);
}

} // namespace
} // namespace ballast::updater
