// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <thread>
#include <unistd.h>

#include "runtime/image/decompress.h"
#include "tests/images/built_images.h"
#include "tests/integration/image_store/fixture.h"

using namespace ballast;
using namespace ballast::image;
using std::filesystem::path;

namespace {

const std::string kBase = tar_of({directory("./"), directory("etc"), file("etc/a", "one"), file("etc/b", "two"),
                                  directory("var"), file("var/old", "old"), directory("gone"), file("gone/x", "x")});
const std::string kTop = tar_of({directory("etc"), file("etc/a", "changed"), file("etc/.wh.b"), directory("var"),
                                 file("var/.wh..wh..opq"), file("var/new", "new"), file(".wh.gone")});

} // namespace

TEST_CASE("skopeo reads the store as an OCI layout", "[image_store][root]") {
    const images::BuiltImages built;
    Workshop workshop;
    for (const char *name : {"busybox", "layers", "web"}) {
        CAPTURE(name);
        const Digest id = workshop.add_layout(built.layout(name), std::string(name) + ":1");
        const std::string place = "oci:" + workshop.root.string() + ":docker.io/library/" + name + ":1";
        const std::string inspected = run_tool({"skopeo", "inspect", place});
        CHECK(inspected.contains("\"Architecture\""));
        const std::string raw = run_tool({"skopeo", "inspect", "--raw", place});
        CHECK(Digest::of(raw) == must(workshop.store->get(id)).manifest.digest);
        // Every blob is there and right: a copy reads them all.
        const path copy = workshop.directory.path() / name;
        run_tool(
            {"skopeo", "--insecure-policy", "copy", "--quiet", "--preserve-digests", place, "dir:" + copy.string()});
        CHECK(must(workshop.store->raw_config(id)) == must(read_file(copy / id.hex())));
    }
    workshop.reopen();
    CHECK(workshop.store->list().size() == 3);
    CHECK(workshop.warnings.empty());
}

TEST_CASE("unpacked layers are what umoci makes of the same image", "[image_store][root]") {
    const images::BuiltImages built;
    Workshop workshop;
    const path bundle = workshop.directory.path() / "bundle";
    run_tool({"umoci", "unpack", "--image", built.layout("layers").string() + ":" + built.built("layers").tag, bundle});
    const std::vector<std::string> expected = tree_of(bundle / "rootfs");
    const Digest id = workshop.add_layout(built.layout("layers"), "layers");
    const path list = workshop.directory.path() / "list";
    CHECK(with_mount(workshop, id, workshop.directory.path() / "c", [&](const path &root) {
              std::string text;
              for (const std::string &line : tree_of(root)) {
                  text += line + "\n";
              }
              return write_file(list, text).has_value() ? "" : "cannot write";
          }) == "");
    std::string text;
    for (const std::string &line : expected) {
        text += line + "\n";
    }
    CHECK(must(read_file(list)) == text);
}

TEST_CASE("whiteouts hide what is below", "[image_store][root]") {
    Workshop workshop;
    const Digest id = workshop.add({kBase, kTop}, "app");
    const path top = workshop.layers(id).at(0);
    struct stat status{};
    REQUIRE(lstat((top / "gone").c_str(), &status) == 0);
    CHECK(S_ISCHR(status.st_mode));
    CHECK(status.st_rdev == makedev(0, 0));
    CHECK(with_mount(workshop, id, workshop.directory.path() / "c", [](const path &root) -> std::string {
              const bool right =
                  read_file(root / "etc/a").value_or("") == "changed" && access((root / "etc/b").c_str(), F_OK) != 0 &&
                  access((root / "gone").c_str(), F_OK) != 0 && access((root / "var/old").c_str(), F_OK) != 0 &&
                  access((root / "var/new").c_str(), F_OK) == 0;
              return right ? "" : "another tree";
          }) == "");
}

TEST_CASE("attributes of entries come through exactly", "[image_store][root]") {
    Workshop workshop;
    TarEntry program = file("bin/program", "x", 04755);
    const std::string capability("\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00",
                                 20);
    program.xattrs = {{"security.capability", capability}, {"user.note", "kept"}, {"trusted.overlay.redirect", "/etc"}};
    TarEntry owned = file("bin/owned", "y", 0640);
    owned.uid = 100'000;
    owned.gid = 4'000'000'000;
    TarEntry folder = directory("folder", 01777);
    folder.mtime = {.tv_sec = 1'000'000, .tv_nsec = 0};
    const std::string long_name = "folder/" + std::string(200, 'n') + "/" + std::string(200, 'm');
    const Digest id =
        workshop.add({tar_of({directory("bin"), program, owned, folder, file("folder/inside"), file(long_name),
                              hard_link("bin/twin", "bin/owned"), soft_link("bin/link", "/etc/passwd")})},
                     "app");
    const path layer = workshop.layers(id).at(0);
    struct stat status{};
    REQUIRE(lstat((layer / "bin/program").c_str(), &status) == 0);
    CHECK((status.st_mode & 07777U) == 04755);
    CHECK(status.st_mtim.tv_sec == 1'700'000'000);
    char value[64];
    CHECK(getxattr((layer / "bin/program").c_str(), "security.capability", value, sizeof value) == 20);
    CHECK(getxattr((layer / "bin/program").c_str(), "user.note", value, sizeof value) == 4);
    CHECK(getxattr((layer / "bin/program").c_str(), "trusted.overlay.redirect", value, sizeof value) < 0);
    REQUIRE(lstat((layer / "bin/owned").c_str(), &status) == 0);
    CHECK(status.st_uid == 100'000);
    CHECK(status.st_gid == 4'000'000'000);
    CHECK(status.st_nlink == 2);
    REQUIRE(lstat((layer / "folder").c_str(), &status) == 0);
    CHECK((status.st_mode & 07777U) == 01777);
    CHECK(status.st_mtim.tv_sec == 1'000'000);
    CHECK(access((layer / long_name).c_str(), F_OK) == 0);
}

TEST_CASE("a layer whose content is not what the image says is refused, and nothing is left of it",
          "[image_store][root]") {
    Workshop workshop;
    const std::string archive = tar_of({file("a", "b")});
    std::string blob;
    GzipWriter writer([&](std::string_view bytes) -> Status {
        blob += bytes;
        return {};
    });
    must(writer.write(archive));
    must(writer.close());
    ImageConfig config{.platform = Platform::own()};
    config.diff_ids = {Digest::of("something else")};
    const std::string config_text = image_config_text(config);
    Manifest manifest{.media_type = std::string(kOciManifest), .config = {}, .layers = {}, .annotations = {}};
    manifest.config = {
        .media_type = std::string(kOciConfig), .digest = Digest::of(config_text), .size = config_text.size()};
    manifest.layers = {{.media_type = std::string(kOciLayerGzip), .digest = Digest::of(blob), .size = blob.size()}};
    const std::string text = manifest_text(manifest);
    const Descriptor descriptor{
        .media_type = std::string(kOciManifest), .digest = Digest::of(text), .size = text.size()};
    {
        const std::unique_ptr<Intake> intake = workshop.store->begin();
        must(intake->keep(manifest.config, config_text));
        must(intake->keep(descriptor, text));
        CHECK(error_of(intake->finish({})).code != 0); // nothing was expected yet
        must(intake->expect(descriptor));
        const std::unique_ptr<LayerIntake> layer = must(intake->receive(0));
        must(layer->write(blob));
        const Status finished = layer->finish();
        REQUIRE_FALSE(finished.has_value());
        CHECK(finished.error().code == EBADMSG);
        CHECK(error_of(intake->finish({})).message.contains("has not arrived"));
    }
    must(workshop.store->collect_garbage());
    CHECK(workshop.store->disk_usage().blob_bytes == 0);
    CHECK(workshop.store->disk_usage().layer_bytes == 0);
    CHECK(std::filesystem::is_empty(workshop.root / "incoming"));
}

TEST_CASE("an interrupted transfer goes on where it stopped, also after the daemon was killed", "[image_store][root]") {
    Workshop workshop;
    std::string content(3UL << 20, '\0');
    for (std::size_t place = 0; place < content.size(); place++) {
        content[place] = static_cast<char>((place * 2654435761U) >> 13U);
    }
    const Descriptor descriptor{
        .media_type = std::string(kOciLayer), .digest = Digest::of(content), .size = content.size()};
    {
        const auto writer = must(workshop.store->blobs().write(descriptor));
        must(writer->write(std::string_view(content).substr(0, 1'000'000)));
    }
    workshop.reopen();
    const auto writer = must(workshop.store->blobs().write(descriptor));
    CHECK(writer->offset() == 1'000'000);
    CHECK(writer->finish().error().code == EPROTO); // too short
    const auto more = std::string_view(content).substr(1'000'000);
    must(writer->write(more));
    CHECK_FALSE(writer->write("x").has_value()); // too long
    must(writer->finish());
    CHECK(must(workshop.store->blobs().size(descriptor.digest)) == content.size());
    SECTION("and what came wrong is thrown away") {
        const Descriptor other{.media_type = "", .digest = Digest::of("right"), .size = 5};
        const auto wrong = must(workshop.store->blobs().write(other));
        must(wrong->write("wrong"));
        CHECK(wrong->finish().error().code == EBADMSG);
        CHECK_FALSE(workshop.store->blobs().has(other.digest));
    }
}

TEST_CASE("several threads bring the same image in at once", "[image_store][root]") {
    Workshop workshop;
    std::vector<std::thread> threads;
    std::vector<Result<Digest>> ids(4, fail(EIO, "not run"));
    for (std::size_t place = 0; place < ids.size(); place++) {
        threads.emplace_back(
            [&, place] { ids[place] = workshop.try_add({kBase, kTop}, "app:" + std::to_string(place)); });
    }
    for (std::thread &thread : threads) {
        thread.join();
    }
    for (const Result<Digest> &id : ids) {
        CHECK(must(id) == must(ids[0]));
    }
    CHECK(must(workshop.store->find("app:0")).tags.size() == 4);
}

TEST_CASE("a layer that a power cut left unfinished is made again", "[image_store][root]") {
    Workshop workshop;
    const Digest id = workshop.add({kBase, kTop}, "app");
    const path top = workshop.layers(id).at(0);
    REQUIRE(unlink((top.parent_path() / "layer.json").c_str()) == 0);
    must(write_file(top / "etc/a", "")); // what was not written yet
    must(make_directories(workshop.root / "incoming/layer.x.tmp/diff"));
    workshop.reopen();
    CHECK(std::filesystem::is_empty(workshop.root / "incoming"));
    CHECK(must(read_file(workshop.layers(id).at(0) / "etc/a")) == "changed");
}

TEST_CASE("damaged names are set aside and made again", "[image_store][root]") {
    Workshop workshop;
    const Digest id = workshop.add({kBase}, "app:1");
    must(write_file(workshop.root / "images.json", "{\"version\":1,"));
    workshop.reopen();
    CHECK(workshop.warnings.size() == 1);
    CHECK(must(workshop.store->find("app:1")).id == id);
    CHECK(std::filesystem::exists(workshop.root / "images.json.broken"));
    // Power failed between the two files.
    must(write_file(workshop.root / "index.json", "{}"));
    workshop.reopen();
    CHECK(must(read_file(workshop.root / "index.json")).contains("docker.io/library/app:1"));
}

TEST_CASE("history, sizes and what images share", "[image_store][root]") {
    Workshop workshop;
    const Digest base = workshop.add({kBase}, "base");
    const Digest app = workshop.add({kBase, kTop}, "app");
    const std::vector<ImageHistory> history = must(workshop.store->history(app));
    REQUIRE(history.size() == 2);
    CHECK(history[0].id == app.text());
    CHECK(history[0].tags == std::vector<std::string>{"app:latest"});
    CHECK(history[1].id == "<missing>");
    const DiskUsage usage = workshop.store->disk_usage();
    CHECK(usage.layer_bytes == must(workshop.store->get(app)).bytes);
    for (const ImageUsage &image : usage.images) {
        CHECK(image.shared == must(workshop.store->get(base)).bytes);
    }
    CHECK(must(workshop.store->get(base)).bytes == 10);
}

TEST_CASE("the store's directory is root's alone", "[image_store][root]") {
    Workshop workshop;
    workshop.add({kBase}, "app");
    for (const char *name : {"", "blobs", "layers", "incoming"}) {
        struct stat status{};
        REQUIRE(stat((workshop.root / name).c_str(), &status) == 0);
        CHECK((status.st_mode & 077U) == 0);
    }
}
