// SPDX-License-Identifier: Apache-2.0
#include "runtime/container/ps_table.h"

#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::container;

TEST_CASE("of ps' lines those about the processes are kept, with the heading", "[ps]") {
    const std::string table = "UID   PID  PPID CMD\nroot   12     1 init\nroot  112    12 sh 12\nroot  200     1 112\n";
    CHECK(must(lines_about({12}, table)) == "UID   PID  PPID CMD\nroot   12     1 init\n");
    CHECK(must(lines_about({112, 12}, table)) == "UID   PID  PPID CMD\nroot   12     1 init\nroot  112    12 sh 12\n");
    CHECK(must(lines_about({}, table)) == "UID   PID  PPID CMD\n");
    CHECK(error_of(lines_about({12}, "UID CMD\nroot init\n")).code == EINVAL);
    CHECK(error_of(lines_about({12}, "")).code == EINVAL);
}
