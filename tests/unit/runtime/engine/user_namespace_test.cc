// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/user_namespace.h"

#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::engine;

namespace {

class Etc {
  public:
    Etc() {
        write("passwd", "root:x:0:0::/root:/bin/sh\nimma:x:1000:1000::/home/imma:/bin/sh\n");
        write("group", "root:x:0:\nimma:x:1000:\nteam:x:2000:imma\n");
        write("subuid", "# ranges\nimma:200000:1000\nother:300000:65536\nimma:400000:500\n");
        write("subgid", "1000:210000:1000\nteam:500000:70000\n");
    }
    void write(const std::string &name, const std::string &text) const { must(write_file(place.path() / name, text)); }
    IdMappings ids(const std::string &setting) const { return must(remapped_ids(setting, place.path())); }
    std::string refused(const std::string &setting) const {
        return error_of(remapped_ids(setting, place.path())).message;
    }
    TemporaryDirectory place = must(TemporaryDirectory::create("/tmp", "etc-"));
};

using Ranges = std::vector<oci::IdMapping>;

} // namespace

TEST_CASE("userns-remap names a user, whose ranges follow one another", "[engine]") {
    const Etc etc;
    CHECK_FALSE(etc.ids("").given());
    const Ranges users{{.container_id = 0, .host_id = 200'000, .size = 1000},
                       {.container_id = 1000, .host_id = 400'000, .size = 500}};
    for (const char *setting : {"imma", "1000", "imma:imma", "1000:1000"}) {
        CHECK(etc.ids(setting).uids == users);
        CHECK(etc.ids(setting).gids == Ranges{{.container_id = 0, .host_id = 210'000, .size = 1000}});
    }
    CHECK(etc.ids("imma:team").gids == Ranges{{.container_id = 0, .host_id = 500'000, .size = 70'000}});
    CHECK(etc.refused("nobody").contains("has nobody called \"nobody\""));
    CHECK(etc.refused("imma:nobody").contains("group has nobody called"));
    CHECK(etc.refused("root").contains("want a line root:100000:65536"));
    etc.write("subuid", "imma:200000\n");
    CHECK(etc.refused("imma").contains("want NAME:FIRST:COUNT"));
}

TEST_CASE("the default of userns-remap takes what nobody has", "[engine]") {
    const Etc etc;
    const Ranges free{{.container_id = 0, .host_id = 570'000, .size = 65'536}};
    CHECK(etc.ids("default") == IdMappings{.uids = free, .gids = free});
    etc.write("subuid", "dockremap:700000:65536\n");
    etc.write("subgid", "dockremap:800000:65536\n");
    CHECK(etc.ids("default").uids == Ranges{{.container_id = 0, .host_id = 700'000, .size = 65'536}});
    CHECK(etc.ids("default").gids == Ranges{{.container_id = 0, .host_id = 800'000, .size = 65'536}});
    const TemporaryDirectory empty = must(TemporaryDirectory::create("/tmp", "etc-"));
    CHECK(must(remapped_ids("default", empty.path())).uids ==
          Ranges{{.container_id = 0, .host_id = 100'000, .size = 65'536}});
}

TEST_CASE("owners of files are seen through the user namespace", "[engine]") {
    const Ranges ranges{{.container_id = 0, .host_id = 100'000, .size = 1000}};
    const IdMappings ids{.uids = ranges, .gids = ranges};
    CHECK(must(owners_on_host(ids)({0, 33})) == image::Owner(100'000, 100'033));
    CHECK(error_of(owners_on_host(ids)({1000, 0})).code == EOVERFLOW);
    CHECK(must(owners_inside(ids)({100'000, 100'999})) == image::Owner(0, 999));
    CHECK(must(owners_inside(ids)({0, 101'000})) == image::Owner(65'534, 65'534));
    CHECK_FALSE(owners_on_host({}));
    CHECK_FALSE(owners_inside({}));
}
