// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <atomic>
#include <thread>

#include "tests/integration/image_store/fixture.h"

using namespace ballast;
using namespace ballast::image;
using std::filesystem::path;

namespace {

const std::string kShared = tar_of({file("shared", "s")});
const std::string kOwn = tar_of({file("own", "o")});

std::size_t blobs_of(Workshop &workshop) { return must(workshop.store->blobs().list()).size(); }

} // namespace

TEST_CASE("layers that another image has survive", "[image_store][root]") {
    Workshop workshop;
    const Digest base = workshop.add({kShared}, "base");
    const Digest app = workshop.add({kShared, kOwn}, "app");
    const Digest own_layer = must(workshop.store->get(app)).chain_ids.at(1);
    const std::vector<Removed> removed = must(workshop.store->remove("app", false));
    REQUIRE(removed.size() == 3);
    CHECK(removed[0].untagged == "app:latest");
    CHECK(removed[1].deleted == app.text());
    CHECK(removed[2].deleted == own_layer.text());
    CHECK(workshop.events == std::vector<std::string>{"untag " + app.text(), "delete " + app.text()});
    CHECK(std::filesystem::exists(workshop.layers(base).at(0) / "shared"));
    CHECK(blobs_of(workshop) == 3);
    must(workshop.store->remove("base", false));
    CHECK(blobs_of(workshop) == 0);
    CHECK(workshop.store->disk_usage().layer_bytes == 0);
    CHECK(error_of(workshop.store->remove("base", false)).code == ENOENT);
}

TEST_CASE("an image removed by force leaves its layers to the container that stands on them", "[image_store][root]") {
    Workshop workshop;
    const Digest id = workshop.add({kShared, kOwn}, "app");
    workshop.containers = {{.id = "c1", .running = false, .image = id}};
    CHECK(error_of(workshop.store->remove("app", false)).code == EBUSY);
    must(workshop.store->remove(id.text(), true));
    CHECK(error_of(workshop.store->get(id)).code == ENOENT);
    CHECK(workshop.layers(id).size() == 2);
    workshop.reopen();
    CHECK(workshop.layers(id).size() == 2);
    workshop.containers.clear();
    must(workshop.store->collect_garbage());
    CHECK(error_of(workshop.store->lower_directories(id)).code == ENOENT);
    CHECK(blobs_of(workshop) == 0);
}

TEST_CASE("prune takes dangling images, and all unused ones when asked", "[image_store][root]") {
    Workshop workshop;
    const Digest dangling = workshop.add({kShared}, "app");
    const Digest app = workshop.add({kShared, kOwn}, "app"); // takes the name
    const Digest used = workshop.add({kOwn}, "used");
    CHECK(must(workshop.store->get(dangling)).tags.empty());
    workshop.containers = {{.id = "c1", .running = false, .image = used}};
    CHECK(must(workshop.store->prune(false, [](const Image &) { return false; })).removed.empty());
    const Pruned pruned = must(workshop.store->prune(false));
    CHECK(pruned.removed.at(0).deleted == dangling.text());
    CHECK(workshop.store->get(app).has_value());
    CHECK(must(workshop.store->prune(true)).bytes > 0);
    CHECK_FALSE(workshop.store->get(app).has_value());
    CHECK(workshop.store->get(used).has_value());
}

TEST_CASE("a held image keeps its layers until the container is known", "[image_store][root]") {
    Workshop workshop;
    const Digest id = workshop.add({kShared}, "app");
    {
        const Lease lease = must(workshop.store->hold(id));
        must(workshop.store->remove("app", false));
        CHECK(workshop.layers(id).size() == 1);
        workshop.containers = {{.id = "c1", .running = false, .image = id}};
    }
    must(workshop.store->collect_garbage());
    CHECK(workshop.layers(id).size() == 1);
    CHECK_FALSE(workshop.store->hold(id).has_value());
}

TEST_CASE("garbage collection takes nothing of an image on its way in", "[image_store][root]") {
    Workshop workshop;
    std::atomic<bool> done = false;
    std::thread collector([&] {
        while (!done) {
            (void)workshop.store->collect_garbage(); // EAGAIN is an answer, too
        }
    });
    std::vector<Result<Digest>> ids;
    for (int count = 0; count < 30; count++) {
        const std::string text = std::to_string(count);
        ids.push_back(workshop.try_add({kShared, tar_of({file("f" + text, text)})}, "app:" + text));
        if (count % 3 == 2) {
            (void)workshop.store->remove("app:" + text, false); // EAGAIN as above
        }
    }
    done = true;
    collector.join();
    for (int count = 0; count < 30; count++) {
        const Digest id = must(ids[static_cast<std::size_t>(count)]);
        if (count % 3 != 2) {
            CHECK(must(read_file(workshop.layers(id).at(0) / ("f" + std::to_string(count)))) == std::to_string(count));
            CHECK(workshop.store->raw_manifest(id).has_value());
        }
    }
}
