// SPDX-License-Identifier: Apache-2.0
// Layers made to get out of their image, or to fill the disk.
#include <algorithm>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/root_dir.h"
#include "runtime/image/unpack.h"
#include "tests/integration/image_store/fixture.h"

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
