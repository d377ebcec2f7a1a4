// SPDX-License-Identifier: Apache-2.0
#include "tests/images/packages.h"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cstdlib>

#include "base/digest.h"
#include "base/file_io.h"
#include "tests/unit/images/check.h"

using namespace ballast;
using namespace ballast::images;
using Catch::Matchers::ContainsSubstring;

TEST_CASE("what the images need is asked for once per architecture", "[packages]") {
    std::vector<std::string> wanted;
    for (const PackageName &package : wanted_packages(must(load_images("tests/images/images.yaml")))) {
        wanted.push_back(package.describe());
    }
    CHECK(wanted == std::vector<std::string>{"busybox-static:amd64", "busybox-static:arm64"});
}

TEST_CASE("apt's state is private and foreign architectures are known to it alone", "[packages]") {
    const auto command = apt_command("/cache/apt", {"amd64", "armhf"}, {"update"});
    CHECK(command.front() == "apt-get");
    CHECK(command.back() == "update");
    for (const char *option : {"Dir::State=/cache/apt", "Dir::State::status=/cache/apt/status", "Dir::Cache=/cache/apt",
                               "APT::Architectures=amd64,armhf"}) {
        const auto found = std::ranges::find(command, option);
        REQUIRE(found != command.end());
        CHECK(*(found - 1) == "-o");
    }
}

TEST_CASE("apt's announcement of a package is read, anything else is refused", "[packages]") {
    const Announced announced =
        must(parse_announcement("'scheme://mirror/p_1%3a2.deb' p_1%3a2_arm64.deb 12 SHA256:ab"));
    CHECK(announced.file == "p_1%3a2_arm64.deb");
    CHECK(announced.sha256 == "ab");
    for (const char *bad : {"", "'uri' file 12", "'uri' file 12 MD5Sum:ab", "'uri' ../file 12 SHA256:ab"}) {
        CHECK_THAT(message_of(parse_announcement(bad)), ContainsSubstring("apt-get printed"));
    }
}

TEST_CASE("a package in the cache is used without apt as long as it is whole", "[packages]") {
    const TemporaryDirectory directory = must(TemporaryDirectory::create("/tmp", "packages-test-"));
    const PackageName package{"tool", "amd64"};
    must(write_file(directory.path() / "tool.deb", "bytes"));
    must(write_file(directory.path() / "packages.json", R"([{"name":"tool","architecture":"amd64","file":"tool.deb",)"
                                                        R"("sha256":")" +
                                                            sha256("bytes") + "\"}]"));
    PackageCache cache = must(PackageCache::open(directory.path()));
    CHECK(must(cache.fetch({package}, false)).empty());
    CHECK(must(cache.read(package)) == "bytes");
    CHECK_THAT(message_of(cache.read({"tool", "arm64"})), ContainsSubstring("tool:arm64 was not fetched"));
}

TEST_CASE("a package whose bytes have changed in the cache is not used", "[packages]") {
    const TemporaryDirectory directory = must(TemporaryDirectory::create("/tmp", "packages-test-"));
    // An apt that knows no sources at all stands for a machine without network.
    must(write_file(directory.path() / "apt.conf", "Dir::Etc::sourcelist \"/dev/null\";\n"
                                                   "Dir::Etc::sourceparts \"/dev/null\";\n"));
    setenv("APT_CONFIG", (directory.path() / "apt.conf").c_str(), 1);
    must(write_file(directory.path() / "tool.deb", "bytez"));
    must(write_file(directory.path() / "packages.json", R"([{"name":"tool","architecture":"amd64","file":"tool.deb",)"
                                                        R"("sha256":")" +
                                                            sha256("bytes") + "\"}]"));
    PackageCache cache = must(PackageCache::open(directory.path()));
    const std::string message = message_of(cache.fetch({{"tool", "amd64"}}, false));
    unsetenv("APT_CONFIG");
    CHECK_THAT(message, ContainsSubstring("fetch tool:amd64") && ContainsSubstring("holds no copy"));
    CHECK_FALSE(cache.read({"tool", "amd64"}).has_value());
}

TEST_CASE("a damaged list of packages is named with its remedy", "[packages]") {
    const TemporaryDirectory directory = must(TemporaryDirectory::create("/tmp", "packages-test-"));
    for (const char *bad : {"[{", "[{\"name\":1}]"}) {
        must(write_file(directory.path() / "packages.json", bad));
        PackageCache cache = must(PackageCache::open(directory.path()));
        CHECK_THAT(message_of(cache.fetch({}, false)),
                   ContainsSubstring("packages.json is damaged") && ContainsSubstring("remove it"));
    }
}
