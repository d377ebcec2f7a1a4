// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/guest_facts.h"

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>

#include "tests/unit/check.h"

namespace ballast::bench {
namespace {

using Catch::Approx;
using Strings = std::vector<std::string>;

TEST_CASE("the parts of a boot add up to the whole", "[bench]") {
    const BootParts parts = must(boot_parts("UserspaceTimestampMonotonic=9000000\n"
                                            "FirstProcess=2.500000\n"
                                            "TargetReached=30000000\nReportSent=30500000\n",
                                            34));
    CHECK(parts.loader == Approx(3.5));
    CHECK(parts.kernel == Approx(2.5));
    CHECK(parts.initrd == Approx(6.5));
    CHECK(parts.userspace == Approx(21));
    CHECK(parts.report == Approx(0.5));
    CHECK(parts.loader + parts.kernel + parts.initrd + parts.userspace + parts.report == Approx(34));
}

TEST_CASE("a timestamp that the guest does not give is named", "[bench]") {
    const std::string all = "FirstProcess=1.5\nUserspaceTimestampMonotonic=9\nTargetReached=10\n";
    CHECK(error_of(boot_parts(all, 12)).message.find("ReportSent") != std::string::npos);
    CHECK(error_of(boot_parts(all + "ReportSent=\n", 12)).code == EPROTO);
}

TEST_CASE("devices and our own unit are not among the slowest", "[bench]") {
    const std::string blame = "1min 2.345s dev-ttyS0.device\n    16.012s cloud-init-main.service\n"
                              "     4.1s ballast-test-ready.service\n      900ms boot.mount\n       10ms x.service\n";
    CHECK(slowest_units(blame, 2) == Strings{"16.012s cloud-init-main.service", "900ms boot.mount"});
    CHECK(slowest_units("", 2).empty());
}

TEST_CASE("memory in use is what is neither free nor can be freed", "[bench]") {
    CHECK(must(used_memory("MemTotal:        2048000 kB\nMemFree: 5 kB\nMemAvailable:    1024000 kB\n")) == 1000);
}

TEST_CASE("memory that the guest does not tell is an error", "[bench]") {
    CHECK(error_of(used_memory("MemTotal: 2048 kB\n")).code == EPROTO);
}

TEST_CASE("the biggest packages come from their own section of the size report", "[bench]") {
    const std::string text = "270 MB in all\n\nbiggest packages\n    31.8 MB  linux\n    30.7 MB  docker-cli\n"
                             "\nbiggest directories\n   143.8 MB  usr/lib\n";
    CHECK(biggest_packages(text, 10) == Strings{"31.8 MB  linux", "30.7 MB  docker-cli"});
    CHECK(biggest_packages(text, 1) == Strings{"31.8 MB  linux"});
    CHECK(biggest_packages("270 MB in all\n", 10).empty());
}

} // namespace
} // namespace ballast::bench
