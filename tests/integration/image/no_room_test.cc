// SPDX-License-Identifier: Apache-2.0
// A disk without room is told before the work, not after it.
#include "tests/integration/image/workshop.h"

using namespace ballast;
using namespace ballast::image_tests;

namespace {

// The build, with `full` on a file system of 64 MiB. The mount is in a namespace that ends with the build; what the
// build left there is listed on stdout.
Completed build_on_a_small_disk(const Workshop &workshop, const std::filesystem::path &full) {
    must(make_directories(full));
    constexpr const char *kScript = "mount -t tmpfs -o size=64m tmpfs \"$0\" || exit 100\n"
                                    "status=0; \"$@\" || status=$?\n"
                                    "find \"$0\" -name 'ballast-*' -o -name '*.tar' -o -name SHA256SUMS; exit $status";
    Command command = workshop.command({}, {});
    command.arguments.insert(command.arguments.begin(),
                             {"unshare", "--mount", "--propagation=private", "sh", "-c", kScript, full.string()});
    const Completed build = must(run(command));
    if (build.status == 100 || build.errors.contains("unshare failed")) {
        SKIP("needs root, to mount a file system of its own");
    }
    return build;
}

} // namespace

TEST_CASE("no room for the results is told with the place and the remedy", "[image][root]") {
    const Workshop workshop;
    const Completed build = build_on_a_small_disk(workshop, workshop.output());
    check_refused(workshop, build, {workshop.output().string() + " has 0.1 GiB free", "needs 6 GiB", "make room"});
    CHECK(build.output.empty());
}

TEST_CASE("no room for the cache is told with the place and the remedy", "[image][root]") {
    const Workshop workshop;
    const Completed build = build_on_a_small_disk(workshop, workshop.cache());
    check_refused(workshop, build, {workshop.cache().string() + " has 0.1 GiB free", "BALLAST_CACHE"});
    CHECK(build.output.empty());
}
