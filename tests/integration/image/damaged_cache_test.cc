// SPDX-License-Identifier: Apache-2.0
// What lies in the cache is checked before it is used. The one test here that makes a whole (tiny) commit.
#include <algorithm>
#include <filesystem>

#include "base/digest.h"
#include "base/file_io.h"
#include "tests/integration/image/mirror.h"
#include "tests/integration/image/workshop.h"

using namespace ballast;
using namespace ballast::image_tests;
namespace fs = std::filesystem;

namespace {

// One byte of another value in the middle. A new file in the old one's place: the cache may share it with others.
void damage(const fs::path &file) {
    std::string bytes = must(read_file(file, 4ULL << 30));
    bytes[bytes.size() / 2] = static_cast<char>(~bytes[bytes.size() / 2]);
    must(replace_file(file, bytes));
}

std::string commit_of(const Completed &build) {
    INFO(build.output << build.errors);
    REQUIRE(build.status == 0);
    const std::size_t at = build.output.rfind("commit ");
    REQUIRE(at != std::string::npos);
    return build.output.substr(at + 7, 64);
}

// The one archive of a stage.
fs::path archive_of(const Workshop &workshop, const std::string &stage) {
    for (const std::string &file : files_below(workshop.cache() / stage)) {
        if (file.ends_with(".tar")) {
            return workshop.cache() / stage / file;
        }
    }
    FAIL("the cache has no archive of " << stage);
    return {};
}

} // namespace

TEST_CASE("a damaged package of the cache is fetched again", "[image]") {
    const Workshop workshop;
    const Mirror mirror;
    mirror.add("base", "1.0", true);
    mirror.publish();
    workshop.change_manifest("packages: [dracut, kmod, linux-image-cloud-amd64, zstd]", "packages: [base]");
    workshop.change_manifest("[grub-efi-amd64-signed, grub-pc-bin, shim-helpers-amd64-signed, shim-signed]", "[]");
    const fs::path cached = workshop.cache() / "packages/base_1.0_amd64.deb";
    must(make_directories(cached.parent_path()));
    fs::copy_file(mirror.directory() / cached.filename(), cached);
    const std::string whole = must(sha256_file(cached));
    damage(cached);

    // An empty package makes no system, so the build goes no further than that.
    const Completed build = workshop.build({}, {{"BALLAST_DEBIAN_MIRROR", mirror.sources()}});
    INFO(build.output << build.errors);
    CHECK(
        build.errors.starts_with("warning: cached package " + cached.string() + " is damaged: it is fetched again\n"));
    CHECK(build.output.starts_with("packages "));
    CHECK_FALSE(build.output.starts_with("packages                     failed"));
    CHECK(build.status == 1);
    CHECK(must(sha256_file(cached)) == whole);
}

TEST_CASE("a damaged archive of the cache is made again, and the commit stays the same", "[image][root]") {
    const Workshop workshop;
    workshop.borrow_packages();
    const std::string commit = commit_of(workshop.build());
    CHECK(files_below(workshop.output() / "images").empty()); // --commit-only publishes nothing
    CHECK(files_below(workshop.output() / "repo/refs").empty());

    // Nothing changed: the cache serves every stage before the tree.
    const Completed again = workshop.build();
    CHECK(commit_of(again) == commit);
    for (const char *stage : {"root file system", "trimming", "initramfs"}) {
        CHECK_FALSE(again.output.contains(stage));
    }

    const fs::path trimmed = archive_of(workshop, "trimmed"), initramfs = archive_of(workshop, "initramfs");
    const std::string whole = must(sha256_file(trimmed)), whole_initramfs = must(sha256_file(initramfs));
    damage(trimmed);
    damage(initramfs);
    const Completed repaired = workshop.build();
    CHECK(commit_of(repaired) == commit);
    CHECK(repaired.errors.contains(trimmed.string() + " is damaged: it is removed and made again"));
    CHECK(repaired.errors.contains(initramfs.string() + " is damaged: it is removed and made again"));
    CHECK(must(sha256_file(trimmed)) == whole);
    CHECK(must(sha256_file(initramfs)) == whole_initramfs);
}
