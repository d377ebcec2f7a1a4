// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <sys/stat.h>

#include "runtime/engine/user_lookup.h"
#include "tests/unit/check.h"

namespace ballast::engine {
namespace {

struct Root {
    TemporaryDirectory directory = scratch();
    Root() {
        must(make_directories(directory.path() / "etc"));
        must(write_file(directory.path() / "etc/passwd",
                        "root:x:0:0:root:/root:/bin/sh\nweb:x:1000:1001:Web:/srv:/bin/sh\n42:x:7:7::/x:/bin/sh\n" +
                            std::string(5000, 'x') + ":x:9:9::/:/bin/sh\nbad:x:y:z::/:/bin/sh\n"));
        must(write_file(directory.path() / "etc/group", "web:x:1001:\nadm:x:4:web,other\naudio:x:29:web\n"));
    }
    Result<ProcessUser> user(const std::string &name, const Texts &groups = {}) const {
        return look_up_user(must(RootDir::open(directory.path())), name, groups);
    }
};

} // namespace

TEST_CASE("a name gives its ids, its groups and its home", "[engine]") {
    const Root root;
    const ProcessUser web = must(root.user("web"));
    CHECK(web.uid == 1000);
    CHECK(web.gid == 1001);
    CHECK(web.groups == std::vector<gid_t>{1001, 4, 29});
    CHECK(web.home == "/srv");
    CHECK(must(root.user("")).home == "/root");
    CHECK(must(root.user("web:adm")).groups == std::vector<gid_t>{4});
    CHECK(must(root.user("web", {"audio", "77"})).groups == std::vector<gid_t>{1001, 4, 29, 77});
}

TEST_CASE("numbers need no entry, and a user whose name is a number is that user", "[engine]") {
    const Root root;
    CHECK(must(root.user("5555")).uid == 5555);
    CHECK(must(root.user("5555")).gid == 0);
    CHECK(must(root.user("5555:66")).gid == 66);
    CHECK(must(root.user("42")).uid == 7);
}

TEST_CASE("a number that would wrap around to root is refused", "[engine]") {
    const Root root;
    for (const char *bad : {"4294967296", "2147483648", "-1", "99999999999999999999"}) {
        INFO(bad);
        CHECK(root.user(bad).error().message == "uids and gids must be in range 0-2147483647");
        CHECK_FALSE(root.user("web:" + std::string(bad)));
    }
}

TEST_CASE("what is in neither file is refused in Docker's words", "[engine]") {
    const Root root;
    CHECK(root.user("nobody").error().message == "unable to find user nobody: no matching entries in passwd file");
    CHECK(root.user("web:nogroup").error().message ==
          "Unable to find group nogroup: no matching entries in group file");
    CHECK_FALSE(root.user("bad"));
}

TEST_CASE("a passwd that is a pipe is not waited for, and a link of it stays inside", "[engine]") {
    const Root root;
    const std::filesystem::path passwd = root.directory.path() / "etc/passwd";
    std::filesystem::remove(passwd);
    REQUIRE(mkfifo(passwd.c_str(), 0600) == 0);
    CHECK_FALSE(root.user("web"));
    std::filesystem::remove(passwd);
    std::filesystem::create_symlink("../../../../../../etc/passwd",
                                    passwd); // of the root itself: that is this link again
    CHECK_FALSE(root.user("daemon"));
}

} // namespace ballast::engine
