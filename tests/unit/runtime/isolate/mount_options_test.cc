// SPDX-License-Identifier: Apache-2.0
#include "runtime/isolate/mount_options.h"

#include <algorithm>
#include <set>
#include <sys/mount.h>

#include "tests/unit/check.h"

namespace ballast::isolate {

TEST_CASE("every option that the specification requires is known", "[mounts]") {
    std::vector<std::string> known = known_mount_options();
    std::set<std::string> names(known.begin(), known.end());
    CHECK(names.size() == known.size());
    CHECK(std::ranges::is_sorted(known));
    for (const char *option : {"async",          "atime",      "bind",         "defaults",    "dev",
                               "diratime",       "dirsync",    "exec",         "iversion",    "lazytime",
                               "loud",           "mand",       "noatime",      "nodev",       "nodiratime",
                               "noexec",         "noiversion", "nolazytime",   "nomand",      "norelatime",
                               "nostrictatime",  "nosuid",     "nosymfollow",  "private",     "ratime",
                               "rbind",          "rdev",       "rdiratime",    "relatime",    "remount",
                               "rexec",          "rnoatime",   "rnodiratime",  "rnoexec",     "rnorelatime",
                               "rnostrictatime", "rnosuid",    "rnosymfollow", "ro",          "rprivate",
                               "rrelatime",      "rro",        "rrw",          "rshared",     "rslave",
                               "rstrictatime",   "rsuid",      "rsymfollow",   "runbindable", "rw",
                               "shared",         "silent",     "slave",        "strictatime", "suid",
                               "symfollow",      "sync",       "tmpcopyup",    "unbindable",  "idmap",
                               "ridmap",         "rnodev"}) {
        INFO(option);
        CHECK(names.contains(option));
        CHECK(parse_mount_options({option}).data.empty());
    }
}

TEST_CASE("the last of contradicting options counts", "[mounts]") {
    MountOptions options = parse_mount_options({"ro", "nosuid", "rw", "suid", "nosuid"});
    CHECK(options.set == MS_NOSUID);
    CHECK(options.cleared == MS_RDONLY);
}

TEST_CASE("rbind is a bind whatever stands beside it", "[mounts]") {
    MountOptions options = parse_mount_options({"rbind", "rprivate", "rw", "bind"});
    CHECK(options.bind);
    CHECK(options.recursive);
    CHECK(options.propagation == std::vector<PropagationOption>{{MS_PRIVATE, true}});
}

TEST_CASE("the same propagation given twice is one change", "[mounts]") {
    CHECK(parse_mount_options({"rprivate", "ro", "rprivate"}).propagation.size() == 1);
    CHECK(parse_mount_options({"slave", "shared"}).propagation ==
          std::vector<PropagationOption>{{MS_SLAVE, false}, {MS_SHARED, false}});
}

TEST_CASE("recursive access times are cleared whole before they are set", "[mounts]") {
    MountOptions options = parse_mount_options({"rnoatime"});
    CHECK(options.recursive_set == MOUNT_ATTR_NOATIME);
    CHECK(options.recursive_clear == MOUNT_ATTR__ATIME);
    options = parse_mount_options({"rnoatime", "rstrictatime"});
    CHECK(options.recursive_set == MOUNT_ATTR_STRICTATIME);
    options = parse_mount_options({"rro", "rrw"});
    CHECK(options.recursive_set == 0);
    CHECK(options.recursive_clear == MOUNT_ATTR_RDONLY);
    options = parse_mount_options({"rrw", "rro"});
    CHECK(options.recursive_set == MOUNT_ATTR_RDONLY);
    CHECK(options.recursive_clear == 0);
}

TEST_CASE("what the table does not know is for the file system", "[mounts]") {
    MountOptions options = parse_mount_options(
        {"size=64k,mode=755", "newinstance", "context=\"u:r:t:s0:c1,c2\"", "lowerdir=/a\\,b:/c", "", "empty="});
    CHECK(options.data == std::vector<FileSystemOption>{{"size", "64k", true},
                                                        {"mode", "755", true},
                                                        {"newinstance", "", false},
                                                        {"context", "u:r:t:s0:c1,c2", true},
                                                        {"lowerdir", "/a\\,b:/c", true},
                                                        {"empty", "", true}});
}

TEST_CASE("flags become attributes as mount(2) reads them", "[mounts]") {
    CHECK(mount_attributes(0) == MOUNT_ATTR_RELATIME);
    CHECK(mount_attributes(MS_NOATIME | MS_STRICTATIME) == MOUNT_ATTR_STRICTATIME);
    CHECK(mount_attributes(MS_NOATIME | MS_RDONLY | MS_NOSYMFOLLOW) ==
          (MOUNT_ATTR_NOATIME | MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSYMFOLLOW));
    CHECK(mount_attributes(MS_SYNCHRONOUS | MS_BIND) == 0);
}

} // namespace ballast::isolate
