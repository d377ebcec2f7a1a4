// SPDX-License-Identifier: Apache-2.0
#include "runtime/image/image_names.h"

#include <algorithm>

#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::image;

namespace {

const Digest kOne = Digest::of("one");
const Digest kTwo = Digest::of("two");
const Digest kThree = Digest::of("three");

Descriptor manifest_of(const Digest &id) {
    return {.media_type = std::string(kOciManifest), .digest = Digest::of("manifest of " + id.text()), .size = 9};
}

Reference name(const std::string &text) { return must(Reference::parse_with_default_tag(text)); }

ImageNames some() {
    ImageNames names;
    for (const Digest &id : {kOne, kTwo, kThree}) {
        names.add(id, manifest_of(id), Digest::of("layers of " + id.text()));
    }
    names.name(kOne, name("app"), 1);
    names.name(kOne, name("app:v1"), 2);
    names.name(kTwo, name("quay.io/b/c:1"), 3);
    names.name(kTwo, name("quay.io/b/c@" + kTwo.text()), 3);
    return names;
}

Result<Removal> plan(const ImageNames &names, const std::string &typed, bool force = false,
                     const std::vector<ContainerUse> &containers = {}) {
    return plan_removal(names, typed, force, true, containers);
}

} // namespace

TEST_CASE("names are written and read again", "[names]") {
    ImageNames names = some();
    names.set_parent(kThree, kOne);
    names.keep(Digest::of("gone"), Digest::of("its layers"));
    const ImageNames again = must(ImageNames::parse(names.text(), "images.json"));
    CHECK(again.text() == names.text());
    CHECK(again.children(kOne) == std::vector{kThree});
    CHECK(again.find(name("app:v1"))->id == kOne);
    CHECK(again.kept().size() == 1);
    CHECK(error_of(ImageNames::parse(R"({"version":9,"images":[]})", "n")).message.contains("version"));
    CHECK(
        error_of(ImageNames::parse(R"({"version":1,"images":[{"id":"../x"}]})", "n")).message.contains("images[0].id"));
}

TEST_CASE("index.json lists each tag, and images without one", "[names]") {
    const Index index = must(parse_index(some().index_json(), "index.json"));
    std::vector<std::string> listed;
    for (const Descriptor &descriptor : index.manifests) {
        const auto found = descriptor.annotations.find("org.opencontainers.image.ref.name");
        listed.push_back(found == descriptor.annotations.end() ? "" : found->second);
    }
    std::ranges::sort(listed);
    CHECK(listed ==
          std::vector<std::string>{"", "docker.io/library/app:latest", "docker.io/library/app:v1", "quay.io/b/c:1"});
}

TEST_CASE("what a person types finds an image", "[names]") {
    const ImageNames names = some();
    CHECK(must(names.resolve("app"))->id == kOne);
    CHECK(must(names.resolve("docker.io/library/app:v1"))->id == kOne);
    CHECK(must(names.resolve("quay.io/b/c@" + kTwo.text()))->id == kTwo);
    CHECK(must(names.resolve(kThree.text()))->id == kThree);
    CHECK(must(names.resolve(kThree.hex().substr(0, 12)))->id == kThree);
    CHECK(must(names.resolve("sha256:" + std::string(kThree.hex().substr(0, 12))))->id == kThree);
    CHECK(error_of(names.resolve("nope")).message == "No such image: nope:latest");
    CHECK(error_of(names.resolve("nope")).code == ENOENT);
    CHECK(error_of(names.resolve("app:v2")).code == ENOENT);
    CHECK(error_of(names.resolve("APP")).code == EINVAL);
    CHECK(error_of(names.resolve("quay.io/b/c@" + kOne.text())).code == ENOENT);
}

TEST_CASE("an id's beginning that several have is refused", "[names]") {
    ImageNames names;
    std::string first;
    for (int count = 0; count < 40; count++) {
        const Digest id = Digest::of(std::to_string(count));
        names.add(id, manifest_of(id), {});
        if (!first.empty() && id.hex()[0] == first[0]) {
            CHECK(error_of(names.resolve(first)).message.contains("ambiguous"));
            return;
        }
        first = first.empty() ? std::string(id.hex().substr(0, 1)) : first;
    }
    FAIL("no two digests of 40 begin alike");
}

TEST_CASE("a name moves from image to image", "[names]") {
    ImageNames names = some();
    CHECK(names.name(kTwo, name("app"), 9) == kOne);
    CHECK(must(names.resolve("app"))->id == kTwo);
    CHECK(names.find(kOne)->tags == std::vector<std::string>{"docker.io/library/app:v1"});
    CHECK_FALSE(names.name(kTwo, name("app"), 9).has_value());
}

TEST_CASE("removing a name leaves the image while it has another", "[names]") {
    const Removal removal = must(plan(some(), "app"));
    CHECK(removal.untagged == std::vector<std::string>{"docker.io/library/app:latest"});
    CHECK(removal.deleted.empty());
}

TEST_CASE("the last name takes the image, and the repository's digests", "[names]") {
    const Removal removal = must(plan(some(), "quay.io/b/c:1"));
    CHECK(removal.untagged == std::vector<std::string>{"quay.io/b/c:1", "quay.io/b/c@" + kTwo.text()});
    CHECK(removal.deleted == std::vector{kTwo});
}

TEST_CASE("an id takes all names of one repository, and needs force for several", "[names]") {
    CHECK(must(plan(some(), kTwo.text())).untagged.size() == 2);
    const Error error = error_of(plan(some(), kOne.text()));
    CHECK(error.code == EBUSY);
    CHECK(error.message == "conflict: unable to delete " + kOne.shown() +
                               " (must be forced) - image is referenced in multiple repositories");
    CHECK(must(plan(some(), kOne.text(), true)).untagged.size() == 2);
}

TEST_CASE("containers keep their image", "[names]") {
    const std::vector<ContainerUse> stopped = {{.id = "c0ffee000000aaaa", .running = false, .image = kTwo}};
    const std::vector<ContainerUse> running = {{.id = "c0ffee000000aaaa", .running = true, .image = kTwo}};
    CHECK(error_of(plan(some(), "quay.io/b/c:1", false, stopped)).message ==
          "conflict: unable to remove repository reference \"quay.io/b/c:1\" (must force) - container c0ffee000000 is "
          "using its referenced image " +
              kTwo.shown());
    CHECK(error_of(plan(some(), kTwo.text(), false, stopped))
              .message.ends_with("(must be forced) - image is being used by stopped container c0ffee000000"));
    CHECK(must(plan(some(), kTwo.text(), true, stopped)).deleted == std::vector{kTwo});
    CHECK(error_of(plan(some(), kTwo.text(), true, running))
              .message.ends_with("(cannot be forced) - image is being used by running container c0ffee000000"));
    // By name and by force a running container's image loses the name only.
    const Removal forced = must(plan(some(), "quay.io/b/c:1", true, running));
    CHECK(forced.untagged.size() == 2);
    CHECK(forced.deleted.empty());
    // One name of two may always go.
    const std::vector<ContainerUse> of_one = {{.id = "x", .running = true, .image = kOne}};
    CHECK(must(plan(some(), "app", false, of_one)).untagged.size() == 1);
}

TEST_CASE("children keep their parent, and the last one takes a nameless parent along", "[names]") {
    ImageNames names = some();
    names.set_parent(kTwo, kThree);
    const Error error = error_of(plan(names, kThree.text(), true));
    CHECK(error.message.ends_with("(cannot be forced) - image has dependent child images"));
    CHECK(must(plan(names, kTwo.text())).deleted == std::vector{kTwo, kThree});
    names.set_parent(kTwo, kOne);
    CHECK(must(plan(names, kTwo.text())).deleted == std::vector{kTwo}); // kOne has names
}
