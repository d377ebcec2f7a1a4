// SPDX-License-Identifier: Apache-2.0
#include "runtime/isolate/user.h"

#include <catch2/catch_test_macros.hpp>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/check.h"

namespace ballast::isolate {
namespace {

namespace fs = std::filesystem;

struct Root {
    TemporaryDirectory top = scratch();
    Fd fd;
    Root() {
        fs::create_directory(top.path() / "etc");
        fd = must(open_file(top.path(), O_PATH | O_DIRECTORY));
    }
    void passwd(const std::string &content) const { must(write_file(top.path() / "etc/passwd", content)); }
};

TEST_CASE("the home directory is that of the user id", "[user]") {
    const Root root;
    root.passwd("root:x:0:0:root:/root:/bin/sh\nweb:x:33:33::/srv/web:/bin/false\nlast:x:7:7::/last:/bin/sh");
    CHECK(must(home_of(root.fd, 0)) == "/root");
    CHECK(must(home_of(root.fd, 33)) == "/srv/web");
    CHECK(must(home_of(root.fd, 7)) == "/last");
    CHECK(must(home_of(root.fd, 3)) == "/");
}

TEST_CASE("lines that are no entries are passed over", "[user]") {
    const Root root;
    root.passwd("\n:::::\nx:y:1x:1::/wrong:\nx:y:-1:1::/wrong:\nx:y\nx:y:99999999999:1::/wrong:\n"
                "empty:x:1:1:::/bin/sh\nu:x:1:1::/right:/bin/sh\n");
    CHECK(must(home_of(root.fd, 1)) == "/right");
    CHECK(must(home_of(root.fd, UINT32_MAX)) == "/");
}

TEST_CASE("a line of any length costs no memory and hides no later one", "[user]") {
    const Root root;
    root.passwd("long:x:5:5::/" + std::string(100000, 'x') + ":/bin/sh\nu:x:6:6::/six:/bin/sh\n");
    CHECK(must(home_of(root.fd, 5)) == "/");
    CHECK(must(home_of(root.fd, 6)) == "/six");
    root.passwd("x:x:1:1::" + std::string(4096, '/'));
    CHECK(must(home_of(root.fd, 1)) == "/");
}

TEST_CASE("entries across the borders of blocks are read whole", "[user]") {
    const Root root;
    std::string content;
    for (int i = 1; i < 1000; i++) {
        content += "user" + std::to_string(i) + ":x:" + std::to_string(i) + ":1::/home/" + std::to_string(i) + ":\n";
    }
    root.passwd(content);
    for (const uid_t uid : {1U, 90U, 91U, 100U, 101U, 512U, 999U}) {
        CHECK(must(home_of(root.fd, uid)) == "/home/" + std::to_string(uid));
    }
}

TEST_CASE("a file without end is given up", "[user]") {
    const Root root;
    root.passwd(std::string(5 << 20, '\n'));
    CHECK(error_of(home_of(root.fd, 1)).code == EFBIG);
}

TEST_CASE("no file is no home; a pipe, a directory and a link out of the root are no file", "[user]") {
    const Root root;
    const fs::path passwd = root.top.path() / "etc/passwd";
    CHECK(must(home_of(root.fd, 0)) == "/");
    REQUIRE(mkfifo(passwd.c_str(), 0644) == 0);
    CHECK(error_of(home_of(root.fd, 0)).code == EINVAL);
    REQUIRE(unlink(passwd.c_str()) == 0);
    REQUIRE(mkdir(passwd.c_str(), 0755) == 0);
    CHECK(error_of(home_of(root.fd, 0)).code == EINVAL);
    REQUIRE(rmdir(passwd.c_str()) == 0);
    const TemporaryDirectory outside = scratch();
    must(write_file(outside.path() / "passwd", "x:x:0:0::/stolen:\n"));
    fs::create_symlink(outside.path() / "passwd", passwd);
    CHECK(must(home_of(root.fd, 0)) == "/");
    REQUIRE(unlink(passwd.c_str()) == 0);
    fs::create_symlink("/proc/self/environ", passwd);
    CHECK(must(home_of(root.fd, 0)) == "/");
}

} // namespace
} // namespace ballast::isolate
