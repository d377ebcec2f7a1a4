// SPDX-License-Identifier: Apache-2.0
#include "image-build/release_info.h"

#include <catch2/catch_test_macros.hpp>
#include <cstdlib>

#include "base/subprocess.h"
#include "tests/unit/check.h"

namespace ballast::image_build {
namespace {

namespace fs = std::filesystem;

constexpr const char *kScheme = "1.{date}.{time}";

// SOURCE_DATE_EPOCH as given, and what it was before at the end.
class Epoch {
  public:
    explicit Epoch(const char *value) {
        if (const char *before = std::getenv("SOURCE_DATE_EPOCH"); before != nullptr) {
            before_ = before;
        }
        set(value);
    }
    Epoch(const Epoch &) = delete;
    Epoch &operator=(const Epoch &) = delete;
    ~Epoch() { set(before_.empty() ? nullptr : before_.c_str()); }

  private:
    static void set(const char *value) {
        (void)(value == nullptr ? ::unsetenv("SOURCE_DATE_EPOCH") : ::setenv("SOURCE_DATE_EPOCH", value, 1));
    }
    std::string before_;
};

// A checkout with one commit of 2026-01-31 07:08:09 UTC.
struct Checkout {
    TemporaryDirectory directory = scratch();
    std::string commit;

    Checkout() {
        git({"init", "--quiet"});
        must(write_file(directory.path() / "file", "x"));
        git({"add", "file"});
        git({"commit", "--quiet", "--message=first"});
        commit = git({"rev-parse", "HEAD"}).substr(0, 40);
    }
    std::string git(const std::vector<std::string> &arguments) const {
        Command command{
            .arguments = {"git", "-c", "user.name=T", "-c", "user.email=t@localhost", "-c", "commit.gpgsign=false"},
            .environment = {{"GIT_AUTHOR_DATE", "1769843289 +0300"}, {"GIT_COMMITTER_DATE", "1769843289 +0300"}},
            .directory = directory.path()};
        command.arguments.insert(command.arguments.end(), arguments.begin(), arguments.end());
        return must(run_checked(command));
    }
    Result<Release> describe(const std::string &version = "", const std::string &scheme = kScheme) const {
        return describe_release(directory.path(), scheme, version);
    }
};

TEST_CASE("a release is described by its commit, in UTC, without leading zeros", "[release_info]") {
    const Epoch none(nullptr);
    const Checkout checkout;
    const Release release = must(checkout.describe());
    CHECK(release.epoch == 1769843289);
    CHECK(release.version == "1.20260131.70809");
    CHECK(release.source_commit == checkout.commit);
    CHECK(release.build_id == checkout.commit.substr(0, 12));
}

TEST_CASE("a checkout with changes says so, with untracked files too", "[release_info]") {
    const Epoch none(nullptr);
    const Checkout checkout;
    must(write_file(checkout.directory.path() / "new", "x"));
    CHECK(must(checkout.describe()).build_id == checkout.commit.substr(0, 12) + "-dirty");
    fs::remove(checkout.directory.path() / "new");
    must(write_file(checkout.directory.path() / "file", "changed"));
    CHECK(must(checkout.describe()).build_id.ends_with("-dirty"));
    CHECK(must(checkout.describe()).source_commit == checkout.commit);
}

TEST_CASE("SOURCE_DATE_EPOCH is stronger than the commit's time", "[release_info]") {
    const Epoch epoch("946684800");
    const Checkout checkout;
    const Release release = must(checkout.describe());
    CHECK(release.epoch == 946684800);
    CHECK(release.version == "1.20000101.0"); // midnight is 0, not an empty field
    CHECK(release.source_commit == checkout.commit);
}

TEST_CASE("a SOURCE_DATE_EPOCH that is no time is refused by name", "[release_info]") {
    const Checkout checkout;
    for (const char *value : {"", "now", "-1", "12x", " 12", "1.5", "99999999999999999999", "999999999999999"}) {
        INFO(value);
        const Epoch epoch(value);
        const Error error = error_of(checkout.describe());
        CHECK(error.code == EINVAL);
        CHECK(error.message.contains("SOURCE_DATE_EPOCH"));
    }
}

TEST_CASE("without a commit both the version and the time must be given", "[release_info]") {
    const TemporaryDirectory directory = scratch();
    {
        const Epoch none(nullptr);
        const Error error = error_of(describe_release(directory.path(), kScheme, "1.2"));
        CHECK(error.code == EINVAL);
        CHECK(error.message.contains("SOURCE_DATE_EPOCH"));
        CHECK(error.message.contains("--version"));
    }
    const Epoch epoch("86400");
    CHECK(error_of(describe_release(directory.path(), kScheme, "")).code == EINVAL);
    const Release release = must(describe_release(directory.path(), kScheme, "1.2"));
    CHECK(release.version == "1.2");
    CHECK(release.epoch == 86400);
    CHECK(release.source_commit == "unknown");
}

TEST_CASE("a version is numbers with dots, and perhaps a suffix", "[release_info]") {
    const Epoch epoch("86400");
    const TemporaryDirectory directory = scratch();
    for (const char *version :
         {"1", "1.2.3", "1.20260131.120000", "1.2.3.4", "1.2.3-rc1", "1.2.3+build.7", "10.0-beta.2"}) {
        INFO(version);
        CHECK(must(describe_release(directory.path(), kScheme, version)).version == version);
    }
    for (const char *version :
         {"v1.2", "1.", ".1", "1..2", "1.2 3", "1.2\n", "1/2", "../1", "-1", "1.2\"", "latest", "1.2$x"}) {
        INFO(version);
        const Error error = error_of(describe_release(directory.path(), kScheme, version));
        CHECK(error.code == EINVAL);
        CHECK(error.message.contains("is not a version"));
    }
}

TEST_CASE("a version scheme that leads to no version is refused", "[release_info]") {
    const Epoch none(nullptr);
    CHECK(error_of(Checkout().describe("", "v{date}")).code == EINVAL);
    CHECK(error_of(Checkout().describe("", "1.{datum}")).code == EINVAL);
}

} // namespace
} // namespace ballast::image_build
