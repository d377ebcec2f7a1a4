// SPDX-License-Identifier: Apache-2.0
#include "runtime/container/identity.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::container;

TEST_CASE("ids are mapped as the namespace has them", "[identity]") {
    const std::vector<oci::IdMapping> mappings{{.container_id = 10, .host_id = 1000, .size = 5},
                                               {.container_id = 0, .host_id = 5000, .size = 1}};
    CHECK(host_id(mappings, 0) == 5000);
    CHECK(host_id(mappings, 14) == 1004);
    CHECK(host_id(mappings, 15) == 15);
    CHECK(first_mapped(mappings) == 0);
    CHECK(first_mapped({mappings[0]}) == 10);
    CHECK(first_mapped({}) == 0);
}

TEST_CASE("a pid file is replaced whole, and its directory must be there", "[identity]") {
    const TemporaryDirectory directory = scratch();
    must(write_file(directory.path() / "pid", "a longer text than a number"));
    must(write_pid_file(directory.path() / "pid", 42));
    CHECK(must(read_file(directory.path() / "pid")) == "42");
    CHECK(error_of(write_pid_file(directory.path() / "nosuch/pid", 42)).code == ENOENT);
}

TEST_CASE("HOME is that of the user, unless the environment has one", "[identity]") {
    const TemporaryDirectory directory = scratch();
    must(make_directories(directory.path() / "etc"));
    must(write_file(directory.path() / "etc/passwd", "one:x:1:1::/home/one:/bin/sh\n"));
    const Fd root = must(open_file(directory.path(), O_PATH | O_DIRECTORY));
    isolate::ProcessPlan process;
    process.user.uid = 1;
    must(set_home(process, root));
    CHECK(process.env.list() == std::vector<std::string>{"HOME=/home/one"});
    must(set_home(process, root));
    CHECK(process.env.list().size() == 1);
}

TEST_CASE("users are known by name where /etc/passwd has one", "[identity]") {
    CHECK(user_name(0) == "root");
    CHECK(user_name(4'000'000'000) == "4000000000");
}
