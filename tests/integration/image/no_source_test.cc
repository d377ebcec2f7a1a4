// SPDX-License-Identifier: Apache-2.0
// Packages that cannot be had: no network, or a lock with what no source holds any more.
#include <filesystem>

#include "base/file_io.h"
#include "tests/integration/image/mirror.h"
#include "tests/integration/image/workshop.h"

using namespace ballast;
using namespace ballast::image_tests;
namespace fs = std::filesystem;

namespace {

// Nothing listens on the lowest port of a test machine.
constexpr const char *kClosedPort = "http://127.0.0.1:1/debian";

} // namespace

TEST_CASE("without network a build says what it could not fetch and what helps", "[image]") {
    const Workshop workshop;
    check_refused(
        workshop, workshop.build({}, {{"BALLAST_DEBIAN_MIRROR", kClosedPort}}),
        {"cannot fetch Debian's package lists", "127.0.0.1:1", "is the network up?", "BALLAST_DEBIAN_MIRROR"});
}

TEST_CASE("a lock is served by an operator's mirror, into an empty cache", "[image]") {
    const Workshop workshop;
    const Mirror mirror;
    const fs::path lock = workshop.directory() / "packages.lock";
    must(write_file(lock, mirror.add("base", "1.0", true) + mirror.add("more", "2:3.4-5")));
    mirror.publish();
    // Empty packages make no system, so the build goes no further than that.
    const Completed build = workshop.build({"--locked", lock.string()}, {{"BALLAST_DEBIAN_MIRROR", mirror.sources()}});
    INFO(build.output << build.errors);
    CHECK_FALSE(build.errors.contains("base 1.0"));
    CHECK(fs::exists(workshop.cache() / "packages/base_1.0_amd64.deb"));
    CHECK(fs::exists(workshop.cache() / "packages/more_2%3a3.4-5_amd64.deb"));
}

TEST_CASE("locked packages that are nowhere are all named", "[image]") {
    const Workshop workshop;
    const Mirror mirror;
    mirror.add("base", "1.0", true);
    mirror.publish();
    const fs::path lock = workshop.directory() / "packages.lock";
    const std::string digest(64, 'a');
    must(write_file(lock, "base-files 99.1 amd64 " + digest + "\nzlib1g 1:77 amd64 " + digest + "\n"));
    check_refused(workshop, workshop.build({"--locked", lock.string()}, {{"BALLAST_DEBIAN_MIRROR", mirror.sources()}}),
                  {"neither in the cache nor in the package source", "base-files 99.1 amd64", "zlib1g 1:77 amd64",
                   "snapshot mirror", "BALLAST_DEBIAN_MIRROR"});
}

TEST_CASE("a locked package with other bytes than the lock says is not taken", "[image]") {
    const Workshop workshop;
    const Mirror mirror;
    mirror.add("base", "1.0", true);
    mirror.publish();
    const fs::path lock = workshop.directory() / "packages.lock";
    must(write_file(lock, "base 1.0 amd64 " + std::string(64, 'a') + "\n"));
    check_refused(workshop, workshop.build({"--locked", lock.string()}, {{"BALLAST_DEBIAN_MIRROR", mirror.sources()}}),
                  {"base 1.0 amd64: the source has other bytes than the lock says", "BALLAST_DEBIAN_MIRROR"});
    CHECK_FALSE(fs::exists(workshop.cache() / "packages/base_1.0_amd64.deb"));
}

TEST_CASE("a lock that does not read is refused with the line", "[image]") {
    const Workshop workshop;
    const fs::path lock = workshop.directory() / "packages.lock";
    must(write_file(lock, "base 1.0 amd64 " + std::string(64, 'a') + "\nbase-files\n"));
    check_refused(workshop, workshop.build({"--locked", lock.string()}),
                  {"packages.lock:2:", "name version architecture sha256"});
    check_refused(workshop, workshop.build({"--locked", "/no/such.lock"}),
                  {"/no/such.lock", "No such file or directory"});
}
