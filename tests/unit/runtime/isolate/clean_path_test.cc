// SPDX-License-Identifier: Apache-2.0
#include "runtime/isolate/clean_path.h"

#include "tests/unit/check.h"

namespace ballast::isolate {

TEST_CASE("a path of the container is cleaned as text", "[rootfs]") {
    CHECK(clean_path("/").empty());
    CHECK(clean_path("").empty());
    CHECK(clean_path("/dev//./pts/") == "dev/pts");
    CHECK(clean_path("relative/place") == "relative/place");
    CHECK(clean_path("/a/../../../etc") == "etc");
    CHECK(clean_path("/proc/../proc/sys") == "proc/sys");
    CHECK(clean_path("/..").empty());
    CHECK(clean_path("/...") == "...");
}

} // namespace ballast::isolate
