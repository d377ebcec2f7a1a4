// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>

#include "image-build/release/changes.h"
#include "image-build/release/debian_changelog.h"
#include "image-build/release/history.h"
#include "image-build/release/repository.h"
#include "tests/unit/check.h"

namespace ballast::image_build::release {
namespace {

Package package(const std::string &name, const std::string &version) {
    return {.name = name, .version = version, .architecture = "amd64", .sha256 = std::string(64, 'a')};
}

} // namespace

TEST_CASE("a changelog is read by its headings, and what stands elsewhere is left out", "[release]") {
    const std::vector<ChangelogEntry> entries =
        parse_changelog("CVE-2020-0000 before any heading\n"
                        "a (1:2-3) trixie; urgency=low\n"
                        "  * CVE-2026-1234, CVE-2026-123456 and CVE-26-1\n"
                        "CVE-2020-1111 at the margin\n"
                        "a (1:2-2) trixie trixie-security; urgency=low, binary-only=yes\n"
                        "  * nothing\n");
    CHECK(entries ==
          std::vector<ChangelogEntry>{{.version = "1:2-3", .vulnerabilities = {"CVE-2026-1234", "CVE-2026-123456"}},
                                      {.version = "1:2-2", .vulnerabilities = {}}});
    CHECK(parse_changelog("").empty());
    CHECK(parse_changelog(std::string(1'000'000, ' ')).empty());
}

TEST_CASE("vulnerabilities count up to the version before, by Debian's order of versions", "[release]") {
    const std::vector<ChangelogEntry> entries{{.version = "2-1", .vulnerabilities = {"CVE-2026-0003"}},
                                              {.version = "2~rc1-1", .vulnerabilities = {"CVE-2026-0002"}},
                                              {.version = "1.10-1", .vulnerabilities = {"CVE-2026-0001"}},
                                              {.version = "1.9-1", .vulnerabilities = {"CVE-2025-0001"}}};
    CHECK(must(vulnerabilities_since(entries, "1.9-1")).size() == 3);
    // That version is not in the list: a rebuild of 1.10-1.
    CHECK(must(vulnerabilities_since(entries, "1.10-1+b1")) == std::set<std::string>{"CVE-2026-0002", "CVE-2026-0003"});
    CHECK(must(vulnerabilities_since(entries, "2-1")).empty());
}

TEST_CASE("packages that changed, came and went are told apart, a kernel changes under another name", "[release]") {
    const PackageSet before{.packages = {package("a", "1"), package("b", "1"), package("gone", "1"),
                                         package("linux-image-6.12.43+deb13-cloud-amd64", "6.12.43-1")}};
    const PackageSet now{.packages = {package("a", "1"), package("b", "2"),
                                      package("linux-image-6.12.48+deb13-cloud-amd64", "6.12.48-1"),
                                      package("new", "1")}};
    CHECK(compare_packages(before, now) ==
          std::vector<PackageChange>{
              {.name = "b", .from = "1", .to = "2"},
              {.name = "gone", .from = "1", .to = ""},
              {.name = "linux-image-6.12.48+deb13-cloud-amd64", .from = "6.12.43-1", .to = "6.12.48-1"},
              {.name = "new", .from = "", .to = "1"}});
    CHECK(compare_packages(now, now).empty());
}

TEST_CASE("a history gives each version one commit", "[release]") {
    const TemporaryDirectory repository = scratch();
    History history = must(History::load(repository.path(), "a/b"));
    CHECK(history.empty());
    must(history.add({.version = "1.1", .commit = "c1", .published = 5}));
    must(history.add({.version = "1.2", .commit = "c2", .published = 6}));
    must(history.add({.version = "1.1", .commit = "c1", .published = 7}));
    CHECK(error_of(history.add({.version = "1.1", .commit = "c9"})).code == EEXIST);
    CHECK(error_of(history.add({.version = "../1", .commit = "c9"})).code == EINVAL);
    must(history.save(repository.path(), "a/b"));
    CHECK(must(History::load(repository.path(), "a/b")).versions() == history.versions());
    CHECK(history.find("1.2")->commit == "c2");
    CHECK(history.find("1.3") == nullptr);
    CHECK(history.drop_beyond(1) == std::vector<Version>{{.version = "1.1", .commit = "c1", .published = 5}});
    CHECK(history.versions().size() == 1);
}

TEST_CASE("a history that does not read, or a ref that leads elsewhere, is refused", "[release]") {
    CHECK(!History::parse("{}", "f").has_value());
    CHECK(!History::parse(R"({"versions":[{"version":"../x","commit":"c","published":1}]})", "f").has_value());
    CHECK(!History::parse(R"({"versions":[{"version":"1","commit":"c","published":-1}]})", "f").has_value());
    for (const char *ref : {"", "..", "a/../b", "/a", "a//b", "a/", "-a", "a b"}) {
        INFO(ref);
        CHECK(!release_directory("/r", ref).has_value());
    }
}

TEST_CASE("a delta's place is libostree's", "[release]") {
    const std::string from = "27853f4eb4d52e0a2b8ed1ad8f3d5a6f1f7a2c7a60c1d1d2e4c3a5b6978685ff";
    CHECK(delta_path({.from = {}, .to = std::string(64, '0')}) ==
          std::filesystem::path("deltas/AA") / std::string(41, 'A'));
    CHECK(delta_path({.from = std::string(64, 'f'), .to = std::string(64, '0')}).string() ==
          "deltas/__/" + std::string(40, '_') + "8-" + std::string(43, 'A'));
    CHECK(delta_path({.from = {}, .to = from})
              .string()
              .starts_with("deltas/J4/U_TrTVLgorjtGtjz1abx96LHpgwdHS5MOltpeGhf8"));
}

} // namespace ballast::image_build::release
