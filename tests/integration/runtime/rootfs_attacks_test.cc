// SPDX-License-Identifier: Apache-2.0
#include <cstring>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "tests/integration/runtime/rootfs_fixture.h"
#include "tests/unit/check.h"

// Images, volumes and specifications that mean harm: the rows of the threat table about mounts, masks, procfs, devices.
namespace ballast::isolate {
namespace {

std::string nothing() { return ""; }

} // namespace

TEST_CASE("a link in the destination stays below the root", "[attacks][root]") {
    Trial trial;
    must(make_directories(trial.bundle.path() / "source"));
    must(write_file(trial.bundle.path() / "source/file", "content"));
    std::string outside = trial.bundle.path() / "outside";
    must(make_directories(outside));
    trial.link("a", "/../../../../.." + outside);
    trial.link("up", "../../../../../../etc");
    trial.mount("proc", "/proc");
    trial.mount("bind", "/a/b", {"bind"}, "source");
    trial.mount("bind", "/up/b", {"bind"}, "source");
    trial.mount("bind", "/../../../x", {"bind"}, "source");
    CHECK(trial.run([&outside] {
        return expect(content(outside + "/b/file") == "content", "not below the root: " + outside) +
               expect(content("/etc/b/file") == "content", "/etc/b") + expect(content("/x/file") == "content", "/x");
    }) == "");
    CHECK(std::filesystem::is_empty(outside));
    CHECK_FALSE(std::filesystem::exists("/etc/b"));
}

TEST_CASE("procfs and sysfs are not mounted through a link", "[attacks][root]") {
    Trial trial;
    must(make_directories(trial.root / "elsewhere"));
    SECTION("/proc is one") {
        trial.link("proc", "elsewhere");
        trial.mount("proc", "/proc");
    }
    SECTION("/sys is one") {
        trial.link("sys", "/elsewhere");
        trial.mount("sysfs", "/sys");
    }
    SECTION("one that leads nowhere") {
        trial.link("proc", "nowhere");
        trial.mount("proc", "/proc");
    }
    SECTION("a directory above is one") {
        trial.link("up", "elsewhere");
        trial.mount("sysfs", "/up/sys");
    }
    CHECK(trial.run(nothing) == "MountTarget[0]: Too many levels of symbolic links");
}

TEST_CASE("procfs on a file is refused", "[attacks][root]") {
    Trial trial;
    trial.write("proc", "");
    trial.mount("proc", "/proc");
    CHECK(trial.run(nothing) == "MountTarget[0]: Not a directory");
}

TEST_CASE("nothing is mounted over parts of procfs, by whatever name", "[attacks][root]") {
    Trial trial;
    must(make_directories(trial.bundle.path() / "source"));
    trial.mount("proc", "/proc");
    SECTION("a link to a directory of it") {
        trial.link("x", "/proc/sys/kernel");
        trial.mount("tmpfs", "/x");
    }
    SECTION("a link to all of it") {
        trial.link("x", "proc");
        trial.mount("bind", "/x", {"rbind"}, "source");
    }
    SECTION("its own link to a process") {
        trial.link("x", "/proc/self/attr");
        trial.mount("tmpfs", "/x");
    }
    SECTION("cgroup") {
        trial.link("x", "/proc/sys");
        trial.mount("cgroup", "/x");
    }
    CHECK(trial.run(nothing) == "MountInsideProc[1]: Operation not permitted");
}

TEST_CASE("a bind over /proc must be procfs", "[attacks][root]") {
    Trial trial;
    must(make_directories(trial.bundle.path() / "source/self"));
    trial.mount("bind", "/proc", {"rbind"}, "source");
    CHECK(trial.run(nothing) == "MountInsideProc[0]: Operation not permitted");
    trial.spec.mounts[0].source = "/proc";
    CHECK(trial.run([] { return expect(mount_line("/proc").type == "proc", "/proc"); }) == "");
}

TEST_CASE("files of procfs that may be replaced are", "[attacks][root]") {
    Trial trial;
    must(write_file(trial.bundle.path() / "meminfo", "mine"));
    trial.mount("proc", "/proc");
    trial.mount("bind", "/proc/meminfo", {"bind", "ro"}, "meminfo");
    CHECK(trial.run([] { return expect(content("/proc/meminfo") == "mine", "meminfo"); }) == "");
}

TEST_CASE("magic links of procfs are not followed", "[attacks][root]") {
    Trial trial;
    must(write_file(trial.bundle.path() / "file", ""));
    trial.link("x", "/proc/self/root/tmp");
    trial.link("y", "/proc/self/exe");
    trial.mount("proc", "/proc");
    SECTION("to a root") { trial.mount("tmpfs", "/x/y"); }
    SECTION("to the runtime's binary") { trial.mount("bind", "/y", {"bind"}, "file"); }
    CHECK(trial.run(nothing) == "MountTarget[1]: Too many levels of symbolic links");
}

TEST_CASE("a /dev that is a link is not populated", "[attacks][root]") {
    Trial trial;
    std::string outside = trial.bundle.path() / "outside-dev";
    must(make_directories(outside));
    must(make_directories(trial.root / "inside"));
    must(write_file(outside + "/ptmx", "outside marker"));
    SECTION("out of the root") { trial.link("dev", outside); }
    SECTION("inside the root") { trial.link("dev", "inside"); }
    trial.mount("proc", "/proc");
    CHECK(trial.run(nothing) == "Device[0]: Too many levels of symbolic links");
    CHECK(content(outside + "/ptmx") == "outside marker");
    CHECK(std::distance(std::filesystem::directory_iterator(outside), {}) == 1);
}

TEST_CASE("a /dev/null that is something else is refused", "[attacks][root]") {
    Trial trial;
    std::string victim = trial.bundle.path() / "victim";
    must(write_file(victim, "keep"));
    must(make_directories(trial.root / "dev"));
    trial.mount("proc", "/proc");
    SECTION("a link to a file of the host") { trial.link("dev/null", victim); }
    SECTION("a link to the right device") { trial.link("dev/null", "/dev/zero"); }
    SECTION("a file") { trial.write("dev/null", "keep"); }
    SECTION("another device") { REQUIRE(mknod((trial.root / "dev/null").c_str(), S_IFCHR | 0666, makedev(1, 5)) == 0); }
    CHECK(trial.run(nothing) == "Device[0]: File exists");
    CHECK(content(victim) == "keep");
}

TEST_CASE("masks are made of the host's /dev/null, not of the container's", "[attacks][root]") {
    Trial trial;
    must(make_directories(trial.bundle.path() / "dev"));
    must(write_file(trial.bundle.path() / "dev/null", "not null at all"));
    trial.mount("proc", "/proc");
    trial.mount("bind", "/dev", {"rbind"}, "dev");
    trial.spec.linux_.masked_paths = {"/proc/interrupts", "/proc/missing/x", "/proc/version"};
    CHECK(trial.run([] {
        struct stat status{};
        return expect(stat("/proc/interrupts", &status) == 0 && S_ISCHR(status.st_mode) &&
                          status.st_rdev == makedev(1, 3),
                      "/proc/interrupts") +
               expect(stat("/proc/version", &status) == 0 && S_ISCHR(status.st_mode), "/proc/version");
    }) == "");
}

TEST_CASE("a masked path that is a link masks what it names inside the root", "[attacks][root]") {
    Trial trial;
    std::string victim = trial.bundle.path() / "victim";
    must(write_file(victim, "keep"));
    trial.write("secret", "secret");
    trial.link("link", "secret");
    trial.link("outside", victim);
    trial.link("up", "../../../../../../../../secret");
    trial.mount("proc", "/proc");
    trial.spec.linux_.masked_paths = {"/link", "/outside", "/up/nothing"};
    trial.spec.linux_.readonly_paths = {"/outside", "/up"};
    CHECK(trial.run([] {
        return expect(content("/secret").empty(), "it can be read") +
               expect(!mount_line("/outside").found, "the link itself is a mount");
    }) == "");
    CHECK(content(victim) == "keep");
}

TEST_CASE("a masked or read-only path through a magic link is refused", "[attacks][root]") {
    Trial trial;
    trial.link("x", "/proc/self/root");
    trial.mount("proc", "/proc");
    SECTION("masked") {
        trial.spec.linux_.masked_paths = {"/x/proc"};
        CHECK(trial.run(nothing) == "MaskedPath[0]: Too many levels of symbolic links");
    }
    SECTION("read-only") {
        trial.spec.linux_.readonly_paths = {"/x/proc"};
        CHECK(trial.run(nothing) == "ReadonlyPath[0]: Too many levels of symbolic links");
    }
}

TEST_CASE("a /dev/console that is a link is refused", "[attacks][root]") {
    Trial trial;
    std::string victim = trial.bundle.path() / "victim";
    must(write_file(victim, "keep"));
    must(make_directories(trial.root / "dev/pts"));
    trial.link("dev/console", victim);
    trial.mount("proc", "/proc");
    trial.mount("devpts", "/dev/pts", {"newinstance", "ptmxmode=0666"});
    trial.settings.terminal = true;
    trial.console = true;
    CHECK(trial.run(nothing) == "Console[-1]: Too many levels of symbolic links");
}

TEST_CASE("only a pts becomes /dev/console", "[attacks][root]") {
    Trial trial;
    trial.mount("proc", "/proc");
    RootfsPlan plan = must(plan_rootfs(trial.spec, trial.settings));
    Fd file = must(open_file("/dev/null", O_RDWR));
    CHECK(mount_console(plan, file).code == ENOTTY);
}

TEST_CASE("sysctls are written past what the container put over its /proc", "[attacks][root]") {
    Trial trial;
    must(make_directories(trial.bundle.path() / "fake"));
    must(write_file(trial.bundle.path() / "fake/meminfo", ""));
    trial.mount("tmpfs", "/other");
    trial.spec.linux_.sysctl = {{"net.ipv4.ip_forward", "1"}};
    trial.write("proc/sys/net/ipv4/ip_forward", "untouched");
    CHECK(trial.run([] { return expect(content("/proc/sys/net/ipv4/ip_forward") == "untouched", "misdirected"); }) ==
          "");
}

TEST_CASE("sysctls of a joined network namespace that is the host's are refused", "[attacks][root]") {
    Trial trial;
    trial.without(oci::NamespaceType::kNetwork);
    trial.spec.linux_.namespaces.push_back({oci::NamespaceType::kNetwork, "/proc/self/ns/net"});
    trial.spec.linux_.sysctl = {{"net.ipv4.ip_forward", "1"}};
    RootfsPlan plan = must(plan_rootfs(trial.spec, trial.settings));
    CHECK(error_of(prepare_sources(plan)).message ==
          "linux.sysctl: the network namespace /proc/self/ns/net is the host's");
}

TEST_CASE("a moved root leaves no whole procfs of the host behind", "[attacks][root]") {
    Trial trial;
    trial.use_defaults();
    trial.settings.pivot = false;
    CHECK(trial.run([] {
        // What is left of the host's tree is below our root and has no name; the table shows it nevertheless.
        std::string table = content("/proc/self/mountinfo");
        std::size_t first = table.find(" - proc ");
        return expect(first != std::string::npos, "no proc");
    }) == "");
}

} // namespace ballast::isolate
