// SPDX-License-Identifier: Apache-2.0
// docker diff, commit and export, on a real overlay mount.
#include <algorithm>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/integration/image_store/fixture.h"

using namespace ballast;
using namespace ballast::image;
using std::filesystem::path;

namespace {

const std::string kLow = tar_of({directory("./"), directory("etc"), file("etc/a", "one"), directory("keep"),
                                 directory("keep/deep"), file("keep/deep/x", "x"), file("keep/y", "y"),
                                 directory("old"), file("old/z", "z"), soft_link("link", "etc/a")});

// What a container does to its root.
std::string work(const path &root) {
    std::error_code error;
    const bool written =
        write_file(root / "etc/a", "changed").has_value() && write_file(root / "new", "n").has_value() &&
        make_directories(root / "keep/deep/made").has_value() &&
        write_file(root / "keep/deep/made/f", "f").has_value() && make_directories(root / "skip/below").has_value();
    std::filesystem::create_hard_link(root / "new", root / "twin", error);
    std::filesystem::remove(root / "keep/y", error);
    std::filesystem::remove_all(root / "old", error);
    std::filesystem::create_directory(root / "old", error);
    const bool sized =
        write_file(root / "sparse", "").has_value() && truncate((root / "sparse").c_str(), 1L << 30) == 0;
    return written && sized && !error ? "" : "the container could not work";
}

std::vector<std::string> texts(const std::vector<Change> &changes) {
    std::vector<std::string> texts;
    for (const Change &change : changes) {
        texts.push_back(std::string(1, "CAD"[static_cast<int>(change.kind)]) + " " + change.path);
    }
    return texts;
}

} // namespace

TEST_CASE("diff lists what a container added, changed and deleted", "[image_store][root]") {
    Workshop workshop;
    const Digest id = workshop.add({kLow}, "app");
    const path container = workshop.directory.path() / "c";
    REQUIRE(with_mount(workshop, id, container, work) == "");
    const std::vector<std::string> expected = {
        "C /etc", "C /etc/a", "C /keep",   "C /keep/deep", "A /keep/deep/made", "A /keep/deep/made/f", "D /keep/y",
        "A /new", "C /old",   "A /sparse", "A /twin"};
    CHECK(texts(must(changes(container / "upper", workshop.layers(id), {"/skip"}))) == expected);
    must(make_directories(container / "empty"));
    CHECK(must(changes(container / "empty", workshop.layers(id))).empty());
}

TEST_CASE("a link in a layer leads a look below nowhere", "[image_store][root]") {
    Workshop workshop;
    const Digest id = workshop.add({tar_of({soft_link("d", "/etc")})}, "app");
    const path upper = workshop.directory.path() / "upper";
    must(make_directories(upper / "d"));
    must(write_file(upper / "d/passwd", "")); // /etc/passwd is there: it must not count as being below
    CHECK(texts(must(changes(upper, workshop.layers(id)))) == std::vector<std::string>{"C /d", "A /d/passwd"});
}

TEST_CASE("a committed container is an image with the same tree", "[image_store][root]") {
    Workshop workshop;
    const Digest base = workshop.add({kLow}, "app", {.env = {"A=b"}, .cmd = std::vector<std::string>{"old"}});
    const path container = workshop.directory.path() / "c";
    REQUIRE(with_mount(workshop, base, container, work) == "");
    const Digest id = must(workshop.store->commit(base, container / "upper",
                                                  {.author = "me",
                                                   .comment = "why",
                                                   .created_by = "sh",
                                                   .changes = {"CMD [\"new\"]", "LABEL a=b"},
                                                   .config = {},
                                                   .name = must(Reference::parse("app:committed")),
                                                   .skipped = {"/skip"}}));
    const Image image = must(workshop.store->find("app:committed"));
    CHECK(image.id == id);
    CHECK(image.parent == base);
    CHECK(image.config.config.cmd == std::vector<std::string>{"new"});
    CHECK(image.config.config.env == std::vector<std::string>{"A=b"});
    CHECK(image.config.history.back().comment == "why");
    CHECK(workshop.events.back() == "tag app:committed");
    CHECK(workshop.store->children(base) == std::vector{id});
    const std::string history = must(workshop.store->history(id)).at(1).id;
    CHECK(history == base.text());
    CHECK(with_mount(workshop, id, workshop.directory.path() / "d", [](const path &root) -> std::string {
              struct stat one{};
              struct stat other{};
              if (stat((root / "new").c_str(), &one) != 0 || stat((root / "twin").c_str(), &other) != 0) {
                  return "a file is missing";
              }
              const bool linked = one.st_ino == other.st_ino;
              const bool sparse =
                  stat((root / "sparse").c_str(), &one) == 0 && one.st_size == 1L << 30 && one.st_blocks < 100;
              const bool gone = access((root / "keep/y").c_str(), F_OK) != 0 &&
                                access((root / "old/z").c_str(), F_OK) != 0 &&
                                access((root / "skip").c_str(), F_OK) != 0;
              const bool kept = read_file(root / "keep/deep/x").value_or("") == "x" &&
                                read_file(root / "etc/a").value_or("") == "changed";
              return linked && sparse && gone && kept ? "" : "another tree";
          }) == "");
    // Nothing changed: no layer.
    must(make_directories(container / "empty"));
    const Digest same = must(workshop.store->commit(base, container / "empty", {}));
    CHECK(must(workshop.store->get(same)).chain_ids == must(workshop.store->get(base)).chain_ids);
    CHECK(must(workshop.store->get(same)).config.history.back().empty_layer);
}

TEST_CASE("a name that would read as a whiteout cannot be committed", "[image_store][root]") {
    Workshop workshop;
    const Digest base = workshop.add({kLow}, "app");
    const path upper = workshop.directory.path() / "upper";
    must(make_directories(upper));
    must(write_file(upper / ".wh.etc", ""));
    CHECK(error_of(workshop.store->commit(base, upper, {})).message.contains(".wh."));
}

TEST_CASE("an exported tree is imported as the same tree", "[image_store][root]") {
    Workshop workshop;
    const Digest id = workshop.add({kLow}, "app");
    const path archive = workshop.directory.path() / "tree.tar";
    CHECK(with_mount(workshop, id, workshop.directory.path() / "c", [&](const path &root) -> std::string {
              std::string bytes;
              const Status written = write_tree(root, [&](std::string_view block) -> Status {
                  bytes += block;
                  return {};
              });
              return written.has_value() ? write_file(archive, bytes).has_value() ? "" : "cannot write"
                                         : written.error().message;
          }) == "");
    const Digest imported = must(workshop.store->import(
        source_of(must(read_file(archive))),
        {.message = "m", .changes = {"ENV X=1"}, .name = must(Reference::parse("flat")), .platform = {}}));
    CHECK(workshop.events.back() == "import flat:latest");
    CHECK(must(workshop.store->find("flat")).config.config.env == std::vector<std::string>{"X=1"});
    CHECK(tree_of(workshop.layers(imported).at(0)) == tree_of(workshop.layers(id).at(0)));
    CHECK_FALSE(workshop.store->import(source_of(std::string(5000, 'x')), {}).has_value());
    CHECK(std::filesystem::is_empty(workshop.root / "incoming"));
}

TEST_CASE("a container's root does nothing with the image's device nodes", "[image_store][root]") {
    Workshop workshop;
    TarEntry device = file("zero", "", 0666);
    device.kind = EntryKind::kCharacterDevice;
    device.device = 0x105; // 1:5
    const Digest id = workshop.add({tar_of({device})}, "app");
    CHECK(with_mount(workshop, id, workshop.directory.path() / "c", [](const path &root) -> std::string {
              return open((root / "zero").c_str(), O_RDONLY | O_CLOEXEC) < 0 && errno == EACCES ? ""
                                                                                                : "it could be opened";
          }) == "");
}

TEST_CASE("two hundred layers are stacked", "[image_store][root]") {
    Workshop workshop;
    std::vector<std::string> archives;
    for (int layer = 0; layer < 200; layer++) {
        archives.push_back(tar_of({file("f", std::to_string(layer)), file("f" + std::to_string(layer))}));
    }
    const Digest id = workshop.add(archives, "deep");
    CHECK(with_mount(workshop, id, workshop.directory.path() / "c", [](const path &root) -> std::string {
              return read_file(root / "f").value_or("") == "199" && access((root / "f0").c_str(), F_OK) == 0
                         ? ""
                         : "another tree";
          }) == "");
}
