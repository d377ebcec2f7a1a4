// SPDX-License-Identifier: Apache-2.0
// The images made of Debian's packages, judged by other people's tools.
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <fstream>
#include <set>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "base/digest.h"
#include "base/file_io.h"
#include "base/subprocess.h"
#include "tests/images/built_images.h"
#include "tests/images/deb.h"
#include "tests/unit/images/check.h"

using namespace ballast;
using namespace ballast::images;
using Catch::Matchers::ContainsSubstring;
using std::filesystem::path;

namespace {

Command command(std::vector<std::string> arguments) {
    Command made;
    made.arguments = std::move(arguments);
    made.timeout = std::chrono::seconds(120);
    return made;
}

std::string attribute(const path &file, const std::string &name) {
    std::string value(256, '\0');
    const ssize_t length = lgetxattr(file.c_str(), name.c_str(), value.data(), value.size());
    value.resize(length < 0 ? 0 : static_cast<size_t>(length));
    return value;
}

mode_t type_bits(Kind kind) {
    switch (kind) {
    case Kind::kFile:
    case Kind::kHardLink:
        return S_IFREG;
    case Kind::kDirectory:
        return S_IFDIR;
    case Kind::kSymlink:
        return S_IFLNK;
    case Kind::kFifo:
        return S_IFIFO;
    }
    return 0;
}

void check_entry(const path &root, const Tree &tree, const Entry &entry) {
    CAPTURE(entry.path);
    struct stat found{};
    REQUIRE(lstat((root / entry.path).c_str(), &found) == 0);
    const Entry &file = entry.kind == Kind::kHardLink ? tree.at(entry.target) : entry;
    CHECK((found.st_mode & S_IFMT) == type_bits(entry.kind));
    CHECK(found.st_uid == file.user);
    CHECK(found.st_gid == file.group);
    if (entry.kind == Kind::kSymlink) {
        CHECK(std::filesystem::read_symlink(root / entry.path) == entry.target);
        return;
    }
    CHECK((found.st_mode & 07777) == file.mode);
    if (entry.kind == Kind::kFile) {
        CHECK(must(sha256_file(root / entry.path)) == sha256(entry.content));
    } else if (entry.kind == Kind::kHardLink) {
        struct stat target{};
        REQUIRE(lstat((root / entry.target).c_str(), &target) == 0);
        CHECK(found.st_ino == target.st_ino);
    }
    for (const auto &[name, value] : entry.attributes) {
        CHECK(attribute(root / entry.path, name) == value);
    }
}

} // namespace

TEST_CASE("building again gives the same digests", "[images]") {
    const BuiltImages images;
    const std::time_t time = must(build_time());
    for (const ImageSpec &image : images.images()) {
        const BuiltImage again = must(build_image(image, images.sources(), time, images.scratch() / "again"));
        CHECK(again.digest == images.built(image.name).digest);
    }
}

TEST_CASE("umoci unpacks to exactly the file system that the description means", "[images][root]") {
    const BuiltImages images;
    for (const char *name : {"layers", "busybox", "web", "memory-eater"}) {
        CAPTURE(name);
        const path bundle = images.scratch() / "bundle" / name;
        must(make_directories(bundle.parent_path()));
        const std::string image = images.layout(name).string() + ":" + images.built(name).tag;
        must(run_checked(command({"umoci", "unpack", "--image", image, bundle})));
        const ImageSpec &spec = images.image(name);
        const Tree tree = must(image_tree(must(image_layers(spec, spec.platforms[0], images.sources()))));
        for (const auto &[file, entry] : tree) {
            check_entry(bundle / "rootfs", tree, entry);
        }
        std::set<std::string> unexpected;
        for (const auto &item : std::filesystem::recursive_directory_iterator(bundle / "rootfs")) {
            const std::string file = item.path().lexically_relative(bundle / "rootfs");
            if (!tree.contains(file)) {
                unexpected.insert(file);
            }
        }
        CHECK(unexpected == std::set<std::string>());
    }
}

TEST_CASE("the web image's command answers on its port", "[images][root]") {
    const BuiltImages images;
    const ImageSpec &web = images.image("web");
    const path bundle = images.scratch() / "bundle";
    must(run_checked(command({"umoci", "unpack", "--image", images.layout("web").string() + ":" + web.tag, bundle})));
    // A network namespace without a way out: the image's server binds to every address that it finds.
    const char *script = "root=$1 user=$2\nshift 2\nip link set lo up\n"
                         "chroot --userspec=\"$user\" \"$root\" \"$@\" &\n"
                         "for attempt in $(seq 200); do\n"
                         "  chroot \"$root\" wget -q -O - http://127.0.0.1:8080/ && exit 0\n  sleep 0.05\n"
                         "done\nexit 1\n";
    Command serve = command({"unshare", "--net", "--pid", "--fork", "--kill-child", "sh", "-c", script, "sh",
                             bundle / "rootfs", web.config.user});
    serve.environment = {{"PATH", "/usr/sbin:/usr/bin:/sbin:/bin"}}; // of the build root and of the image
    serve.arguments.insert(serve.arguments.end(), web.config.command.begin(), web.config.command.end());
    CHECK(must(run_checked(serve)) == must(read_file("tests/images/web/index.html")));
}

TEST_CASE("skopeo reads every layout and keeps every digest", "[images]") {
    const BuiltImages images;
    for (const ImageSpec &image : images.images()) {
        CAPTURE(image.name);
        const path copy = images.scratch() / "copy" / image.name;
        const path digest = images.scratch() / "digest";
        must(make_directories(copy.parent_path()));
        must(run_checked(
            command({"skopeo", "--insecure-policy", "copy", "--quiet", "--all", "--preserve-digests", "--digestfile",
                     digest, "oci:" + images.layout(image.name).string() + ":" + image.tag, "dir:" + copy.string()})));
        CHECK(must(read_file(digest)) == images.built(image.name).digest);
        CHECK("sha256:" + must(sha256_file(copy / "manifest.json")) == images.built(image.name).digest);
    }
}

TEST_CASE("the applets read from busybox are those that it names itself", "[images]") {
    const BuiltImages images;
    const std::string bytes = must(images.sources().package_file("busybox-static", "amd64", "usr/bin/busybox"));
    const path program = images.scratch() / "busybox";
    must(write_file(program, bytes, 0755));
    std::string listed;
    for (const std::string &name : must(busybox_applets(bytes))) {
        listed += name + "\n";
    }
    CHECK(must(run_checked(command({program, "--list"}))) == listed);
    // Debian configures busybox alike everywhere, so a table misread on another architecture would show.
    const std::string foreign = must(images.sources().package_file("busybox-static", "arm64", "usr/bin/busybox"));
    std::string names;
    for (const std::string &name : must(busybox_applets(foreign))) {
        names += name + "\n";
    }
    CHECK(names == listed);
}

TEST_CASE("memory-eater holds what it is asked for, and refuses nonsense", "[images]") {
    const path program = own_directory() / "memory-eater";
    for (const char *bad : {"0", "x", "-1", "", "12x", "99999999999999999999"}) {
        const Completed refused = must(run(command({program, bad})));
        CHECK(refused.status == 2);
        CHECK_THAT(refused.errors, ContainsSubstring("usage: memory-eater MIB"));
    }
    const TemporaryDirectory scratch = must(TemporaryDirectory::create("/tmp", "memory-eater-test-"));
    Command start;
    start.arguments = {program, "32"};
    start.log = scratch.path() / "log";
    must(write_file(start.log, ""));
    const Child child = must(Child::start(start));
    std::string said;
    for (int waited = 0; said.empty() && waited < 500; ++waited) {
        usleep(20'000);
        said = must(read_file(start.log));
    }
    CHECK(said == "holding 32 MiB\n");
    std::ifstream status("/proc/" + std::to_string(child.pid()) + "/status");
    long resident = 0;
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with("VmRSS:")) {
            resident = std::stol(line.substr(6));
        }
    }
    CHECK(resident >= 32 * 1024);
    CHECK(resident < 40 * 1024);
}

TEST_CASE("without network and without a cache the message says what is missing", "[images]") {
    const TemporaryDirectory scratch = must(TemporaryDirectory::create("/tmp", "images-test-"));
    must(write_file(scratch.path() / "apt.conf", "Acquire::http::Proxy \"http://127.0.0.1:9\";\n"
                                                 "Acquire::https::Proxy \"http://127.0.0.1:9\";\n"
                                                 "Acquire::Retries \"0\";\n"));
    Command build = command({own_directory() / "ballast-test-images", "build", "--cache", scratch.path() / "cache",
                             "--out", scratch.path() / "out", "busybox"});
    build.environment = {{"APT_CONFIG", scratch.path() / "apt.conf"}};
    const Completed failed = must(run(build));
    CHECK(failed.status == 1);
    CHECK_THAT(failed.errors, ContainsSubstring("busybox-static:amd64") && ContainsSubstring("connect to the network"));
    CHECK_FALSE(std::filesystem::exists(scratch.path() / "out/busybox"));
    SECTION("a warm cache needs neither") {
        const BuiltImages filled; // has made sure that the shared cache is warm
        build.arguments[3] = test_cache();
        const std::string printed = must(run_checked(build));
        CHECK(printed == "busybox:latest " + filled.built("busybox").digest + "\n");
    }
}

TEST_CASE("an unknown image is refused by name", "[images]") {
    const Completed failed = must(run(
        command({own_directory() / "ballast-test-images", "build", "--cache", "/tmp", "--out", "/tmp", "nonesuch"})));
    CHECK(failed.status == 1);
    CHECK_THAT(failed.errors, ContainsSubstring("images.yaml describes no image nonesuch"));
}
