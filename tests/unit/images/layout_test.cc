// SPDX-License-Identifier: Apache-2.0
#include "tests/images/layout.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "base/digest.h"
#include "base/file_io.h"
#include "tests/unit/images/check.h"

using namespace ballast;
using namespace ballast::images;
using Catch::Matchers::ContainsSubstring;
using std::filesystem::path;

namespace {

constexpr std::time_t kTime = 1735689600;

// A busybox with enough applets to be believed; its bytes name the architecture.
std::string fake_busybox(const std::string &architecture) {
    std::string program = architecture + std::string(1, '\0');
    for (const char *name : {"[", "[["}) {
        program += name + std::string(1, '\0');
    }
    for (int number = 100; number < 160; ++number) {
        program += "applet" + std::to_string(number) + std::string(1, '\0');
    }
    return program + std::string(1, '\0');
}

Sources fake_sources() {
    return {.package_file = [](const std::string &, const std::string &architecture,
                               const std::string &) -> Result<std::string> { return fake_busybox(architecture); },
            .program = [](const std::string &name) -> Result<std::string> { return "program " + name; },
            .source_file = [](const std::string &file) -> Result<std::string> { return "source " + file; }};
}

std::vector<ImageSpec> all_images() { return must(load_images("tests/images/images.yaml")); }

ImageSpec named(const std::string &name) {
    for (const ImageSpec &image : all_images()) {
        if (image.name == name) {
            return image;
        }
    }
    FAIL("no image " << name);
    return {};
}

std::map<std::string, std::string> files_below(const path &directory) {
    std::map<std::string, std::string> files;
    for (const auto &item : std::filesystem::recursive_directory_iterator(directory)) {
        if (item.is_regular_file()) {
            files[item.path().lexically_relative(directory)] = must(read_file(item.path()));
        }
    }
    return files;
}

nlohmann::json blob(const path &layout, const std::string &digest) {
    return nlohmann::json::parse(must(read_file(layout / "blobs/sha256" / digest.substr(7))));
}

} // namespace

TEST_CASE("two builds of every image give the same bytes", "[layout]") {
    const TemporaryDirectory out = must(TemporaryDirectory::create("/tmp", "layout-test-"));
    for (const ImageSpec &image : all_images()) {
        const BuiltImage first = must(build_image(image, fake_sources(), kTime, out.path() / "first"));
        const BuiltImage second = must(build_image(image, fake_sources(), kTime, out.path() / "second"));
        CHECK(first.digest == second.digest);
        CHECK(files_below(out.path() / "first" / image.name) == files_below(out.path() / "second" / image.name));
        const BuiltImage later = must(build_image(image, fake_sources(), kTime + 1, out.path() / "second"));
        CHECK(first.digest != later.digest);
    }
    CHECK(must(find_layouts(out.path() / "first")).size() == all_images().size());
}

TEST_CASE("every blob is named by its digest and every layer by its diff id", "[layout]") {
    const TemporaryDirectory out = must(TemporaryDirectory::create("/tmp", "layout-test-"));
    for (const ImageSpec &image : all_images()) {
        CAPTURE(image.name);
        const path layout = out.path() / image.name;
        const BuiltImage built = must(build_image(image, fake_sources(), kTime, out.path()));
        for (const auto &item : std::filesystem::directory_iterator(layout / "blobs/sha256")) {
            CHECK(must(sha256_file(item.path())) == item.path().filename());
        }
        if (image.platforms.size() > 1) {
            continue;
        }
        const nlohmann::json manifest = blob(layout, built.digest);
        const nlohmann::json config = blob(layout, manifest.at("config").at("digest"));
        REQUIRE(manifest.at("layers").size() == image.layers.size());
        for (size_t number = 0; number < image.layers.size(); ++number) {
            const std::string digest = manifest.at("layers")[number].at("digest");
            const std::string bytes = must(read_file(layout / "blobs/sha256" / digest.substr(7)));
            CHECK(manifest.at("layers")[number].at("size") == bytes.size());
            const std::string diff_id = config.at("rootfs").at("diff_ids")[number];
            CHECK("sha256:" + sha256(must(decompress(bytes))) == diff_id);
        }
    }
}

TEST_CASE("the layers on disk make the tree that the description means", "[layout]") {
    const TemporaryDirectory out = must(TemporaryDirectory::create("/tmp", "layout-test-"));
    const ImageSpec image = named("layers");
    const BuiltImage built = must(build_image(image, fake_sources(), kTime, out.path()));
    std::vector<std::vector<Entry>> from_disk;
    const nlohmann::json manifest = blob(out.path() / "layers", built.digest);
    for (const nlohmann::json &layer : manifest.at("layers")) {
        const std::string digest = layer.at("digest");
        from_disk.push_back(must(read_tar(must(read_file(out.path() / "layers/blobs/sha256" / digest.substr(7))))));
    }
    const Tree tree = must(image_tree(from_disk));
    CHECK(tree == must(image_tree(must(image_layers(image, image.platforms[0], fake_sources())))));
    for (const auto &[file, entry] : tree) {
        CHECK_THAT(entry.content, !ContainsSubstring("must not be seen"));
        CHECK(file.find(".wh.") == std::string::npos);
    }
    CHECK(tree.at("data").mode == 0755);
    CHECK(tree.at("data").user == 0);
    CHECK(tree.at("data/returning").content == "from layer 10\n");
    CHECK(tree.at("opaque/both").content == "from layer 5\n");
    CHECK_FALSE(tree.contains("links/first"));
    CHECK(tree.at("links/elsewhere/third").content == "one file, three names\n");
    CHECK(tree.at("links/second").target == "links/elsewhere/third");
    CHECK(tree.at("big").content.size() == 64 << 20);
    CHECK(tree.at("big").content.ends_with("tail\n"));
    CHECK(tree.at("privileged/capable").attributes.at("security.capability").size() == 20);
    CHECK(tree.at("bin/applet100").target == "/bin/busybox");
}

TEST_CASE("an image for several platforms is an index with each one's own program", "[layout]") {
    const TemporaryDirectory out = must(TemporaryDirectory::create("/tmp", "layout-test-"));
    const BuiltImage built = must(build_image(named("multi-arch"), fake_sources(), kTime, out.path()));
    const path layout = out.path() / "multi-arch";
    CHECK(must(read_layout(layout)).digest == built.digest);
    std::vector<std::string> platforms;
    const nlohmann::json index = blob(layout, built.digest);
    for (const nlohmann::json &entry : index.at("manifests")) {
        const nlohmann::json config = blob(layout, blob(layout, entry.at("digest")).at("config").at("digest"));
        CHECK(config.at("architecture") == entry.at("platform").at("architecture"));
        const Platform platform{"linux", config.at("architecture"), config.value("variant", "")};
        platforms.push_back(platform.describe());
        const std::string layer = blob(layout, entry.at("digest")).at("layers")[0].at("digest");
        const auto entries = must(read_tar(must(read_file(layout / "blobs/sha256" / layer.substr(7)))));
        CHECK(must(image_tree({entries})).at("bin/busybox").content == fake_busybox(debian_architecture(platform)));
    }
    CHECK(platforms == std::vector<std::string>{"linux/amd64", "linux/arm64"});
}

TEST_CASE("an index tells platforms apart by their variants", "[layout]") {
    const TemporaryDirectory out = must(TemporaryDirectory::create("/tmp", "layout-test-"));
    const BuiltImage built = must(build_image(named("variants"), fake_sources(), kTime, out.path()));
    const path layout = out.path() / "variants";
    std::vector<std::string> platforms;
    const nlohmann::json index = blob(layout, built.digest);
    for (const nlohmann::json &entry : index.at("manifests")) {
        const nlohmann::json config = blob(layout, blob(layout, entry.at("digest")).at("config").at("digest"));
        CHECK(config.value("variant", "") == entry.at("platform").value("variant", ""));
        platforms.push_back(Platform{"linux", config.at("architecture"), config.value("variant", "")}.describe());
    }
    CHECK(platforms == std::vector<std::string>{"linux/amd64", "linux/arm64", "linux/arm/v7"});
}

TEST_CASE("a failed build leaves the image that was there and nothing else", "[layout]") {
    const TemporaryDirectory out = must(TemporaryDirectory::create("/tmp", "layout-test-"));
    must(build_image(named("web"), fake_sources(), kTime, out.path()));
    const auto before = files_below(out.path());
    Sources broken = fake_sources();
    broken.source_file = [](const std::string &) -> Result<std::string> { return fail(ENOENT, "no such page"); };
    const std::string message = message_of(build_image(named("web"), broken, kTime, out.path()));
    CHECK_THAT(message, ContainsSubstring("build image web") && ContainsSubstring("images.yaml:") &&
                            ContainsSubstring("no such page"));
    CHECK(files_below(out.path()) == before);
}

TEST_CASE("our own programs are refused for a platform they are not compiled for", "[layout]") {
    const TemporaryDirectory out = must(TemporaryDirectory::create("/tmp", "layout-test-"));
    ImageSpec image = named("memory-eater");
    image.platforms = {{"linux", "s390x", ""}};
    CHECK_THAT(message_of(build_image(image, fake_sources(), kTime, out.path())),
               ContainsSubstring("memory-eater") && ContainsSubstring("linux/s390x"));
}

TEST_CASE("a directory without layouts is named", "[layout]") {
    const TemporaryDirectory out = must(TemporaryDirectory::create("/tmp", "layout-test-"));
    CHECK_THAT(message_of(find_layouts(out.path())), ContainsSubstring("no image layouts"));
    CHECK_THAT(message_of(find_layouts(out.path() / "missing")), ContainsSubstring("No such file"));
    CHECK_FALSE(read_layout(out.path()).has_value());
    must(write_file(out.path() / "index.json", "{\"manifests\":[]}"));
    CHECK_THAT(message_of(read_layout(out.path())), ContainsSubstring("holds 0 images"));
    must(write_file(out.path() / "index.json", "nonsense"));
    CHECK_THAT(message_of(read_layout(out.path())), ContainsSubstring("not an image layout"));
}

TEST_CASE("the build's time is SOURCE_DATE_EPOCH or fixed", "[layout]") {
    unsetenv("SOURCE_DATE_EPOCH");
    CHECK(must(build_time()) == kTime);
    setenv("SOURCE_DATE_EPOCH", "1700000000", 1);
    CHECK(must(build_time()) == 1700000000);
    for (const char *bad : {"", "-1", "1x", "99999999999999999999"}) {
        setenv("SOURCE_DATE_EPOCH", bad, 1);
        CHECK_THAT(message_of(build_time()), ContainsSubstring("SOURCE_DATE_EPOCH"));
    }
    unsetenv("SOURCE_DATE_EPOCH");
}
