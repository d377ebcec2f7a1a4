// SPDX-License-Identifier: Apache-2.0
// Layers made to get out of their image, or to fill the disk.
#include <algorithm>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/root_dir.h"
#include "runtime/image/unpack.h"
#include "tests/integration/image_store/fixture.h"
#include "tests/integration/image_store/memory.h"

using namespace ballast;
using namespace ballast::image;
using std::filesystem::path;

namespace {

struct Jail {
    TemporaryDirectory directory = must(TemporaryDirectory::create("/tmp", "hostile-"));
    path root = directory.path() / "root";
    path outside = directory.path() / "outside";
    Jail() {
        must(make_directories(root));
        must(write_file(outside, "untouched"));
    }
    Result<Unpacked> take(const std::vector<TarEntry> &entries, UnpackOptions options = {.whiteouts = true}) {
        return take_bytes(tar_of(entries), options);
    }
    Result<Unpacked> take_bytes(const std::string &bytes, const UnpackOptions &options) {
        TarReader reader = TRY(TarReader::open(source_of(bytes), "layer"));
        const RootDir inside = TRY(RootDir::open(root));
        return unpack(reader, inside, options);
    }
    // Nothing but the two things that were there, and what was outside is as it was.
    bool holds() const {
        const auto count = std::distance(std::filesystem::directory_iterator(directory.path()), {});
        return count == 2 && must(read_file(outside)) == "untouched";
    }
};

TarEntry device(const std::string &name, EntryKind kind, dev_t number) {
    TarEntry entry = file(name);
    entry.kind = kind;
    entry.device = number;
    return entry;
}

} // namespace

TEST_CASE("names with .. are refused", "[hostile][root]") {
    for (const char *name : {"../outside", "a/../../outside", "..", "/../outside", "./../outside"}) {
        CAPTURE(name);
        Jail jail;
        CHECK(error_of(jail.take({file(name, "x")})).code == EINVAL);
        CHECK(jail.holds());
    }
}

TEST_CASE("absolute names and links stay inside", "[hostile][root]") {
    Jail jail;
    const std::string outside = jail.outside.string();
    must(jail.take({file(outside, "inside"), soft_link("abs", "/"), file("abs/by-link", "x"),
                    soft_link("up", "../../../.."), file("up/by-up", "y"),
                    soft_link("etc", jail.directory.path().string()), directory("deep"),
                    soft_link("deep/link", "../up"), file("deep/link/chained", "z")}));
    CHECK(jail.holds());
    CHECK(must(read_file(jail.root / "by-link")) == "x");
    CHECK(must(read_file(jail.root / "by-up")) == "y");
    CHECK(must(read_file(jail.root / "chained")) == "z");
    CHECK(must(read_file(jail.root / outside.substr(1))) == "inside");
}

TEST_CASE("a file replaces a link instead of writing through it", "[hostile][root]") {
    Jail jail;
    must(jail.take({soft_link("file", jail.outside.string()), file("file", "mine"),
                    soft_link("dir", jail.directory.path().string()), directory("dir"), file("dir/outside", "mine too"),
                    soft_link("loop", "loop")}));
    CHECK(jail.holds());
    CHECK(must(read_file(jail.root / "file")) == "mine");
    CHECK(std::filesystem::is_directory(std::filesystem::symlink_status(jail.root / "dir")));
    CHECK_FALSE(jail.take({soft_link("loop", "loop"), file("loop/x")}).has_value());
    // A parent that was open is not used after something else took its place.
    Jail swapped;
    must(swapped.take(
        {directory("d"), file("d/one"), soft_link("d", "elsewhere"), directory("elsewhere"), file("d/two")}));
    CHECK(std::filesystem::exists(swapped.root / "elsewhere/two"));
    CHECK_FALSE(std::filesystem::exists(swapped.root / "elsewhere/one"));
}

TEST_CASE("hard links cannot reach outside", "[hostile][root]") {
    Jail jail;
    CHECK(error_of(jail.take({hard_link("h", "../outside")})).code == EINVAL);
    CHECK(error_of(jail.take({hard_link("h", jail.outside.string())})).code == ENOENT);
    CHECK(error_of(jail.take({hard_link("h", "/etc/hostname")})).code == ENOENT);
    CHECK_FALSE(jail.take({soft_link("out", "/"), hard_link("h", "out" + jail.outside.string())}).has_value());
    CHECK_FALSE(jail.take({directory("d"), hard_link("h", "d")}).has_value());
    CHECK_FALSE(jail.take({file(".wh.w"), hard_link("h", "w")}).has_value());
    CHECK(jail.holds());
    // A hard link to a link is a link, and writing to it replaces it.
    must(jail.take({soft_link("s", jail.outside.string()), hard_link("t", "s"), file("t", "mine")}));
    CHECK(jail.holds());
    must(jail.take({file("self", "kept"), hard_link("self", "self")}));
    CHECK(must(read_file(jail.root / "self")) == "kept");
}

TEST_CASE("whiteouts remove nothing outside, and nothing of their own layer", "[hostile][root]") {
    Jail jail;
    for (const char *name : {".wh..", ".wh...", "a/.wh..", ".wh.", ".wh.a/b"}) {
        CAPTURE(name);
        CHECK_FALSE(jail.take({file(name)}).has_value());
    }
    must(jail.take({soft_link("out", "/.."), file("out/.wh.outside"), directory("d"), file("d/mine"), file(".wh.d"),
                    file("f", "mine"), file(".wh.f")}));
    CHECK(jail.holds());
    CHECK(std::filesystem::exists(jail.root / "d/mine"));
    CHECK(must(read_file(jail.root / "f")) == "mine");
    // The mark itself is the engine's to make.
    CHECK(error_of(jail.take({device("w", EntryKind::kCharacterDevice, makedev(0, 0))})).code == EINVAL);
}

TEST_CASE("device nodes are made for images and refused for copies", "[hostile][root]") {
    Jail jail;
    must(jail.take({device("null", EntryKind::kCharacterDevice, makedev(1, 3)),
                    device("disk", EntryKind::kBlockDevice, makedev(8, 0)), device("pipe", EntryKind::kFifo, 0)}));
    struct stat status{};
    REQUIRE(lstat((jail.root / "disk").c_str(), &status) == 0);
    CHECK(status.st_rdev == makedev(8, 0));
    CHECK((status.st_mode & 07777U) == 0644);
    CHECK(error_of(jail.take({device("n", EntryKind::kBlockDevice, makedev(8, 0))}, {.device_nodes = false})).code ==
          EPERM);
}

TEST_CASE("a sparse file of 1 TB is refused, a small one keeps its holes", "[hostile][root]") {
    Jail jail;
    TarEntry huge = file("huge");
    huge.size = 1ULL << 40;
    huge.data.emplace();
    const Error error = error_of(jail.take({huge}));
    CHECK(error.code == EFBIG);
    CHECK(error.message.contains("huge"));
    TarEntry holes = file("holes");
    holes.size = 1UL << 30;
    holes.data.emplace();
    must(jail.take({holes}));
    struct stat status{};
    REQUIRE(lstat((jail.root / "holes").c_str(), &status) == 0);
    CHECK(status.st_size == 1L << 30);
    CHECK(status.st_blocks < 100);
}

TEST_CASE("too many entries, too much content and too long names are refused", "[hostile][root]") {
    Jail jail;
    UnpackOptions options{.whiteouts = true};
    options.limits.entries = 3;
    options.limits.bytes = 10;
    CHECK(error_of(jail.take({file("a"), file("b"), file("c"), file("d")}, options)).code == EFBIG);
    CHECK(error_of(jail.take({file("e", "12345"), file("f", "678901")}, options)).code == EFBIG);
    CHECK(error_of(jail.take({file(std::string(300, 'n'))}, options)).code == ENAMETOOLONG);
    CHECK_FALSE(jail.take({soft_link("l", std::string(5000, 't'))}, options).has_value());
    TarEntry attributes = file("x");
    attributes.xattrs["user.big"] = std::string(70'000, 'x');
    CHECK_FALSE(jail.take({attributes}, {.whiteouts = true}).has_value());
}

TEST_CASE("a hundred thousand entries in one directory are unpacked", "[hostile][root]") {
    std::vector<TarEntry> entries;
    for (int count = 0; count < 100'000; count++) {
        entries.push_back(file("d/" + std::to_string(count)));
    }
    Jail jail;
    CHECK(must(jail.take(entries)).entries == 100'000);
}

TEST_CASE("hundreds of thousands of entries are unpacked in memory that does not grow with them", "[hostile][root]") {
    constexpr int kNames = 1000, kRounds = 300;
    std::vector<TarEntry> entries;
    for (int count = 0; count < kNames; count++) {
        // A long way down, so that whoever remembers it needs much.
        entries.push_back(directory(std::string(100, 'a') + "/" + std::string(90, 'b') + "/" + std::to_string(count)));
    }
    const std::string round = without_end(tar_of(entries));
    std::uint64_t at = 0;
    const ByteSource source = [&](std::span<char> into) -> Result<std::size_t> {
        const std::size_t place = at % round.size();
        const std::size_t size = at < kRounds * round.size() ? std::min(into.size(), round.size() - place) : 0;
        std::copy_n(round.begin() + static_cast<std::ptrdiff_t>(place), size, into.begin());
        at += size;
        return size;
    };
    Jail jail;
    const RootDir inside = must(RootDir::open(jail.root));
    const std::uint64_t before = most_memory();
    TarReader reader = must(TarReader::open(source, "layer"));
    CHECK(must(unpack(reader, inside, {.whiteouts = true})).entries == std::uint64_t{kNames} * kRounds);
    CHECK(most_memory() - before < 16UL << 20);
}

TEST_CASE("directories keep their times, in whatever order their entries come", "[hostile][root]") {
    Jail jail;
    const auto at = [](TarEntry entry, std::time_t seconds) {
        entry.mtime = {.tv_sec = seconds, .tv_nsec = 0};
        return entry;
    };
    std::vector<TarEntry> entries{at(directory("late"), 1000), at(directory("d"), 2000), soft_link("link", "d"),
                                  at(directory("gone"), 3000), at(directory("."), 4000)};
    entries.push_back(file("gone/x"));
    entries.push_back(file("gone"));            // in its place
    for (int count = 0; count < 200; count++) { // more than are open at a time, and again and again
        const std::string name = "d/" + std::to_string(count);
        entries.push_back(at(directory(name), 5000 + count));
        entries.push_back(file((count % 2 == 0 ? "link/" : "d/") + std::string("f") + std::to_string(count)));
        entries.push_back(file(name + "/deep/file"));
    }
    for (int count = 0; count < 200; count++) {
        entries.push_back(file("d/" + std::to_string(count) + "/more"));
    }
    entries.push_back(file("late/f"));
    entries.push_back(at(directory("late"), 6000));
    entries.push_back(file("late/g"));
    must(jail.take(entries));
    const auto time_of = [&jail](const path &name) {
        struct stat status{};
        REQUIRE(lstat((jail.root / name).c_str(), &status) == 0);
        return status.st_mtim.tv_sec;
    };
    CHECK(time_of("late") == 6000);
    CHECK(time_of("d") == 2000);
    CHECK(time_of(".") == 4000);
    for (int count = 0; count < 200; count++) {
        CHECK(time_of("d/" + std::to_string(count)) == 5000 + count);
    }
}

TEST_CASE("a directory that was there and is none of the archive's has the time of its last change",
          "[hostile][root]") {
    Jail jail;
    const path there = jail.root / "there";
    must(make_directories(there));
    const timespec old[2] = {{.tv_sec = 1000, .tv_nsec = 0}, {.tv_sec = 1000, .tv_nsec = 0}};
    REQUIRE(utimensat(AT_FDCWD, there.c_str(), old, 0) == 0);
    usleep(20'000); // the kernel's clock of files ticks in between
    must(jail.take({file("there/new")}));
    struct stat status{};
    REQUIRE(lstat(there.c_str(), &status) == 0);
    CHECK(status.st_mtim.tv_sec > 1000);
}

TEST_CASE("a file whose content ends too early does not stay", "[hostile][root]") {
    const std::string bytes = tar_of({file("whole", "1"), file("cut", std::string(10'000, 'c'))});
    Jail jail;
    CHECK_FALSE(jail.take_bytes(bytes.substr(0, 5000), {}).has_value());
    CHECK(std::filesystem::exists(jail.root / "whole"));
    CHECK_FALSE(std::filesystem::exists(jail.root / "cut"));
}

TEST_CASE("an archive that is cut or is none is refused", "[hostile][root]") {
    const std::string bytes = tar_of({file("a", std::string(10'000, 'a')), file("b")});
    Jail jail;
    CHECK_FALSE(jail.take_bytes(bytes.substr(0, 5000), {}).has_value());
    CHECK_FALSE(jail.take_bytes(std::string(3000, 'x'), {}).has_value());
    must(jail.take_bytes("", {}));
    must(jail.take_bytes(std::string(1024, '\0'), {}));
}

TEST_CASE("a directory in place of what the layer hides does not let it shine through", "[hostile][root]") {
    Workshop workshop;
    const Digest id = workshop.add(
        {tar_of({directory("d"), file("d/below")}), tar_of({file(".wh.d"), directory("d"), file("d/above")})}, "app");
    CHECK(with_mount(workshop, id, workshop.directory.path() / "c", [](const path &root) -> std::string {
              const bool right =
                  access((root / "d/above").c_str(), F_OK) == 0 && access((root / "d/below").c_str(), F_OK) != 0;
              return right ? "" : "what was hidden shows";
          }) == "");
}
