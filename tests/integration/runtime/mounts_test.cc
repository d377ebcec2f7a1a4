// SPDX-License-Identifier: Apache-2.0
#include <cstring>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "tests/integration/runtime/rootfs_fixture.h"
#include "tests/unit/check.h"

namespace ballast::isolate {
namespace {

// A directory of the host with a file, and a tmpfs mounted in it; for a test that runs in a mount namespace of its own.
std::filesystem::path source_with_submount(const Trial &trial) {
    std::filesystem::path source = trial.bundle.path() / "source";
    must(make_directories(source / "below"));
    must(write_file(source / "file", "content"));
    if (mount("tmpfs", (source / "below").c_str(), "tmpfs", MS_NOSUID, nullptr) != 0) {
        FAIL("mount");
    }
    return source;
}

// The test's own mounts go away with its process.
int with_mounts(const std::function<std::string()> &body) {
    return in_mount_namespace([&body] {
        std::string wrong = body();
        if (!wrong.empty()) {
            (void)!write(STDERR_FILENO, wrong.data(), wrong.size());
        }
        return wrong.empty() ? 0 : 1;
    });
}

std::string writable(const char *directory) {
    std::string path = std::string(directory) + "/probe";
    return mkdir(path.c_str(), 0755) == 0 ? "yes" : std::strerror(errno);
}

} // namespace

TEST_CASE("read-only bind covers its top, rro every mount below", "[mounts][root]") {
    CHECK(with_mounts([] {
              Trial trial;
              std::string source = source_with_submount(trial);
              trial.mount("proc", "/proc");
              trial.mount("bind", "/top", {"rbind", "ro"}, source);
              trial.mount("bind", "/all", {"rbind", "rro", "nodev"}, source);
              trial.mount("none", "/single", {"bind"}, source);
              return trial.run([] {
                  return expect(writable("/top") == "Read-only file system", "/top") +
                         expect(writable("/top/below") == "yes", "/top/below") +
                         expect(writable("/all/below") == "Read-only file system", "/all/below") +
                         expect(mount_line("/all").has("nodev") && !mount_line("/all/below").has("nodev"),
                                "/all nodev") +
                         expect(mount_line("/all/below").has("nosuid"), "/all/below lost nosuid") +
                         expect(!mount_line("/single/below").found && mount_line("/single").found, "/single");
              });
          }) == 0);
}

TEST_CASE("files, pipes and sockets are bound onto files that are made for them", "[mounts][root]") {
    Trial trial;
    std::string directory = trial.bundle.path();
    must(write_file(directory + "/file", "content"));
    REQUIRE(mkfifo((directory + "/pipe").c_str(), 0600) == 0);
    Fd socket_fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, (directory + "/socket").c_str());
    REQUIRE(bind(socket_fd.get(), reinterpret_cast<sockaddr *>(&address), sizeof address) == 0);
    trial.mount("proc", "/proc");
    trial.mount("bind", "/a/b/file", {"bind", "ro"}, "file");
    trial.mount("bind", "/pipe", {"bind", "rro"}, directory + "/pipe");
    trial.mount("bind", "/socket", {}, directory + "/socket");
    CHECK(trial.run([] {
        auto type = [](const char *path) {
            struct stat status{};
            return stat(path, &status) == 0 ? status.st_mode & S_IFMT : 0;
        };
        struct stat status{};
        return expect(content("/a/b/file") == "content", "file") + expect(type("/pipe") == S_IFIFO, "pipe") +
               expect(type("/socket") == S_IFSOCK, "socket") +
               expect(stat("/a", &status) == 0 && (status.st_mode & 07777) == 0755, "mode of /a");
    }) == "");
}

TEST_CASE("links are bound themselves with src-nofollow and dest-nofollow", "[mounts][root]") {
    Trial trial;
    std::string directory = trial.bundle.path();
    must(write_file(directory + "/file", "content"));
    REQUIRE(symlink("nowhere", (directory + "/link").c_str()) == 0);
    trial.link("target", "point-to-nowhere");
    trial.link("other", "point-to-nowhere");
    trial.mount("proc", "/proc");
    trial.mount("bind", "/target", {"bind", "src-nofollow", "dest-nofollow"}, directory + "/link");
    trial.mount("bind", "/other", {"bind", "dest-nofollow"}, directory + "/file");
    CHECK(trial.run([] {
        std::string text(64, '\0');
        ssize_t size = readlink("/target", text.data(), text.size());
        return expect(size > 0 && text.substr(0, static_cast<std::size_t>(size)) == "nowhere", "/target") +
               expect(content("/other") == "content", "/other");
    }) == "");
}

TEST_CASE("a link that leads nowhere is followed inside the root", "[mounts][root]") {
    Trial trial;
    must(write_file(trial.bundle.path() / "file", "content"));
    must(make_directories(trial.root / "etc"));
    trial.link("etc/not-existing", "../foo/bar/not-here");
    trial.link("etc/absolute", "/somewhere/../else");
    trial.mount("proc", "/proc");
    trial.mount("bind", "/etc/not-existing", {"bind", "ro"}, "file");
    trial.mount("tmpfs", "/etc/absolute/deep", {});
    CHECK(trial.run([] {
        return expect(mount_line("/foo/bar/not-here").found, "/foo/bar/not-here") +
               expect(mount_line("/else/deep").found, "/else/deep");
    }) == "");
}

TEST_CASE("mounts of a container do not show on the host, whatever the source's propagation", "[mounts][root]") {
    CHECK(with_mounts([] {
              Trial trial;
              std::string source = source_with_submount(trial);
              if (mount(nullptr, "/", nullptr, MS_REC | MS_SHARED, nullptr) != 0) {
                  return std::string("share");
              }
              trial.mount("proc", "/proc");
              trial.mount("bind", "/default", {"rbind"}, source);
              trial.mount("bind", "/private", {"rbind", "rprivate"}, source);
              trial.mount("bind", "/shared", {"bind", "rshared"}, source);
              std::string wrong = trial.run([] {
                  bool made = mkdir("/default/below/in", 0755) == 0 &&
                              mount("x", "/default/below/in", "tmpfs", 0, nullptr) == 0;
                  return expect(mount_line("/default").propagation.starts_with("master:"), "/default") +
                         expect(mount_line("/default/below").propagation.starts_with("master:"), "/default/below") +
                         expect(mount_line("/private/below").propagation.empty(), "/private/below") +
                         expect(mount_line("/shared").propagation.starts_with("shared:"), "/shared") +
                         expect(mount_line("/").propagation.empty(), "/") + expect(made, "mount inside");
              });
              return wrong + expect(!mount_line(source + "/below/in").found, "it shows on the host");
          }) == 0);
}

TEST_CASE("the root's propagation is what the specification says", "[mounts][root]") {
    CHECK(with_mounts([] {
              if (mount(nullptr, "/", nullptr, MS_REC | MS_SHARED, nullptr) != 0) {
                  return std::string("share");
              }
              std::string wrong;
              for (auto [text, want] : {std::pair{"rprivate", ""},
                                        {"shared", "shared:"},
                                        {"slave", "master:"},
                                        {"unbindable", "unbindable"}}) {
                  Trial trial;
                  trial.mount("proc", "/proc");
                  trial.spec.linux_.rootfs_propagation = text;
                  wrong += trial.run([&want] {
                      std::string have = mount_line("/").propagation;
                      return expect(std::strlen(want) == 0 ? have.empty() : have.starts_with(want),
                                    std::string(want) + " is " + have);
                  });
              }
              return wrong;
          }) == 0);
}

TEST_CASE("an idmapped mount shows other owners", "[mounts][root]") {
    Trial trial;
    must(make_directories(trial.bundle.path() / "source"));
    must(write_file(trial.bundle.path() / "source/file", ""));
    if (chown((trial.bundle.path() / "source/file").c_str(), 3, 4) != 0) {
        FAIL("chown");
    }
    trial.mount("proc", "/proc");
    oci::Mount &mapped = trial.mount("bind", "/mapped", {"bind", "idmap", "ro"}, "source");
    mapped.uid_mappings = {{0, 1000, 10}};
    mapped.gid_mappings = {{0, 2000, 10}};
    std::string outcome = trial.run([] {
        struct stat status{};
        return expect(stat("/mapped/file", &status) == 0 && status.st_uid == 1003 && status.st_gid == 2004,
                      "owner " + std::to_string(status.st_uid));
    });
    if (outcome.contains("id-mapped")) {
        SKIP("the file system of the temporary directory cannot be id-mapped");
    }
    CHECK(outcome == "");
}

TEST_CASE("tmpcopyup brings what the tmpfs covers", "[mounts][root]") {
    Trial trial;
    trial.write("var/a/file", "content");
    trial.link("var/a/link", "file");
    must(make_directories(trial.root / "var/a/b/c", 0701));
    REQUIRE(mkfifo((trial.root / "var/pipe").c_str(), 0640) == 0);
    REQUIRE(chown((trial.root / "var/a/file").c_str(), 7, 8) == 0);
    REQUIRE(chmod((trial.root / "var/a/file").c_str(), 04755) == 0);
    must(write_file(trial.root / "var/big", std::string(3U << 20, 'x')));
    for (int i = 0; i < 200; i++) {
        must(write_file(trial.root / "var" / ("many-entries-with-long-names-" + std::to_string(i)), "x"));
    }
    trial.mount("proc", "/proc");
    trial.mount("tmpfs", "/var", {"tmpcopyup", "ro", "size=8m"});
    CHECK(trial.run([] {
        struct stat status{};
        std::string wrong = expect(content("/var/a/link") == "content", "content");
        wrong += expect(stat("/var/a/file", &status) == 0 && status.st_uid == 7 && status.st_gid == 8 &&
                            (status.st_mode & 07777) == 04755,
                        "owner and mode");
        wrong += expect(stat("/var/a/b/c", &status) == 0 && (status.st_mode & 07777) == 0701, "directory");
        wrong += expect(stat("/var/pipe", &status) == 0 && S_ISFIFO(status.st_mode), "pipe");
        wrong += expect(content("/var/big").size() == 3U << 20, "big");
        wrong += expect(content("/var/many-entries-with-long-names-199") == "x", "many");
        return wrong + expect(mount_line("/var").type == "tmpfs" && mount_line("/var").has("ro"), "mount");
    }) == "");
    SECTION("and says so when it does not fit") {
        trial.spec.mounts.back().options = {"tmpcopyup", "size=1m"};
        CHECK(trial.run([] { return ""; }) == "TmpCopyUp[1]: No space left on device");
    }
    SECTION("and says so when it is too deep") {
        std::filesystem::path deep = trial.root / "var";
        for (int i = 0; i < 70; i++) {
            deep /= "d";
        }
        must(make_directories(deep));
        CHECK(trial.run([] { return ""; }) == "TmpCopyUp[1]: Too many levels of symbolic links");
    }
}

TEST_CASE("overlay takes the host's directories, many of them too", "[mounts][root]") {
    CHECK(with_mounts([] {
              Trial trial;
              // overlayfs does not stack on itself everywhere: its directories lie on a tmpfs.
              std::string base = trial.bundle.path() / "layers";
              must(make_directories(base));
              if (mount("tmpfs", base.c_str(), "tmpfs", 0, nullptr) != 0) {
                  return std::string("mount");
              }
              std::string lower;
              for (int i = 0; i < 20; i++) {
                  std::string layer = base + "/layer-with-a-long-name-" + std::to_string(i);
                  must(make_directories(layer));
                  must(write_file(layer + "/file" + std::to_string(i), "content"));
                  lower += (lower.empty() ? "" : ":") + layer;
              }
              must(make_directories(base + "/upper"));
              must(make_directories(base + "/work"));
              trial.mount("proc", "/proc");
              trial.mount("overlay", "/overlay",
                          {"lowerdir=" + lower, "upperdir=" + base + "/upper", "workdir=" + base + "/work"});
              return trial.run([] {
                  return expect(content("/overlay/file0") == "content" && content("/overlay/file19") == "content",
                                "layers") +
                         expect(writable("/overlay") == "yes", "upper");
              });
          }) == 0);
}

TEST_CASE("a mount is remounted with other options", "[mounts][root]") {
    Trial trial;
    trial.mount("proc", "/proc");
    trial.mount("tmpfs", "/data", {"nosuid", "size=1m"});
    trial.mount("tmpfs", "/data", {"remount", "noexec", "size=2m"});
    CHECK(trial.run([] {
        MountLine line = mount_line("/data");
        return expect(line.has("nosuid") && line.has("noexec"), line.options) +
               expect(line.super_options.contains("size=2048k"), line.super_options);
    }) == "");
    trial.mount("tmpfs", "/data/no-mount", {"remount", "ro"});
    CHECK(trial.run([] { return ""; }) == "MountTarget[3]: No such file or directory");
    must(make_directories(trial.root / "plain"));
    trial.spec.mounts.back().destination = "/plain";
    CHECK(trial.run([] { return ""; }) == "MountAttributes[3]: Invalid argument");
}

TEST_CASE("mount options reach the mount", "[mounts][root]") {
    Trial trial;
    std::string directory = trial.bundle.path();
    must(make_directories(directory + "/source"));
    trial.mount("proc", "/proc");
    int number = 0;
    std::vector<std::pair<std::string, std::string>> wanted;
    for (const char *option : {"ro", "nosuid", "nodev", "noexec", "noatime", "nodiratime", "nosymfollow", "relatime"}) {
        for (bool recursive : {false, true}) {
            std::string name = std::string(recursive ? "r" : "") + option;
            std::string place = "/bind" + std::to_string(number);
            trial.mount("bind", place, {recursive ? "rbind" : "bind", name}, directory + "/source");
            wanted.emplace_back(place, option);
            place = "/tmpfs" + std::to_string(number++);
            trial.mount("tmpfs", place, {name});
            wanted.emplace_back(place, option);
        }
    }
    trial.mount("tmpfs", "/sync", {"sync", "dirsync", "lazytime", "iversion", "silent"});
    trial.mount("tmpfs", "/strict", {"strictatime"});
    CHECK(trial.run([&wanted] {
        std::string wrong;
        for (const auto &[place, option] : wanted) {
            wrong +=
                expect(mount_line(place).has(option), place + " lacks " + option + ": " + mount_line(place).options);
        }
        std::string super = mount_line("/sync").super_options;
        wrong += expect(super.contains("sync") && super.contains("dirsync") && super.contains("lazytime"), super);
        return wrong +
               expect(!mount_line("/strict").has("relatime") && !mount_line("/strict").has("noatime"), "strictatime");
    }) == "");
}

} // namespace ballast::isolate
