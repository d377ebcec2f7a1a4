// SPDX-License-Identifier: Apache-2.0
#include "runtime/api/version.h"

#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::api;

TEST_CASE("a path may begin with a version", "[api]") {
    REQUIRE(split_version("/v1.44/containers/json").version == "1.44");
    REQUIRE(split_version("/v1.44/containers/json").path == "/containers/json");
    REQUIRE(split_version("/containers/json").version.empty());
    REQUIRE(split_version("/version").path == "/version");
    REQUIRE(split_version("/volumes/v1.2").path == "/volumes/v1.2");
    REQUIRE(split_version("/v1.44").path == "/v1.44");
    REQUIRE(split_version("/v/x").path == "/v/x");
    REQUIRE(split_version("/v1.4x/x").path == "/v1.4x/x");
}

TEST_CASE("versions from 1.24 to 1.45 are spoken, and others refused in Docker's words", "[api]") {
    REQUIRE(must(negotiate("")) == 45);
    REQUIRE(must(negotiate("1.24")) == 24);
    REQUIRE(must(negotiate("1.45")) == 45);
    REQUIRE(must(negotiate("1.30.0")) == 30);
    REQUIRE(error_of(negotiate("1.46")).message ==
            "client version 1.46 is too new. Maximum supported API version is 1.45");
    REQUIRE(error_of(negotiate("1.23")).message ==
            "client version 1.23 is too old. Minimum supported API version is 1.24, please upgrade your client to a "
            "newer version");
    for (const char *version : {"2.0", "1", "0", ".", "1.", "1.99999999999999999999999", "999999999999999999999.1"}) {
        CAPTURE(version);
        REQUIRE(error_of(negotiate(version)).code == EINVAL);
    }
}
