// SPDX-License-Identifier: Apache-2.0
#include "agent/volumes/volumes.h"

#include <algorithm>
#include <filesystem>
#include <sys/stat.h>
#include <sys/statfs.h>

#include "agent/volumes/host_path.h"
#include "agent/volumes/sub_path.h"
#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::agent;
namespace fs = std::filesystem;

namespace {

mode_t mode_of(const fs::path &path) {
    struct stat found{};
    REQUIRE(::stat(path.c_str(), &found) == 0);
    return found.st_mode & 07777;
}

Pod with(const Volume &volume) {
    Pod pod;
    pod.uid = "u";
    pod.volumes = {volume};
    return pod;
}

} // namespace

TEST_CASE("an emptyDir is made for everybody to write to, and goes with the pod", "[agent]") {
    const TemporaryDirectory root = scratch();
    const PodDirectory directory(root.path(), "u");
    const Pod pod = with({"data", EmptyDir{}});
    must(directory.make());
    must(make_volumes(pod, directory));
    const fs::path path = must(mount_source(pod, directory, "c", {.volume = "data", .path = "/d"}, 0, ""));
    REQUIRE(path == root.path() / "pods/u/volumes/kubernetes.io~empty-dir/data");
    REQUIRE(mode_of(path) == 0777);
    must(write_file(path / "file", "x"));
    must(make_volumes(pod, directory)); // again: what is in it stays
    REQUIRE(fs::exists(path / "file"));
    REQUIRE(must(pods_with_directories(root.path())) == std::vector<std::string>{"u"});
    must(directory.remove());
    REQUIRE_FALSE(fs::exists(directory.path()));
    must(directory.remove());
}

TEST_CASE("an emptyDir in memory has its size, and is unmounted with the pod", "[agent]") {
    const TemporaryDirectory root = scratch();
    const int status = in_mount_namespace([&] {
        const PodDirectory directory(root.path(), "u");
        const Pod pod = with({"data", EmptyDir{.memory = true, .limit = Quantity::of(1 << 20)}});
        struct statfs found{};
        const bool made = directory.make().has_value() && make_volumes(pod, directory).has_value() &&
                          make_volumes(pod, directory).has_value() && // mounted once
                          mounts_below(directory.path())->size() == 1 &&
                          ::statfs(directory.empty_dir("data").c_str(), &found) == 0 &&
                          found.f_blocks * static_cast<std::uint64_t>(found.f_bsize) == 1 << 20;
        return made && directory.remove().has_value() && !fs::exists(directory.path()) ? 0 : 1;
    });
    REQUIRE(status == 0);
}

TEST_CASE("what stands at a hostPath is of the type that is asked for", "[agent]") {
    const TemporaryDirectory root = scratch();
    const std::string directory = root.path().string(), file = directory + "/file";
    must(write_file(file, ""));
    must(check_host_path({.path = directory + "/missing", .type = ""}));
    must(check_host_path({.path = directory, .type = "Directory"}));
    must(check_host_path({.path = file, .type = "File"}));
    must(check_host_path({.path = "/dev/null", .type = "CharDevice"}));
    must(check_host_path({.path = directory + "/new/dir", .type = "DirectoryOrCreate"}));
    REQUIRE(mode_of(directory + "/new/dir") == 0755);
    must(check_host_path({.path = directory + "/new/file", .type = "FileOrCreate"}));
    REQUIRE(fs::is_regular_file(directory + "/new/file"));
    REQUIRE(error_of(check_host_path({.path = file, .type = "Directory"})).message ==
            "hostPath type check failed: " + file + " is not a directory");
    REQUIRE(
        error_of(check_host_path({.path = file, .type = "DirectoryOrCreate"})).message.ends_with("is not a directory"));
    REQUIRE(error_of(check_host_path({.path = directory + "/none", .type = "Socket"}))
                .message.ends_with("is not a socket file"));
    REQUIRE(error_of(check_host_path({.path = "/dev/null", .type = "BlockDevice"}))
                .message.ends_with("is not a block device"));
}

TEST_CASE("a part of a volume is mounted, and never what lies outside of it", "[agent]") {
    const TemporaryDirectory root = scratch();
    must(make_directories(root.path() / "volume/inner"));
    must(make_directories(root.path() / "outside"));
    must(write_file(root.path() / "volume/inner/file", "inner"));
    must(write_file(root.path() / "outside/secret", "secret"));
    fs::create_symlink("../outside", root.path() / "volume/up");
    fs::create_symlink((root.path() / "outside").string(), root.path() / "volume/absolute");
    fs::create_symlink("inner", root.path() / "volume/link");
    const int status = in_mount_namespace([&] {
        const fs::path volume = root.path() / "volume", target = root.path() / "target";
        const auto at = [&](const std::string &name) { return target / name; };
        bool good =
            mount_sub_path(volume, "inner/file", at("1")).has_value() && read_file(at("1")).value_or("") == "inner";
        good = good && mount_sub_path(volume, "link", at("2")).has_value() &&
               read_file(at("2") / "file").value_or("") == "inner";
        // A link that leads out leads to a place inside, which is made or is not there; never outside.
        (void)mount_sub_path(volume, "up", at("3"));
        (void)mount_sub_path(volume, "absolute", at("4"));
        good = good && !fs::exists(at("3") / "secret") && !fs::exists(at("4") / "secret");
        good = good && mount_sub_path(volume, "new/deep", at("5")).has_value() && fs::is_directory(volume / "new/deep");
        good = good && mount_sub_path(volume, "../outside", at("6")).error().code == EINVAL;
        good = good && mount_sub_path(volume, "/inner", at("7")).error().code == EINVAL;
        return good ? 0 : 1;
    });
    REQUIRE(status == 0);
}

TEST_CASE("what a claim is bound to is mounted once, and given to the pod's group", "[agent]") {
    const TemporaryDirectory root = scratch();
    const fs::path disk = root.path() / "disk", outside = root.path() / "outside";
    must(make_directories(disk / "deep"));
    must(write_file(disk / "deep/file", "kept", 0600));
    must(write_file(outside, "", 0600));
    fs::create_symlink(outside, disk / "link");
    const int status = in_mount_namespace([&] {
        constexpr gid_t kGroup = 4242;
        int asked = 0;
        const VolumeMeans means{.objects = {.volume = [&](const Pod &, const std::string &claim) {
                                    asked++;
                                    return claim == "data" ? Result<PersistentVolume>(
                                                                 {.local = true, .place = {.path = disk.string()}})
                                                           : fail(EAGAIN, "PVC is not bound");
                                }}};
        const PodDirectory directory(root.path(), "u");
        Pod pod = with({"data", ClaimVolume{.name = "data"}});
        pod.name_space = "n";
        pod.security.fs_group = kGroup;
        const fs::path path = mount_source(pod, directory, "c", {.volume = "data", .path = "/d"}, 0, "").value_or("");
        bool good = make_volumes(pod, directory, means).has_value() &&
                    make_volumes(pod, directory, means).has_value() && asked == 1 &&
                    read_file(path / "deep/file").value_or("") == "kept";
        struct stat file{}, deep{}, other{};
        good = good && ::stat((disk / "deep/file").c_str(), &file) == 0 && file.st_gid == kGroup &&
               (file.st_mode & 07777) == 0660 && ::stat((disk / "deep").c_str(), &deep) == 0 && deep.st_gid == kGroup &&
               (deep.st_mode & 07777) == 02775 && // it was 0755
               ::stat(outside.c_str(), &other) == 0 && other.st_gid == 0;
        // What is theirs already stays as it is, if the pod wants it so.
        pod.security.changes_group_always = false;
        good = good && directory.remove().has_value() && ::chmod((disk / "deep/file").c_str(), 0600) == 0 &&
               make_volumes(pod, directory, means).has_value() && ::stat((disk / "deep/file").c_str(), &file) == 0 &&
               (file.st_mode & 07777) == 0600;
        // The pod goes, its data stay.
        good = good && directory.remove().has_value() && !fs::exists(directory.path()) &&
               read_file(disk / "deep/file").value_or("") == "kept";
        const Status none = make_volumes(with({"v", ClaimVolume{.name = "none"}}), directory, means);
        return good && none.error().message == "MountVolume.SetUp failed for volume \"v\": error processing PVC /none: "
                                               "PVC is not bound"
                   ? 0
                   : 1;
    });
    REQUIRE(status == 0);
}

TEST_CASE("a volume that cannot be had is refused by name", "[agent]") {
    const TemporaryDirectory root = scratch();
    const FileVolume files{.kind = "configMap", .sources = {ObjectFiles{.kind = "configMap", .name = "m"}}};
    const Error error = error_of(make_volumes(with({"v", files}), PodDirectory(root.path(), "u")));
    REQUIRE(error.code == ENOTSUP);
    REQUIRE(error.message ==
            "MountVolume.SetUp failed for volume \"v\": configMap volumes can be had from an API server only");
    REQUIRE(error_of(make_volumes(with({"v", ClusterVolume{"csi"}}), PodDirectory(root.path(), "u"))).message ==
            "MountVolume.SetUp failed for volume \"v\": csi volumes are not supported");
}
