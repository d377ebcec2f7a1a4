// SPDX-License-Identifier: Apache-2.0
#include <cstring>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "tests/integration/runtime/rootfs_fixture.h"
#include "tests/unit/check.h"

namespace ballast::isolate {
namespace {

std::string check_device(const std::string &path, unsigned major_number, unsigned minor_number) {
    struct stat status{};
    if (lstat(path.c_str(), &status) != 0) {
        return path + ": missing\n";
    }
    return expect(S_ISCHR(status.st_mode) && status.st_rdev == makedev(major_number, minor_number), path + ": number") +
           expect((status.st_mode & 07777) == 0666, path + ": mode");
}

std::string link_of(const std::string &path) {
    std::string text(256, '\0');
    ssize_t size = readlink(path.c_str(), text.data(), text.size());
    return size < 0 ? "" : text.substr(0, static_cast<std::size_t>(size));
}

std::string check_defaults() {
    std::string wrong;
    for (auto [place, type] : {std::pair{"/proc", "proc"},
                               {"/dev", "tmpfs"},
                               {"/dev/pts", "devpts"},
                               {"/dev/shm", "tmpfs"},
                               {"/dev/mqueue", "mqueue"},
                               {"/sys", "sysfs"},
                               {"/sys/fs/cgroup", "cgroup2"}}) {
        wrong += expect(mount_line(place).type == type, std::string(place) + " is of type " + mount_line(place).type);
    }
    MountLine shm = mount_line("/dev/shm");
    wrong += expect(shm.has("nosuid") && shm.has("noexec") && shm.has("nodev") && shm.source == "shm", "/dev/shm");
    wrong += expect(shm.super_options.contains("size=65536k"), "size of /dev/shm: " + shm.super_options);
    wrong += expect(mount_line("/sys").has("ro") && mount_line("/sys/fs/cgroup").has("ro"), "/sys is writable");
    wrong += expect(!mount_line("/dev").has("relatime"), "/dev has relatime");
    wrong += check_device("/dev/null", 1, 3) + check_device("/dev/zero", 1, 5) + check_device("/dev/full", 1, 7) +
             check_device("/dev/random", 1, 8) + check_device("/dev/urandom", 1, 9) + check_device("/dev/tty", 5, 0);
    wrong += expect(link_of("/dev/fd") == "/proc/self/fd" && link_of("/dev/stdin") == "/proc/self/fd/0" &&
                        link_of("/dev/ptmx") == "pts/ptmx",
                    "links of /dev");
    wrong += expect(content("/proc/self/mountinfo").find(" /ballast") == std::string::npos, "host mounts are left");
    return wrong;
}

std::string check_masks() {
    std::string wrong;
    wrong += expect(content("/proc/interrupts").empty(), "/proc/interrupts can be read");
    wrong += expect(chmod("/proc/interrupts", 0) != 0 && errno == EROFS, "the mask's mode can be changed");
    struct stat status{};
    wrong +=
        expect(stat("/sys/firmware", &status) != 0 || (status.st_nlink == 2 && mount_line("/sys/firmware").has("ro")),
               "/sys/firmware is not masked");
    wrong +=
        expect(open("/proc/sys/kernel/msgmax", O_WRONLY | O_CLOEXEC) < 0 && errno == EROFS, "/proc/sys is writable");
    MountLine line = mount_line("/proc/sys");
    wrong += expect(line.type == "proc" && line.has("ro"), "/proc/sys: " + line.options);
    return wrong;
}

} // namespace

TEST_CASE("a container sees the default mounts, devices, links and masks", "[rootfs][root]") {
    Trial trial;
    trial.use_defaults();
    trial.spec.root.read_only = true;
    trial.spec.linux_.sysctl = {{"net.ipv4.ip_forward", "1"}, {"kernel.msgmax", "8191"}};
    trial.spec.linux_.namespaces.push_back({oci::NamespaceType::kCgroup, ""});
    trial.settings.new_cgroup_namespace = true;
    SECTION("opened by the parent") {}
    SECTION("opened by the child") { trial.prepare = false; }
    SECTION("with a moved root") { trial.settings.pivot = false; }
    CHECK(trial.run([] {
        return check_defaults() + check_masks() +
               expect(content("/proc/sys/net/ipv4/ip_forward") == "1\n", "sysctl of the network") +
               expect(content("/proc/sys/kernel/msgmax") == "8191\n", "sysctl of ipc") +
               expect(mkdir("/x", 0755) != 0 && errno == EROFS, "the root is writable");
    }) == "");
    CHECK(content("/proc/sys/kernel/msgmax") != "8191\n");
}

TEST_CASE("without a cgroup namespace a container sees its own cgroup only", "[rootfs][root]") {
    Trial trial;
    trial.use_defaults();
    CHECK(trial.run([] {
        return expect(mount_line("/sys/fs/cgroup").type == "cgroup2", "no cgroup2") +
               expect(mount_line("/sys/fs/cgroup").has("ro"), "it is writable");
    }) == "");
}

TEST_CASE("masked directories share one empty file system that cannot be written", "[rootfs][root]") {
    Trial trial;
    trial.write("a/secret", "secret");
    trial.write("b/secret", "secret");
    trial.write("c", "secret");
    trial.write("d", "secret");
    trial.write("e/file", "old");
    trial.mount("proc", "/proc");
    trial.mount("tmpfs", "/e/below");
    trial.spec.linux_.masked_paths = {"/a", "/b/", "/c", "/c", "/d", "/missing", "/c/below"};
    trial.spec.linux_.readonly_paths = {"/e", "/missing"};
    CHECK(trial.run([] {
        std::string wrong;
        for (const char *path : {"/a", "/b"}) {
            MountLine line = mount_line(path);
            wrong += expect(line.type == "tmpfs" && line.has("ro") && line.has("nosuid") && line.has("noexec"), path);
            wrong += expect(access((std::string(path) + "/secret").c_str(), F_OK) != 0, "it can be read");
            // Even who makes it writable finds no room.
            wrong += expect(mount(nullptr, path, nullptr, MS_REMOUNT | MS_BIND, nullptr) == 0 &&
                                mkdir((std::string(path) + "/x").c_str(), 0755) != 0 && errno == ENOSPC,
                            "it has room");
        }
        wrong += expect(content("/c").empty() && content("/d").empty(), "files");
        wrong += expect(mkdir("/e/x", 0755) != 0 && errno == EROFS, "/e");
        return wrong + expect(mkdir("/e/below/x", 0755) == 0, "/e/below has options of its own");
    }) == "");
}

TEST_CASE("the host's working directory and mounts are out of reach", "[rootfs][root]") {
    Trial trial;
    trial.use_defaults();
    std::string outside = trial.bundle.path().string();
    CHECK(trial.run([&] {
        std::string wrong;
        wrong += expect(access(outside.c_str(), F_OK) != 0, "the bundle is visible");
        wrong += expect(access("../../../usr/bin", F_OK) != 0, "\"..\" leads out");
        std::string table = content("/proc/self/mountinfo");
        wrong += expect(std::count(table.begin(), table.end(), '\n') < 40, "too many mounts: " + table);
        return wrong;
    }) == "");
}

TEST_CASE("read-only tmpfs mounts take mount points and nodes first", "[rootfs][root]") {
    Trial trial;
    trial.mount("proc", "/proc");
    trial.mount("tmpfs", "/dev", {"ro", "nosuid"});
    trial.mount("tmpfs", "/data", {"ro", "mode=711"});
    trial.mount("tmpfs", "/data/inner", {});
    CHECK(trial.run([] {
        return check_device("/dev/null", 1, 3) + expect(mount_line("/dev").has("ro"), "/dev is writable") +
               expect(mount_line("/data").has("ro"), "/data is writable") +
               expect(mkdir("/data/inner/x", 0755) == 0, "/data/inner is read-only");
    }) == "");
}

TEST_CASE("a tmpfs takes the mode of the directory that it covers", "[rootfs][root]") {
    Trial trial;
    must(make_directories(trial.root / "old", 0712));
    must(make_directories(trial.root / "named", 0700));
    trial.mount("proc", "/proc");
    trial.mount("tmpfs", "/old", {"ro"});
    trial.mount("tmpfs", "/named", {"mode=1777"});
    trial.mount("tmpfs", "/new");
    CHECK(trial.run([] {
        auto mode = [](const char *path) {
            struct stat status{};
            return stat(path, &status) == 0 ? status.st_mode & 07777 : 0;
        };
        return expect(mode("/old") == 0712, "/old") + expect(mode("/named") == 01777, "/named") +
               expect(mode("/new") == 01777, "/new") + expect(mode("/proc") == 0555, "/proc");
    }) == "");
}

TEST_CASE("the terminal is mounted on /dev/console", "[rootfs][root]") {
    Trial trial;
    trial.use_defaults();
    trial.settings.terminal = true;
    trial.console = true;
    CHECK(trial.run([] {
        struct stat status{};
        return expect(stat("/dev/console", &status) == 0 && S_ISCHR(status.st_mode) && major(status.st_rdev) == 136,
                      "/dev/console is no pts") +
               expect(mount_line("/dev/console").type == "devpts", "it is no mount");
    }) == "");
}

TEST_CASE("a mount on the root becomes the root", "[rootfs][root]") {
    Trial trial;
    must(make_directories(trial.bundle.path() / "other"));
    must(write_file(trial.bundle.path() / "other" / "file", "other"));
    trial.mount("bind", "/", {"bind"}, "other");
    trial.use_defaults();
    trial.spec.root.read_only = true;
    CHECK(trial.run([] {
        return expect(content("/file") == "other", "the old root is seen") +
               expect(content("/../file") == "other", "\"..\" leads out") +
               expect(mkdir("/x", 0755) != 0 && errno == EROFS, "the root is writable") + check_masks();
    }) == "");
}

TEST_CASE("a working directory that is missing is made inside the root, whatever links say", "[rootfs][root]") {
    Trial trial;
    const TemporaryDirectory host = scratch();
    trial.link("out", host.path().string());
    trial.spec.process.emplace();
    for (const char *cwd : {"/srv//app/./data/", "/out/data"}) {
        trial.spec.process->cwd = cwd;
        CHECK(trial.run([cwd] {
            struct stat status{};
            return stat(cwd, &status) == 0 && S_ISDIR(status.st_mode) && (status.st_mode & 07777) == 0755 ? "" : cwd;
        }) == "");
    }
    CHECK(std::filesystem::is_empty(host.path()));
}

TEST_CASE("a step that fails names its mount, and nothing is left on the host", "[rootfs][root]") {
    Trial trial;
    trial.mount("proc", "/proc");
    trial.mount("nosuchfs", "/x");
    CHECK(trial.run([] { return ""; }) == "MountCreate[1]: No such device");
    trial.spec.mounts.pop_back();
    trial.mount("tmpfs", "/x", {"nosuchoption=1"});
    CHECK(trial.run([] { return ""; }) == "MountAttributes[1]: Invalid argument");
    trial.spec.mounts.pop_back();
    trial.mount("bind", "/x", {"bind"}, "/nonexistent/y");
    CHECK(trial.run([] { return ""; }) == "MountSource[1]: No such file or directory");
    trial.spec.mounts.pop_back();
    trial.spec.linux_.sysctl = {{"net.ipv4.no_such_thing", "1"}};
    CHECK(trial.run([] { return ""; }) == "Sysctl[0]: No such file or directory");
    trial.spec.linux_.sysctl.clear();
    trial.spec.root.path = "missing";
    CHECK(trial.run([] { return ""; }).starts_with("prepare: root.path: open "));
    CHECK(content("/proc/self/mountinfo").find(trial.bundle.path().string()) == std::string::npos);
}

} // namespace ballast::isolate
