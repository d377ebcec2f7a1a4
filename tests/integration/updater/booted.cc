// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/updater/booted.h"

#include <cstdio>
#include <cstdlib>
#include <sys/mount.h>

namespace ballast::updater_test {
namespace {

namespace fs = std::filesystem;

Status bind(const fs::path &from, const fs::path &to) {
    return ::mount(from.c_str(), to.c_str(), nullptr, MS_BIND | MS_REC, nullptr) == 0
               ? Status()
               : fail_errno("bind " + from.string() + " to " + to.string());
}

// The deployment as "/", with programs and libraries of the build root below /usr.
Status enter(const World &world, const fs::path &deployment) {
    const fs::path root = world.root().parent_path() / "booted";
    TRY(make_directories(root));
    TRY(bind(deployment, root));
    TRY(bind(world.root(), root / "sysroot"));
    TRY(bind(world.root() / "boot", root / "boot"));
    TRY(bind("/usr", root / "usr"));
    TRY(bind("/proc", root / "proc"));
    TRY(bind("/dev", root / "dev"));
    if (::mount("none", (root / "run").c_str(), "tmpfs", 0, nullptr) != 0) {
        return fail_errno("mount /run");
    }
    TRY(write_file(root / "run/ostree-booted", ""));
    fs::copy_file(BALLAST_BOOT_ENTRIES, root / "run/boot-entries");
    ::setenv("OSTREE_GRUB2_EXEC", "/run/boot-entries", 1);
    if (::chroot(root.c_str()) != 0 || ::chdir("/") != 0) {
        return fail_errno("enter " + root.string());
    }
    return {};
}

} // namespace

int on_running(const World &world, const std::function<Status()> &act) {
    const fs::path deployment = must(world.open().deployments())[0].directory;
    return in_mount_namespace([&] {
        Status status = enter(world, deployment);
        status = status.has_value() ? act() : status;
        if (!status.has_value()) {
            (void)std::fprintf(stderr, "on the running system: %s\n", status.error().message.c_str());
        }
        return status.has_value() ? 0 : 1;
    });
}

} // namespace ballast::updater_test
