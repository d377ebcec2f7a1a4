// SPDX-License-Identifier: Apache-2.0
#include "updater/support/bundle.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/file_io.h"
#include "base/subprocess.h"
#include "tests/unit/check.h"

namespace ballast::updater::support {
namespace {

namespace fs = std::filesystem;

struct Bench {
    TemporaryDirectory here = scratch();
    fs::path archive = here.path() / "out/support.tar.zst";

    Bench() { must(make_directories(archive.parent_path())); }

    Bundle write(const std::vector<Part> &parts) {
        return must(write_bundle(
            parts,
            [](const std::string &target) -> Result<std::string> {
                return target == "/version" ? Result<std::string>("{\"Version\": \"1\"}")
                                            : fail(ECONNREFUSED, "no engine");
            },
            archive));
    }
    std::string listed() { return must(run_checked({.arguments = {"tar", "--zstd", "-tvf", archive}})); }
    std::string read(const std::string &name) {
        return must(run_checked({.arguments = {"tar", "--zstd", "-xOf", archive, "ballast-support/" + name}}));
    }
};

Part shell(const std::string &name, const std::string &line) { return {Kind::kCommand, name, {"sh", "-c", line}}; }

} // namespace

TEST_CASE("a bundle is one private archive of what programs print, files hold and the engine answers", "[support]") {
    Bench bench;
    must(write_file(bench.here.path() / "a.json", "{\"token\": \"abc\"}"));
    must(write_file(bench.here.path() / "b.json", "{}"));
    const std::string pattern = bench.here.path() / "*.json";
    const Bundle bundle = bench.write({shell("said/it.txt", "echo password=hunter2; echo shown >&2"),
                                       {Kind::kFiles, "files", {pattern}},
                                       {Kind::kEngine, "engine/version.json", {"/version"}}});
    CHECK(bundle.missing.empty());
    struct stat facts{};
    REQUIRE(stat(bench.archive.c_str(), &facts) == 0);
    CHECK((facts.st_mode & 07777) == 0600);
    CHECK(bundle.size == static_cast<std::uint64_t>(facts.st_size));
    CHECK(bench.read("said/it.txt") == "password=(removed)\nshown\n");
    CHECK(bench.read("engine/version.json") == "{\"Version\": \"1\"}");
    CHECK(bench.read("files" + (bench.here.path() / "a.json").string()) == "{\"token\": \"(removed)\"}");
    CHECK(bench.listed().contains("-rw------- 0/0"));
    CHECK(bench.read("contents.json").contains("GET /version"));
    CHECK(std::distance(fs::directory_iterator(bench.archive.parent_path()), {}) == 1);
}

TEST_CASE("what cannot be had is named, and the rest is in the bundle all the same", "[support]") {
    Bench bench;
    REQUIRE(mkfifo((bench.here.path() / "pipe.json").c_str(), 0600) == 0);
    const Bundle bundle = bench.write({shell("fails.txt", "echo because; exit 3"),
                                       {Kind::kCommand, "none.txt", {"there-is-no-such-program"}},
                                       {Kind::kEngine, "engine/info.json", {"/info"}},
                                       {Kind::kFiles, "files", {bench.here.path() / "*.json"}},
                                       {Kind::kFiles, "files", {bench.here.path() / "nothing*"}}});
    CHECK(bench.read("fails.txt") == "because\n\nexit status 3\n");
    REQUIRE(bundle.missing.size() == 3);
    CHECK(bundle.missing[0].starts_with("none.txt: "));
    CHECK(bundle.missing[1] == "engine/info.json: no engine");
    CHECK(bundle.missing[2].ends_with("not a regular file"));
    CHECK(bench.read("contents.json").contains("\"missing\": \"no engine\""));
}

TEST_CASE("a bundle replaces nothing, and leaves nothing behind when it fails", "[support]") {
    Bench bench;
    REQUIRE(symlink("/nowhere", bench.archive.c_str()) == 0);
    const AskEngine engine = [](const std::string &) { return Result<std::string>(""); };
    CHECK(error_of(write_bundle({}, engine, bench.archive)).code == EEXIST);
    CHECK(fs::is_symlink(bench.archive));
    // A file appears under the name while the parts are collected.
    const fs::path other = bench.here.path() / "out/other";
    const Error error = error_of(write_bundle({shell("a.txt", "echo theirs >" + other.string())}, engine, other));
    CHECK(error.code == EEXIST);
    CHECK(must(read_file(other)) == "theirs\n");
    CHECK(std::distance(fs::directory_iterator(bench.archive.parent_path()), {}) == 2);
}

} // namespace ballast::updater::support
