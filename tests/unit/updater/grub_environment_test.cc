// SPDX-License-Identifier: Apache-2.0
#include "updater/grub_environment.h"

#include <array>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "base/file_io.h"
#include "base/subprocess.h"

namespace ballast::updater {
namespace {

namespace fs = std::filesystem;

const std::string kSignature = "# GRUB Environment Block\n";

std::string padded(std::string text) {
    text.resize(kEnvironmentSize, '#');
    return text;
}

struct Place {
    ino_t inode;
    std::uint64_t offset; // of the first byte on the device

    bool operator==(const Place &) const = default;
};

Place place_of(const fs::path &file) {
    const Fd fd = open_file(file, O_RDONLY).value();
    struct stat status{};
    REQUIRE(::fstat(fd.get(), &status) == 0);
    alignas(fiemap) std::array<char, sizeof(fiemap) + sizeof(fiemap_extent)> buffer{};
    auto *map = reinterpret_cast<fiemap *>(buffer.data());
    map->fm_length = FIEMAP_MAX_OFFSET;
    map->fm_flags = FIEMAP_FLAG_SYNC;
    map->fm_extent_count = 1;
    if (::ioctl(fd.get(), FS_IOC_FIEMAP, map) != 0) {
        return {status.st_ino, 0}; // tmpfs has no blocks; the inode is what there is to compare
    }
    REQUIRE(map->fm_mapped_extents == 1);
    return {status.st_ino, map->fm_extents[0].fe_physical};
}

class File {
  public:
    File() : directory_(TemporaryDirectory::create(fs::temp_directory_path(), "ballast-grubenv-").value()) {}
    fs::path path() const { return directory_.path() / "grubenv"; }

  private:
    TemporaryDirectory directory_;
};

TEST_CASE("a fresh environment is a signature and padding", "[boot]") {
    CHECK(GrubEnvironment().format().value() == padded(kSignature));
}

TEST_CASE("variables survive a round trip, with what must be escaped", "[boot]") {
    GrubEnvironment environment;
    REQUIRE(environment.set("good", "a.b-c").has_value());
    REQUIRE(environment.set("odd", "back\\slash\nnew line # = '").has_value());
    REQUIRE(environment.set("_empty1", "").has_value());
    const std::string block = environment.format().value();
    CHECK(block == padded(kSignature + "_empty1=\ngood=a.b-c\nodd=back\\\\slash\\\nnew line # = '\n"));
    CHECK(GrubEnvironment::parse(block).value() == environment);
    CHECK(environment.get("good") == "a.b-c");
    environment.remove("good");
    environment.remove("good");
    CHECK(environment.get("good") == std::nullopt);
}

TEST_CASE("GRUB's own tool and we read each other's blocks", "[boot]") {
    const File file;
    const auto editenv = [&](std::vector<std::string> arguments) {
        Command command;
        command.arguments = {"grub-editenv", file.path()};
        command.arguments.insert(command.arguments.end(), arguments.begin(), arguments.end());
        return run_checked(command).value();
    };
    (void)editenv({"create"}); // with the comment line that it adds
    (void)editenv({"set", "good=x y", "odd=a\\b"});
    GrubEnvironment environment = read_environment(file.path()).value();
    CHECK(environment.get("good") == "x y");
    CHECK(environment.get("odd") == "a\\b");
    REQUIRE(environment.set("tries", "2").has_value());
    environment.remove("good");
    REQUIRE(write_environment(file.path(), environment).has_value());
    CHECK(editenv({"list"}) == "odd=a\\b\ntries=2\n");
}

TEST_CASE("anything but an environment block is corrupt", "[boot]") {
    const std::string block = GENERATE(
        as<std::string>(), "", kSignature, padded(""), std::string(kEnvironmentSize, '\0'), padded(kSignature) + "#",
        padded(kSignature).substr(1), padded("# GRUB environment block\n"), padded(kSignature + "novalue"),
        padded(kSignature + "=x\n"), padded(kSignature + "1a=x\n"), padded(kSignature + "a b=x\n"),
        padded(kSignature + "a=x\na=y\n"), padded(kSignature + "\n"), padded(kSignature + "a=open"),
        padded(kSignature + "a=" + std::string(1, '\0') + "\n"), padded(kSignature + "a=x\n#").replace(900, 1, "x"),
        padded(kSignature + "a=x\n").replace(1023, 1, std::string(1, '\0')));
    CAPTURE(block);
    const auto environment = GrubEnvironment::parse(block);
    REQUIRE_FALSE(environment.has_value());
    CHECK(environment.error().code == EINVAL);
}

TEST_CASE("names and values that GRUB cannot hold are refused", "[boot]") {
    GrubEnvironment environment;
    for (const char *name : {"", "1a", "a b", "a=b", "a\n", "#a"}) {
        CHECK_FALSE(environment.set(name, "x").has_value());
    }
    CHECK_FALSE(environment.set("a", std::string("x\0y", 3)).has_value());
    CHECK(environment == GrubEnvironment());
    REQUIRE(environment.set("a", std::string(kEnvironmentSize, 'x')).has_value());
    const auto block = environment.format();
    REQUIRE_FALSE(block.has_value());
    CHECK(block.error().code == ENOSPC);
    REQUIRE(environment.set("a", std::string(kEnvironmentSize - kSignature.size() - 3, 'x')).has_value());
    CHECK(GrubEnvironment::parse(environment.format().value()).value() == environment); // filled to the last byte
}

TEST_CASE("the file is rewritten where it stands", "[boot]") {
    const File file;
    GrubEnvironment environment;
    REQUIRE(write_environment(file.path(), environment).has_value()); // made when missing
    CHECK(fs::file_size(file.path()) == kEnvironmentSize);
    const Place before = place_of(file.path());
    for (const char *value : {"one", "a longer value", ""}) {
        REQUIRE(environment.set("good", value).has_value());
        REQUIRE(write_environment(file.path(), environment).has_value());
        CHECK(place_of(file.path()) == before);
        CHECK(fs::file_size(file.path()) == kEnvironmentSize);
        CHECK(read_environment(file.path()).value() == environment);
    }
    SECTION("also over a corrupt block of the right size") {
        const Fd fd = open_file(file.path(), O_WRONLY).value();
        REQUIRE(write_all(fd, std::string(kEnvironmentSize, 'x')).has_value());
        REQUIRE(write_environment(file.path(), environment).has_value());
        CHECK(place_of(file.path()) == before);
        CHECK(read_environment(file.path()).value() == environment);
    }
}

TEST_CASE("a file of another size is replaced by a fresh block", "[boot]") {
    const File file;
    const std::size_t size = GENERATE(std::size_t{0}, kEnvironmentSize - 1, kEnvironmentSize + 1, std::size_t{200'000});
    REQUIRE(write_file(file.path(), std::string(size, '#')).has_value());
    const auto found = read_environment(file.path());
    REQUIRE_FALSE(found.has_value());
    CHECK(found.error().code == EINVAL);
    CHECK(found.error().message.starts_with(file.path().string()));
    REQUIRE(write_environment(file.path(), GrubEnvironment()).has_value());
    CHECK(read_file(file.path()).value() == padded(kSignature));
}

TEST_CASE("what is not a regular file is left alone", "[boot]") {
    const File file;
    REQUIRE(write_file(file.path().string() + ".real", padded(kSignature)).has_value());
    fs::create_symlink("grubenv.real", file.path());
    CHECK_FALSE(write_environment(file.path(), GrubEnvironment()).has_value());
    CHECK(fs::is_symlink(file.path()));
    REQUIRE(fs::remove(file.path()));
    REQUIRE(fs::create_directory(file.path()));
    CHECK_FALSE(write_environment(file.path(), GrubEnvironment()).has_value());
    CHECK(read_environment(file.path().parent_path() / "missing").error().code == ENOENT);
}

} // namespace
} // namespace ballast::updater
