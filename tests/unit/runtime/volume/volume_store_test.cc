// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>
#include <filesystem>

#include "runtime/volume/volume_store.h"
#include "tests/unit/check.h"

namespace ballast::volume {
namespace {

struct Store {
    TemporaryDirectory directory = scratch();
    std::vector<std::string> warnings;
    std::unique_ptr<VolumeStore> store = must(VolumeStore::open(directory.path() / "volumes", warnings));
    void reopen() {
        warnings.clear();
        store = must(VolumeStore::open(directory.path() / "volumes", warnings));
    }
    static Volume named(const std::string &name, Options options = {}) {
        return {
            .name = name, .created_ns = 0, .labels = {{"a", "b"}}, .options = std::move(options), .anonymous = false};
    }
};

} // namespace

TEST_CASE("a volume is there after a restart, with all that was said about it", "[volume]") {
    Store store;
    must(store.store->create(Store::named("data", {{"type", "tmpfs"}, {"device", "tmpfs"}, {"o", "size=1m"}})));
    store.reopen();
    CHECK(store.warnings.empty());
    const Volume found = must(store.store->find("data"));
    CHECK(found.labels.at("a") == "b");
    CHECK(found.options.at("o") == "size=1m");
    CHECK(found.created_ns > 0);
    CHECK(fs::is_directory(store.store->data("data")));
    CHECK((fs::status(store.directory.path() / "volumes").permissions() & fs::perms::all) == fs::perms::owner_all);
}

TEST_CASE("creating a volume twice gives the same one, with other options it is refused", "[volume]") {
    Store store;
    must(store.store->create(Store::named("data")));
    must(write_file(store.store->data("data") / "x", "y"));
    CHECK(store.store->create(Store::named("data")));
    CHECK(must(read_file(store.store->data("data") / "x")) == "y");
    const auto other = store.store->create(Store::named("data", {{"type", "tmpfs"}, {"device", "tmpfs"}}));
    CHECK(other.error().code == EEXIST);
}

TEST_CASE("names that are paths are refused", "[volume]") {
    Store store;
    for (const char *bad : {"", "a", "..", "../x", "a/b", "-x", ".x"}) {
        INFO(bad);
        CHECK_FALSE(store.store->create(Store::named(bad)));
    }
}

TEST_CASE("a broken record is set aside and the volume keeps its content", "[volume]") {
    Store store;
    must(store.store->create(Store::named("data")));
    must(store.store->create(Store::named("other")));
    must(write_file(store.store->data("data") / "x", "y"));
    must(write_file(store.directory.path() / "volumes/data/volume.json", "{\"name\":"));
    store.reopen();
    CHECK(store.warnings.size() == 1);
    CHECK(must(read_file(store.store->data("data") / "x")) == "y");
    CHECK(store.store->find("data"));
    CHECK(store.store->find("other"));
    store.reopen();
    CHECK(store.store->find("data"));
}

TEST_CASE("what a killed daemon left of a volume without a record goes away", "[volume]") {
    Store store;
    must(make_directories(store.directory.path() / "volumes/half/_data"));
    store.reopen();
    CHECK_FALSE(store.store->find("half"));
    CHECK_FALSE(fs::exists(store.directory.path() / "volumes/half"));
}

TEST_CASE("a removed volume is gone, one that never was is told as Docker does", "[volume]") {
    Store store;
    must(store.store->create(Store::named("data")));
    CHECK(store.store->remove("data"));
    CHECK_FALSE(fs::exists(store.directory.path() / "volumes/data"));
    CHECK(store.store->remove("data").error().message == "get data: no such volume");
    CHECK(store.store->find("nothing").error().code == ENOENT);
}

TEST_CASE("options are mount's, and what the driver does not mount is refused", "[volume]") {
    CHECK(must(plan_mount({})).device.empty());
    const MountRequest tmpfs =
        must(plan_mount({{"type", "tmpfs"}, {"device", "tmpfs"}, {"o", "size=1m,noexec,uid=5"}}));
    CHECK(tmpfs.data == "size=1m,uid=5");
    CHECK(tmpfs.flags != 0);
    CHECK(plan_mount({{"type", "none"}, {"o", "bind"}, {"device", "/srv"}}));
    CHECK_FALSE(plan_mount({{"type", "none"}, {"o", "bind"}, {"device", "srv"}}));
    CHECK_FALSE(plan_mount({{"type", "tmpfs"}}));
    CHECK_FALSE(plan_mount({{"device", "/dev/sda"}}));
    CHECK(plan_mount({{"type", "cifs"}, {"device", "//x/y"}}).error().code == ENOTSUP);
    CHECK_FALSE(plan_mount({{"type", "nfs"}, {"device", ":/x"}}));
    CHECK(plan_mount({{"type", "nfs"}, {"device", ":/x"}, {"o", "addr=192.0.2.1"}}));
    CHECK_FALSE(plan_mount({{"size", "5"}}));
    CHECK_FALSE(plan_mount({{"type", "tmpfs"}, {"device", "a\nb"}}));
}

TEST_CASE("the size of a volume counts hard links once", "[volume]") {
    Store store;
    must(store.store->create(Store::named("data")));
    must(write_file(store.store->data("data") / "x", "12345"));
    fs::create_hard_link(store.store->data("data") / "x", store.store->data("data") / "y");
    CHECK(must(store.store->size("data")) == 5);
}

} // namespace ballast::volume
