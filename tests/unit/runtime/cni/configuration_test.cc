// SPDX-License-Identifier: Apache-2.0
#include "runtime/cni/configuration.h"

#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::cni;

namespace {

std::string list(const std::string &name) {
    return R"({"cniVersion":"1.0.0","name":")" + name + R"(","plugins":[{"type":"bridge"}]})";
}

std::string problem(const std::string &text) { return error_of(parse_configuration(text, "x.conflist")).message; }

} // namespace

TEST_CASE("a list of network plugins is read and keeps what is the plugins' own", "[cni]") {
    const Configuration read = must(parse_configuration(
        R"({"cniVersion":"0.4.0","name":"pods","disableCheck":true,"plugins":[
            {"type":"bridge","bridge":"b0","ipam":{"type":"host-local"}},
            {"type":"portmap","capabilities":{"portMappings":true,"other":false}}]})",
        "x.conflist"));
    CHECK(read.name == "pods");
    CHECK(read.version == "0.4.0");
    CHECK_FALSE(read.check);
    CHECK(read.garbage_collected);
    REQUIRE(read.plugins.size() == 2);
    CHECK(read.plugins[0].type == "bridge");
    CHECK(read.plugins[0].json == R"({"type":"bridge","bridge":"b0","ipam":{"type":"host-local"}})");
    CHECK(read.plugins[1].capabilities == std::set<std::string>{"portMappings"});
    CHECK(must(parse_configuration(read.json, "again")).json == read.json);
}

TEST_CASE("a single network plugin's configuration is a list of one", "[cni]") {
    const Configuration read =
        must(parse_configuration(R"({"cniVersion":"1.0.0","name":"one","type":"ptp","mtu":1400})", "x.conf"));
    REQUIRE(read.plugins.size() == 1);
    CHECK(read.plugins[0].type == "ptp");
    CHECK(read.plugins[0].json.contains(R"("mtu":1400)"));
    CHECK(must(parse_configuration(read.json, "again")).plugins.size() == 1);
}

TEST_CASE("the highest network plugin version that both speak is taken", "[cni]") {
    const auto version = [](const std::string &versions) {
        return must(parse_configuration("{" + versions + R"(,"name":"n","plugins":[{"type":"t"}]})", "x")).version;
    };
    CHECK(version(R"("cniVersion":"1.1.0")") == "1.1.0");
    CHECK(version(R"("cniVersion":"0.3.1","cniVersions":["0.4.0","1.0.0","9.0.0"])") == "1.0.0");
    CHECK(version(R"("cniVersion":"9.0.0","cniVersions":["0.4.0"])") == "0.4.0");
    CHECK(must(parse_configuration(list("n"), "x")).at_least("0.4.0"));
    CHECK_FALSE(must(parse_configuration(list("n"), "x")).at_least("1.1.0"));
}

TEST_CASE("what is wrong with a network configuration is said with its place", "[cni]") {
    CHECK(problem("").starts_with("x.conflist:"));
    CHECK(problem("[]").starts_with("x.conflist:"));
    CHECK(problem(R"({"cniVersion":"1.0.0","plugins":[{"type":"t"}]})").contains("name"));
    CHECK(problem(R"({"cniVersion":"1.0.0","name":"../x","plugins":[{"type":"t"}]})").contains("name"));
    CHECK(problem(R"({"cniVersion":"1.0.0","name":"n","plugins":[{"type":"../../bin/sh"}]})")
              .contains("plugins[0].type"));
    CHECK(problem(R"({"cniVersion":"1.0.0","name":"n","plugins":[{}]})").contains("plugins[0]"));
    CHECK(problem(R"({"cniVersion":"1.0.0","name":"n","plugins":[]})") == "x.conflist: plugins: no plugin");
    CHECK(problem(R"({"cniVersion":"1.0.0","name":"n"})").contains("type"));
    CHECK(problem(R"({"cniVersion":"0.2.0","name":"n","type":"t"})").contains("0.3.0, 0.3.1, 0.4.0, 1.0.0, 1.1.0"));
    CHECK(problem(R"({"name":"n","type":"t"})").contains("cniVersion"));
    CHECK(problem(R"({"cniVersion":"1.0.0","name":"n","disableCheck":"yes","type":"t"})").contains("disableCheck"));
    CHECK(problem(R"({"cniVersion":"1.0.0","name":"n","name":"m","type":"t"})").contains("name"));
}

TEST_CASE("an operator's network configuration overrides ours, and the first file counts alone", "[cni]") {
    const TemporaryDirectory place = scratch();
    const auto directory = place.path() / "net.d";
    const auto otherwise = place.path() / "default.conflist";
    ConfigurationDirectory directories(directory, otherwise);
    const Error none = error_of(directories.current());
    CHECK(none.code == ENOENT);
    CHECK(none.message == "no network configuration in " + directory.string());

    must(write_file(otherwise, list("ours")));
    CHECK(must(directories.current())->name == "ours");
    const auto first = must(directories.current());
    CHECK(must(directories.current()) == first); // not read again

    must(make_directories(directory));
    CHECK(must(directories.current())->name == "ours");
    must(write_file(directory / "README", "not a configuration"));
    CHECK(must(directories.current())->name == "ours");
    must(write_file(directory / "20-b.conflist", list("theirs")));
    CHECK(must(directories.current())->name == "theirs");
    must(write_file(directory / "10-a.conf", R"({"cniVersion":"1.0.0","name":"single","type":"ptp"})"));
    CHECK(must(directories.current())->name == "single");

    // Broken, it is not another network that pods get.
    must(write_file(directory / "10-a.conf", "{"));
    CHECK(error_of(directories.current()).message.starts_with((directory / "10-a.conf").string() + ":"));
    must(replace_file(directory / "10-a.conf", list("again")));
    CHECK(must(directories.current())->name == "again");
    std::filesystem::remove(directory / "10-a.conf");
    std::filesystem::remove(directory / "20-b.conflist");
    CHECK(must(directories.current())->name == "ours");
}

TEST_CASE("ranges take the place of the addresses of our network configuration, never of an operator's", "[cni]") {
    const TemporaryDirectory place = scratch();
    const auto directory = place.path() / "net.d";
    const auto otherwise = place.path() / "default.conflist";
    must(write_file(otherwise, R"({"cniVersion":"1.0.0","name":"ours","plugins":[
        {"type":"bridge","ipam":{"type":"host-local","dataDir":"/x","ranges":[[{"subnet":"10.85.0.0/16"}]],
                                 "routes":[{"dst":"0.0.0.0/0"}]}},{"type":"portmap"}]})"));
    ConfigurationDirectory directories(directory, otherwise);
    CHECK(must(directories.current())->json.contains("10.85.0.0/16"));
    directories.set_ranges({*network::Subnet::parse("10.244.1.0/24"), *network::Subnet::parse("fd00:1::/64")});
    const auto changed = must(directories.current());
    CHECK(changed->name == "ours");
    CHECK(changed->plugins.size() == 2);
    CHECK(changed->json.contains(R"("ranges":[[{"subnet":"10.244.1.0/24"}],[{"subnet":"fd00:1::/64"}]])"));
    CHECK(changed->json.contains(R"("routes":[{"dst":"0.0.0.0/0"},{"dst":"::/0"}])"));
    CHECK(changed->json.contains(R"("dataDir":"/x")"));
    must(make_directories(directory));
    must(write_file(directory / "10-theirs.conflist", must(read_file(otherwise))));
    CHECK(must(directories.current())->json.contains("10.85.0.0/16"));
    std::filesystem::remove(directory / "10-theirs.conflist");
    directories.set_ranges({});
    CHECK(must(directories.current())->json.contains("10.85.0.0/16"));

    directories.set_ranges({*network::Subnet::parse("10.244.1.0/24")});
    must(replace_file(otherwise, list("without")));
    CHECK(error_of(directories.current()).message ==
          otherwise.string() + ": no plugin of it takes addresses from host-local");
}

TEST_CASE("the network configuration that is shipped is one", "[cni]") {
    const std::string text = must(read_file("rootfs/usr/lib/ballast/cni/pods.conflist"));
    const Configuration shipped = must(parse_configuration(text, "pods.conflist"));
    CHECK(shipped.name == "ballast-pods");
    CHECK(must(with_ranges(text, "pods.conflist", {*network::Subnet::parse("10.244.1.0/24")})).contains("10.244.1.0"));
}
