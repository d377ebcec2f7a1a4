// SPDX-License-Identifier: Apache-2.0
#include "image-build/accounts.h"

#include <catch2/catch_test_macros.hpp>

#include "tests/unit/check.h"

namespace ballast::image_build {
namespace {

constexpr const char *kPasswd = "root:x:0:0:root:/root:/bin/bash\n"
                                "daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n"
                                "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"
                                "sshd:x:981:65534:sshd user:/run/sshd:/usr/sbin/nologin\n"
                                "messagebus:x:980:980:System Message Bus:/:/usr/sbin/nologin\n";
constexpr const char *kGroup = "root:x:0:\nusers:x:100:\nnogroup:x:65534:\nmessagebus:x:980:\ndocker:x:960:admin\n";
constexpr const char *kSysusers = "# accounts\n\nu sshd 981:65534 \"sshd user\" /run/sshd\n"
                                  "u messagebus   980 \"System Message Bus\"\n"
                                  "g docker 960\n";

struct Place {
    TemporaryDirectory directory = scratch();
    Status check(const std::string &passwd, const std::string &group, const std::string &sysusers) const {
        must(make_directories(directory.path() / "etc"));
        must(write_file(directory.path() / "etc/passwd", passwd));
        must(write_file(directory.path() / "etc/group", group));
        must(write_file(directory.path() / "sysusers.conf", sysusers));
        return check_accounts(directory.path(), directory.path() / "sysusers.conf");
    }
};

TEST_CASE("accounts that all have their number pass", "[accounts]") { must(Place().check(kPasswd, kGroup, kSysusers)); }

TEST_CASE("every account without a number is named, with the line to add", "[accounts]") {
    const Error error = error_of(Place().check(std::string(kPasswd) + "dhcpcd:x:999:65534::/:/bin/false\n",
                                               std::string(kGroup) + "input:x:995:\n", kSysusers));
    CHECK(error.code == EINVAL);
    CHECK(error.message.contains("sysusers.conf"));
    CHECK(error.message.contains("\n  u dhcpcd 999"));
    CHECK(error.message.contains("\n  g input 995"));
    CHECK_FALSE(error.message.contains("sshd"));
    CHECK_FALSE(error.message.contains("users 100"));
}

TEST_CASE("an account with another number than declared is named", "[accounts]") {
    std::string passwd = kPasswd;
    passwd.replace(passwd.find("981"), 3, "982");
    CHECK(error_of(Place().check(passwd, kGroup, kSysusers)).message.contains("u sshd 982"));
}

TEST_CASE("a user declared with uid:gid has no group of its own", "[accounts]") {
    CHECK(error_of(Place().check(kPasswd, std::string(kGroup) + "sshd:x:981:\n", kSysusers))
              .message.contains("g sshd 981"));
}

TEST_CASE("a user declared with one number has a group of that number", "[accounts]") {
    std::string group = kGroup;
    group.replace(group.find("980"), 3, "979");
    CHECK(error_of(Place().check(kPasswd, group, kSysusers)).message.contains("g messagebus 979"));
}

TEST_CASE("a locked user type declares the same account", "[accounts]") {
    std::string sysusers = kSysusers;
    sysusers.replace(sysusers.find("u messagebus"), 1, "u!");
    must(Place().check(kPasswd, kGroup, sysusers));
}

TEST_CASE("a comment declares nothing", "[accounts]") {
    std::string sysusers = kSysusers;
    sysusers.replace(sysusers.find("g docker"), 1, "#g");
    CHECK(error_of(Place().check(kPasswd, kGroup, sysusers)).message.contains("g docker 960"));
}

TEST_CASE("a tree without accounts is an error, not an empty list", "[accounts]") {
    const TemporaryDirectory directory = scratch();
    must(write_file(directory.path() / "sysusers.conf", kSysusers));
    CHECK(error_of(check_accounts(directory.path(), directory.path() / "sysusers.conf")).code == ENOENT);
}

} // namespace
} // namespace ballast::image_build
