// SPDX-License-Identifier: Apache-2.0
#include "boot/root_options.h"

#include <catch2/catch_test_macros.hpp>

#include "tests/unit/check.h"

namespace ballast::boot {
namespace {

TEST_CASE("what an installed system's command line says is read", "[boot]") {
    const RootOptions options = must(parse_root_options(
        "BOOT_IMAGE=/vmlinuz rw root=LABEL=root console=ttyS0,115200n8 quiet ostree=/ostree/boot.1/ballast/ab/0\n"));
    CHECK(options.root == "LABEL=root");
    CHECK_FALSE(options.read_only);
    CHECK(options.deployment);
    CHECK(options.init == "/sbin/init");
    CHECK(options.type.empty());
    CHECK(options.flags.empty());
    CHECK(options.check == FileSystemCheck::kAuto);
    CHECK(options.wait == std::chrono::seconds(90));
}

TEST_CASE("the last word on a thing counts, and quotes hold words together", "[boot]") {
    const RootOptions options = must(parse_root_options("root=/dev/vda root=\"LABEL=my root\" rw ro rootfstype=ext4 "
                                                        "rootflags=data=journal,nodelalloc init=/bin/sh rd.timeout=7 "
                                                        "fsck.mode=skip fsck.mode=force"));
    CHECK(options.root == "LABEL=my root");
    CHECK(options.read_only);
    CHECK_FALSE(options.deployment);
    CHECK(options.type == "ext4");
    CHECK(options.flags == "data=journal,nodelalloc");
    CHECK(options.init == "/bin/sh");
    CHECK(options.wait == std::chrono::seconds(7));
    CHECK(options.check == FileSystemCheck::kForce);
}

TEST_CASE("what is none of the values is refused by name", "[boot]") {
    const auto message = [](const std::string &line) { return error_of(parse_root_options(line)).message; };
    CHECK(message("rw quiet") == "kernel command line: there is no root=");
    for (const char *root : {"root=", "root=vda4", "root=LABEL=", "root=/dev/", "root=0801"}) {
        CHECK(message(root) == std::string("kernel command line: ") + root +
                                   ": use LABEL=, UUID=, PARTLABEL=, PARTUUID= or a path under /dev");
    }
    CHECK(message("root=/dev/vda fsck.mode=never") == "kernel command line: fsck.mode=never: use auto, force or skip");
    for (const char *time : {"rd.timeout=", "rd.timeout=0", "rd.timeout=x", "rd.timeout=9s", "rd.timeout=86401"}) {
        CHECK(message(std::string("root=/dev/vda ") + time) ==
              std::string("kernel command line: ") + time + ": use 1 to 86400 seconds");
    }
}

} // namespace
} // namespace ballast::boot
