// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "tests/integration/runtime/rootfs_fixture.h"
#include "tests/unit/check.h"

namespace ballast::isolate {

TEST_CASE("in a user namespace devices are the host's, mounted without suid and exec", "[devices][root]") {
    Trial trial;
    trial.new_user_namespace(100000);
    trial.use_defaults();
    SECTION("opened by the parent") {}
    SECTION("opened by the child") {
        trial.prepare = false;
        // Other people's directories lie above the bundle.
        must(write_file(trial.bundle.path() / "x", ""));
    }
    trial.spec.linux_.namespaces.push_back({oci::NamespaceType::kCgroup, ""});
    trial.settings.new_cgroup_namespace = true;
    CHECK(trial.run([] {
        std::string wrong;
        for (const char *path : {"/dev/null", "/dev/zero", "/dev/full", "/dev/tty", "/dev/random", "/dev/urandom"}) {
            MountLine line = mount_line(path);
            wrong += expect(line.found && line.has("nosuid") && line.has("noexec"), path + (": " + line.options));
        }
        Fd null(open("/dev/null", O_WRONLY | O_CLOEXEC));
        wrong += expect(null.is_open() && ::write(null.get(), "x", 1) == 1, "/dev/null cannot be written");
        wrong += expect(content("/proc/interrupts").empty(), "/proc/interrupts");
        return wrong + expect(mount_line("/sys/fs/cgroup").type == "cgroup2", "cgroup");
    }) == "");
}

TEST_CASE("devices that the host lacks are made for the container", "[devices][root]") {
    Trial trial;
    trial.new_user_namespace(100000);
    trial.mount("proc", "/proc");
    trial.mount("tmpfs", "/dev", {"nosuid", "mode=755"});
    trial.spec.linux_.devices = {
        {.path = "/dev/foo", .type = 'b', .major = 1, .minor = 5, .file_mode = 0157, .uid = 10, .gid = 11},
        {.path = "/sub/foo", .type = 'c', .major = 1, .minor = 3, .file_mode = {}, .uid = {}, .gid = {}},
        {.path = "/dev/pipe", .type = 'p', .major = 0, .minor = 0, .file_mode = 0640, .uid = 1, .gid = 2}};
    CHECK(trial.run([] {
        struct stat status{};
        std::string wrong;
        wrong += expect(stat("/dev/foo", &status) == 0 && S_ISBLK(status.st_mode) && status.st_rdev == makedev(1, 5) &&
                            (status.st_mode & 07777) == 0157 && status.st_uid == 10 && status.st_gid == 11,
                        "/dev/foo");
        wrong += expect(stat("/sub/foo", &status) == 0 && S_ISCHR(status.st_mode) && status.st_uid == 0, "/sub/foo");
        wrong += expect(stat("/dev/pipe", &status) == 0 && S_ISFIFO(status.st_mode) && status.st_uid == 1, "/dev/pipe");
        return wrong;
    }) == "");
}

TEST_CASE("devices have exactly the mode and owner of the specification", "[devices][root]") {
    Trial trial;
    trial.mount("proc", "/proc");
    trial.mount("tmpfs", "/dev", {"nosuid", "mode=755"});
    trial.spec.linux_.devices = {
        {.path = "/dev/foo", .type = 'b', .major = 1, .minor = 5, .file_mode = 0157, .uid = 10, .gid = 11},
        {.path = "/mnt/", .type = 'b', .major = 10, .minor = 229, .file_mode = {}, .uid = {}, .gid = {}},
        {.path = "/dev/char", .type = 'u', .major = 251, .minor = 1, .file_mode = 0640, .uid = 3, .gid = 4}};
    mode_t before = umask(077);
    CHECK(trial.run([] {
        struct stat status{};
        std::string wrong;
        wrong +=
            expect(stat("/dev/foo", &status) == 0 && (status.st_mode & 07777) == 0157 && status.st_uid == 10, "foo");
        wrong +=
            expect(stat("/mnt", &status) == 0 && S_ISBLK(status.st_mode) && (status.st_mode & 07777) == 0666, "mnt");
        wrong += expect(stat("/dev/char", &status) == 0 && S_ISCHR(status.st_mode) && status.st_gid == 4, "char");
        return wrong + expect(umask(0) == 077, "the umask is another");
    }) == "");
    umask(before);
    SECTION("a node that is there already gets them") {
        trial.spec.mounts.pop_back();
        trial.spec.linux_.devices.resize(1);
        must(make_directories(trial.root / "dev"));
        REQUIRE(mknod((trial.root / "dev/foo").c_str(), S_IFBLK | 0600, makedev(1, 5)) == 0);
        CHECK(trial.run([] {
            struct stat status{};
            return expect(stat("/dev/foo", &status) == 0 && (status.st_mode & 07777) == 0157 && status.st_uid == 10,
                          "foo");
        }) == "");
    }
}

TEST_CASE("without a network namespace of its own a user namespace sees the host's sysfs", "[mounts][root]") {
    Trial trial;
    trial.new_user_namespace(100000);
    trial.without(oci::NamespaceType::kNetwork);
    trial.mount("proc", "/proc");
    trial.mount("sysfs", "/sys", {"nosuid", "noexec", "nodev", "ro"});
    CHECK(trial.run([] {
        MountLine line = mount_line("/sys");
        return expect(line.type == "sysfs" && line.has("ro") && line.has("nosuid"), line.options);
    }) == "");
}

TEST_CASE("a bind source that the container's root could not reach is mounted nevertheless", "[mounts][root]") {
    Trial trial;
    trial.new_user_namespace(100000);
    must(make_directories(trial.bundle.path() / "hidden/m"));
    must(write_file(trial.bundle.path() / "hidden/m/content", "hello"));
    REQUIRE(symlink("m", (trial.bundle.path() / "hidden/s").c_str()) == 0);
    REQUIRE(chmod((trial.bundle.path() / "hidden").c_str(), 0) == 0);
    trial.mount("proc", "/proc");
    trial.mount("bind", "/foo", {"bind", "ro"}, "hidden/s");
    CHECK(trial.run([] {
        return expect(content("/foo/content") == "hello", "content") + expect(mount_line("/foo").has("ro"), "writable");
    }) == "");
}

TEST_CASE("a root that the container's root could not reach is entered nevertheless", "[rootfs][root]") {
    Trial trial;
    trial.new_user_namespace(100000);
    REQUIRE(chown(trial.bundle.path().c_str(), 0, 0) == 0);
    REQUIRE(chmod(trial.bundle.path().c_str(), 0700) == 0);
    trial.mount("proc", "/proc");
    trial.write("marker", "here");
    CHECK(trial.run([] { return expect(content("/marker") == "here", "marker"); }) == "");
}

TEST_CASE("options that the host locked stay when the child opens the source", "[mounts][root]") {
    CHECK(in_mount_namespace([] {
              Trial trial;
              trial.new_user_namespace(100000);
              trial.prepare = false;
              std::string source = trial.bundle.path() / "source";
              must(make_directories(source));
              if (mount("tmpfs", source.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, nullptr) != 0) {
                  return 2;
              }
              trial.mount("proc", "/proc");
              trial.mount("bind", "/data", {"rbind", "ro"}, source);
              std::string said = trial.run([] {
                  MountLine line = mount_line("/data");
                  return expect(line.has("ro") && line.has("nosuid") && line.has("nodev"), line.options);
              });
              trial.spec.mounts.back().options = {"rbind", "suid"};
              std::string refused = trial.run([] { return ""; });
              return said.empty() && refused == "MountAttributes[1]: Operation not permitted" ? 0 : 1;
          }) == 0);
}

} // namespace ballast::isolate
