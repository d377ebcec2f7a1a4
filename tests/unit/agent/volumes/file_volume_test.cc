// SPDX-License-Identifier: Apache-2.0
#include "agent/volumes/file_volume.h"

#include <sys/stat.h>

#include "tests/unit/agent/pods/pod_fixture.h"

using namespace ballast;
using namespace ballast::agent;
using ballast::agent::tests::pod_of;
namespace fs = std::filesystem;

namespace {

PodObjects objects() {
    return {.data = [](const std::string &kind, const std::string &, const std::string &name) -> Result<TextMap> {
                if (name != "there") {
                    return fail(ENOENT, kind + " \"" + name + "\" not found");
                }
                return TextMap{{"a", kind + " a"}, {"b", kind + " b"}};
            },
            .token = [](const Pod &pod, const TokenFile &token) -> Result<std::string> {
                return pod.service_account + " for " + token.audience;
            },
            .services = {}};
}

Result<FileContents> contents(const std::string &volume, const PodObjects &from = objects()) {
    const Pod pod = pod_of("  serviceAccountName: me\n  containers:\n  - {name: c, image: x, resources: {limits: {cpu: "
                           "\"2\"}}}\n  volumes:\n  - {name: v, " +
                           volume + "}\n");
    return contents_of(pod, std::get<FileVolume>(pod.volumes.front().source), {.node_name = "n"}, from);
}

mode_t mode_of(const fs::path &path) {
    struct stat found{};
    REQUIRE(::stat(path.c_str(), &found) == 0);
    return found.st_mode & 07777;
}

} // namespace

TEST_CASE("volumes of files hold what they refer to", "[agent]") {
    REQUIRE(must(contents("configMap: {name: there}")) ==
            FileContents{{"a", {"configMap a", 0644}}, {"b", {"configMap b", 0644}}});
    REQUIRE(must(contents("secret: {secretName: there, defaultMode: 256, items: [{key: b, path: x/y, mode: 288}]}")) ==
            FileContents{{"x/y", {"secret b", 0440}}});
    REQUIRE(must(contents("downwardAPI: {items: [{path: l, fieldRef: {fieldPath: metadata.labels}}, {path: cpu, "
                          "resourceFieldRef: {containerName: c, resource: limits.cpu}}]}")) ==
            FileContents{{"l", {"app=\"shop\"", 0644}}, {"cpu", {"2", 0644}}});
    REQUIRE(
        must(contents("projected: {sources: [{secret: {name: there, items: [{key: a, path: s}]}}, {configMap: {name: "
                      "there, items: [{key: a, path: c}]}}, {serviceAccountToken: {audience: vault, path: t}}, "
                      "{downwardAPI: {items: [{path: d, fieldRef: {fieldPath: metadata.name}}]}}]}")) ==
        FileContents{{"s", {"secret a", 0644}},
                     {"c", {"configMap a", 0644}},
                     {"t", {"me for vault", 0644}},
                     {"d", {"web", 0644}}});
}

TEST_CASE("what a volume refers to must be there, unless it need not", "[agent]") {
    REQUIRE(error_of(contents("configMap: {name: none}")).message == "configMap \"none\" not found");
    REQUIRE(must(contents("configMap: {name: none, optional: true}")).empty());
    REQUIRE(error_of(contents("secret: {secretName: there, items: [{key: z, path: z}]}")).message ==
            "references non-existent secret key: z");
    REQUIRE(must(contents("secret: {secretName: there, optional: true, items: [{key: z, path: z}]}")).empty());
    REQUIRE(error_of(contents("configMap: {name: there}", {})).code == ENOTSUP);
}

TEST_CASE("files of a volume change all at once", "[agent]") {
    const TemporaryDirectory place = scratch();
    const fs::path volume = place.path();
    must(write_contents(volume, {{"a", {"1", 0644}}, {"d/b", {"2", 0400}}}, {}));
    REQUIRE(must(read_file(volume / "a")) == "1");
    REQUIRE(must(read_file(volume / "d/b")) == "2");
    REQUIRE(mode_of(volume / "d/b") == 0400);
    const fs::path first = fs::read_symlink(volume / "..data");
    must(write_contents(volume, {{"a", {"1", 0644}}, {"d/b", {"2", 0400}}}, {}));
    REQUIRE(fs::read_symlink(volume / "..data") == first); // nothing new
    must(write_contents(volume, {{"a", {"3", 0644}}, {"c", {"4", 0600}}}, ::getgid()));
    REQUIRE(fs::read_symlink(volume / "..data") != first);
    REQUIRE(must(read_file(volume / "a")) == "3");
    REQUIRE(mode_of(volume / "c") == 0640); // its group reads
    REQUIRE_FALSE(fs::exists(fs::symlink_status(volume / "d")));
    REQUIRE_FALSE(fs::exists(volume / first));
    must(write_contents(volume, {}, {}));
    REQUIRE_FALSE(fs::exists(fs::symlink_status(volume / "a")));
    for (const char *path : {"../x", "/x", "a/../../x", "..data", ""}) {
        REQUIRE(error_of(write_contents(volume, {{path, {"", 0644}}}, {})).code == EINVAL);
    }
}
