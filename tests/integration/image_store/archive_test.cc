// SPDX-License-Identifier: Apache-2.0
// docker save and load, and archives of other tools.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "tests/images/built_images.h"
#include "tests/integration/image_store/fixture.h"

using namespace ballast;
using namespace ballast::image;
using std::filesystem::path;

namespace {

const std::string kLayer = tar_of({directory("./"), file("a", "b")});

std::string saved(Workshop &workshop, const std::vector<std::string> &names) {
    std::string bytes;
    must(workshop.store->save(names, [&](std::string_view block) -> Status {
        bytes += block;
        return {};
    }));
    return bytes;
}

// As docker wrote it before it knew of the OCI: layers without compression, in directories of their own.
std::string docker_archive(const std::vector<std::string> &layers, const std::vector<Digest> &diff_ids, bool linked) {
    ImageConfig config{.created = "2025-01-01T00:00:00Z", .platform = Platform::own()};
    config.diff_ids = diff_ids;
    const std::string config_text = image_config_text(config);
    const std::string config_name = std::string(Digest::of(config_text).hex()) + ".json";
    std::vector<TarEntry> entries = {file(config_name, config_text)};
    nlohmann::json names = nlohmann::json::array();
    for (std::size_t place = 0; place < layers.size(); place++) {
        const std::string directory_name = "layer" + std::to_string(place);
        entries.push_back(directory(directory_name));
        entries.push_back(linked && place > 0 ? soft_link(directory_name + "/layer.tar", "../layer0/layer.tar")
                                              : file(directory_name + "/layer.tar", layers[place]));
        names.push_back(directory_name + "/layer.tar");
    }
    const nlohmann::json manifest = {
        {{"Config", config_name}, {"RepoTags", {"old:1", "other/old:2"}}, {"Layers", names}}};
    entries.push_back(file("manifest.json", manifest.dump()));
    return tar_of(entries);
}

} // namespace

TEST_CASE("what was saved is loaded again, ids, names and digests alike", "[image_store][root]") {
    Workshop workshop;
    const Digest one = workshop.add({kLayer}, "one:1");
    const Digest two = workshop.add({kLayer, tar_of({file("c", "d")})}, "quay.io/two/two:2");
    must(workshop.store->tag(one, must(Reference::parse("one:again"))));
    const std::string archive = saved(workshop, {"one", two.text()});
    Workshop other;
    const std::vector<ImageStore::Loaded> loaded = must(other.store->load(source_of(archive)));
    REQUIRE(loaded.size() == 2);
    CHECK(must(other.store->find("one:1")).id == one);
    CHECK(must(other.store->find("one:again")).id == one);
    CHECK(must(other.store->get(two)).tags.empty()); // saved by its id
    CHECK(must(other.store->get(two)).manifest == must(workshop.store->get(two)).manifest);
    CHECK(tree_of(other.layers(two).at(0)) == tree_of(workshop.layers(two).at(0)));
    CHECK(std::filesystem::is_empty(other.root / "incoming"));
    CHECK(error_of(workshop.store->save({"nope"}, [](std::string_view) { return Status(); })).code == ENOENT);
}

TEST_CASE("skopeo reads what is saved, in both of its forms", "[image_store][root]") {
    Workshop workshop;
    workshop.add({kLayer, tar_of({file("c", "d")})}, "one:1");
    const path archive = workshop.directory.path() / "one.tar";
    must(write_file(archive, saved(workshop, {"one:1"})));
    CHECK(run_tool({"skopeo", "--tmpdir", workshop.directory.path(), "inspect", "docker-archive:" + archive.string()})
              .contains("Architecture"));
    CHECK(
        run_tool({"skopeo", "--tmpdir", workshop.directory.path(), "inspect", "oci-archive:" + archive.string() + ":1"})
            .contains("Architecture"));
    run_tool({"skopeo", "--tmpdir", workshop.directory.path(), "--insecure-policy", "copy", "--quiet",
              "docker-archive:" + archive.string(), "oci:" + (workshop.directory.path() / "copy").string() + ":x"});
}

TEST_CASE("archives of skopeo are loaded, of every kind", "[image_store][root]") {
    const images::BuiltImages built;
    Workshop workshop;
    const std::string from = "oci:" + built.layout("layers").string() + ":" + built.built("layers").tag;
    const Digest direct = workshop.add_layout(built.layout("layers"), "direct");
    for (const char *kind : {"docker-archive", "oci-archive"}) {
        CAPTURE(kind);
        const path archive = workshop.directory.path() / kind;
        run_tool({"skopeo", "--tmpdir", workshop.directory.path(), "--insecure-policy", "copy", "--quiet", from,
                  std::string(kind) + ":" + archive.string() + ":example.org/" + kind + ":7"});
        Workshop other;
        const auto loaded = must(other.store->load(source_of(must(read_file(archive, 1UL << 30)))));
        REQUIRE(loaded.size() == 1);
        CHECK(loaded[0].names == std::vector<std::string>{std::string("example.org/") + kind + ":7"});
        const Image image = must(other.store->get(loaded[0].id));
        CHECK(image.chain_ids == must(workshop.store->get(direct)).chain_ids);
        CHECK(tree_of(other.layers(image.id).at(0)) == tree_of(workshop.layers(direct).at(0)));
    }
}

TEST_CASE("docker's older form is loaded, with the id that docker gave", "[image_store][root]") {
    Workshop workshop;
    const Digest diff = Digest::of(kLayer);
    const auto loaded = must(workshop.store->load(source_of(docker_archive({kLayer}, {diff}, false))));
    REQUIRE(loaded.size() == 1);
    CHECK(loaded[0].names == std::vector<std::string>{"old:1", "other/old:2"});
    CHECK(must(read_file(workshop.layers(loaded[0].id).at(0) / "a")) == "b");
    CHECK(std::ranges::contains(workshop.events, "load old:1"));
    // Again, and with a link in place of a layer that is there twice.
    must(workshop.store->load(source_of(docker_archive({kLayer}, {diff}, false))));
    CHECK(workshop.store->list().size() == 1);
    CHECK(must(workshop.store->load(source_of(docker_archive({kLayer, kLayer}, {diff, diff}, true)))).size() == 1);
}

TEST_CASE("archives that lie are refused, and leave nothing", "[image_store][root]") {
    Workshop workshop;
    const Digest wrong = Digest::of("wrong");
    CHECK(error_of(workshop.store->load(source_of(docker_archive({kLayer}, {wrong}, false)))).code == EBADMSG);
    CHECK(error_of(workshop.store->load(source_of(docker_archive({kLayer}, {wrong, wrong}, false)))).code == EINVAL);
    CHECK(error_of(workshop.store->load(source_of(tar_of({file("etc/passwd")})))).message.contains("docker import"));
    CHECK_FALSE(workshop.store->load(source_of("nonsense")).has_value());
    CHECK_FALSE(workshop.store->load(source_of(tar_of({soft_link("manifest.json", "/etc/passwd")}))).has_value());
    CHECK_FALSE(
        workshop.store->load(source_of(tar_of({file("manifest.json", R"([{"Config":"/etc/hostname","Layers":[]}])")})))
            .has_value());
    CHECK_FALSE(workshop.store->load(source_of(tar_of({file("../x")}))).has_value());
    CHECK(workshop.store->list().empty());
    must(workshop.store->collect_garbage());
    CHECK(workshop.store->disk_usage().blob_bytes == 0);
    CHECK(std::filesystem::is_empty(workshop.root / "incoming"));
}
