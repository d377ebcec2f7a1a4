// SPDX-License-Identifier: Apache-2.0
#include "agent/upkeep/pod_garbage.h"

#include <filesystem>

#include "base/timestamp.h"
#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::agent;
namespace fs = std::filesystem;

TEST_CASE("logs of pods that are gone are found", "[agent]") {
    const TemporaryDirectory directory = scratch();
    for (const char *name : {"default_here_uid-1", "default_gone_uid-2", "mine", "my_own", "a_b_c_d"}) {
        must(make_directories(directory.path() / name / "main"));
    }
    must(write_file(directory.path() / "default_file_uid-3", ""));
    constexpr std::int64_t kHour = 3'600'000'000'000;
    const std::int64_t later = now_ns() + kHour;
    CHECK(abandoned_logs(directory.path(), {"uid-1"}, later) ==
          std::vector<fs::path>{directory.path() / "default_gone_uid-2"});
    CHECK(abandoned_logs(directory.path(), {"uid-1", "uid-2"}, later).empty());
    // A pod that comes now makes its directory before anybody knows of it.
    CHECK(abandoned_logs(directory.path(), {"uid-1"}, now_ns() - kHour).empty());
    CHECK(abandoned_logs(directory.path() / "none", {}, later).empty());
}
