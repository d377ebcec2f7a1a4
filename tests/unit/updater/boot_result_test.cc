// SPDX-License-Identifier: Apache-2.0
#include "updater/boot_result.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <map>

#include "base/file_io.h"
#include "updater/grub_environment.h"

namespace ballast::updater {
namespace {

namespace fs = std::filesystem;
using Variables = std::map<std::string, std::string>;

class Grubenv {
  public:
    explicit Grubenv(const Variables &variables = {})
        : directory_(TemporaryDirectory::create(fs::temp_directory_path(), "ballast-good-").value()) {
        GrubEnvironment environment;
        for (const auto &[name, value] : variables) {
            REQUIRE(environment.set(name, value).has_value());
        }
        REQUIRE(write_environment(path(), environment).has_value());
    }
    fs::path path() const { return directory_.path() / "grubenv"; }
    Variables variables() const {
        Variables found;
        const GrubEnvironment environment = read_environment(path()).value();
        for (const char *name : {"good", "trial", "tries", "other"}) {
            if (const auto value = environment.get(name)) {
                found[name] = *value;
            }
        }
        return found;
    }

  private:
    TemporaryDirectory directory_;
};

TEST_CASE("the running deployment is on the kernel command line", "[boot]") {
    CHECK(running_deployment("quiet ballast.deployment=a-1 x\n").value() == "a-1");
    CHECK(running_deployment("ballast.deployment=old ballast.deployment=new\n").value() == "new");
    CHECK(running_deployment("quiet xballast.deployment=a ballast.deployments=a").error().code == ENOENT);
    CHECK(running_deployment("").error().code == ENOENT);
    CHECK(running_deployment("ballast.deployment").error().code == ENOENT);
    CHECK(running_deployment("ballast.deployment=").error().code == EINVAL);
    CHECK(running_deployment("ballast.deployment=a'b").error().code == EINVAL);
}

TEST_CASE("recording a good deployment ends its own trial and no other", "[boot]") {
    struct Case {
        const char *what;
        Variables before;
        Variables after;
    };
    const auto [what, before, after] =
        GENERATE(Case{"first ever", {}, {{"good", "b"}}},
                 Case{"end of a trial", {{"good", "a"}, {"trial", "b"}, {"tries", "1"}}, {{"good", "b"}}},
                 Case{"another one is on trial",
                      {{"good", "a"}, {"trial", "c"}, {"tries", "0"}},
                      {{"good", "b"}, {"trial", "c"}, {"tries", "0"}}},
                 Case{"stray tries", {{"tries", "1"}}, {{"good", "b"}}},
                 Case{"somebody else's variables stay", {{"other", "x"}}, {{"good", "b"}, {"other", "x"}}});
    CAPTURE(what);
    const Grubenv grubenv(before);
    CHECK(record_good(grubenv.path(), "b").value() == GoodRecord::kWritten);
    CHECK(grubenv.variables() == after);
}

TEST_CASE("what is good already is not written again, so a refused update stays refused", "[boot]") {
    const Variables refused = {{"good", "a"}, {"trial", "b"}, {"tries", "0"}};
    const Grubenv grubenv(refused);
    const auto before = fs::last_write_time(grubenv.path());
    fs::last_write_time(grubenv.path(), before - std::chrono::hours(1));
    CHECK(record_good(grubenv.path(), "a").value() == GoodRecord::kAlreadyThere);
    CHECK(fs::last_write_time(grubenv.path()) == before - std::chrono::hours(1));
    CHECK(grubenv.variables() == refused);
}

TEST_CASE("a corrupt or missing block is made anew", "[boot]") {
    const Grubenv grubenv;
    SECTION("corrupt") { REQUIRE(write_file(grubenv.path(), "rubbish").has_value()); }
    SECTION("missing") { REQUIRE(fs::remove(grubenv.path())); }
    CHECK(record_good(grubenv.path(), "a").value() == GoodRecord::kWritten);
    CHECK(grubenv.variables() == Variables{{"good", "a"}});
}

TEST_CASE("errors of recording are told", "[boot]") {
    const Grubenv grubenv;
    CHECK(record_good(grubenv.path(), "no id").error().code == EINVAL);
    const auto missing = record_good(grubenv.path().parent_path() / "missing/grubenv", "a");
    REQUIRE_FALSE(missing.has_value());
    CHECK(missing.error().message.contains("missing/grubenv"));
}

TEST_CASE("a deployment's name is the middle of its id", "[boot]") {
    CHECK(deployment_name("ostree-0a1b.2-3f6a0c1d") == "0a1b.2");
    CHECK(deployment_name("ostree-3f6a0c1d").empty());
    CHECK(deployment_name("0a1b.2-3f6a0c1d").empty());
    CHECK(deployment_name("").empty());
}

TEST_CASE("forgotten tries are gone, and all else stays", "[boot]") {
    const Grubenv grubenv({{"good", "a"}, {"trial", "b"}, {"tries", "0"}, {"other", "x"}});
    REQUIRE(forget_trial(grubenv.path()).has_value());
    CHECK(grubenv.variables() == Variables{{"good", "a"}, {"other", "x"}});
    REQUIRE(forget_trial(grubenv.path()).has_value());
    CHECK(forget_trial("/nonexistent/grubenv").has_value());
}

} // namespace
} // namespace ballast::updater
