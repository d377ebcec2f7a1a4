// SPDX-License-Identifier: Apache-2.0
// What ballast-oci says to what it cannot do, and that it leaves nothing behind.
#include "tests/integration/runtime/oci_fixture.h"

using namespace ballast;
using namespace ballast::oci_tests;

namespace {

struct Bad {
    const char *what;
    std::function<void(Json &)> change;
    std::vector<std::string> words; // of the message
};

} // namespace

TEST_CASE_METHOD(OciFixture, "a specification that cannot be carried out is refused with the place", "[root]") {
    const std::vector<Bad> cases{
        {"no root file system", [](Json &c) { c["root"]["path"] = "nosuch"; }, {"root.path", "nosuch"}},
        {"a wrong type", [](Json &c) { c["process"]["args"] = "sh"; }, {"process.args"}},
        {"no process", [](Json &c) { c.erase("process"); }, {"process is missing"}},
        {"a relative working directory", [](Json &c) { c["process"]["cwd"] = "tmp"; }, {"process.cwd"}},
        {"an unknown namespace",
         [](Json &c) { c["linux"]["namespaces"][0]["type"] = "space"; },
         {"linux.namespaces[0].type", "space"}},
        {"a namespace that is none",
         [](Json &c) { c["linux"]["namespaces"][2]["path"] = "/dev/null"; },
         {"/dev/null", "is not a namespace"}},
        {"a namespace of another kind",
         [](Json &c) { c["linux"]["namespaces"][2]["path"] = "/proc/self/ns/uts"; },
         {"uts", "ipc"}},
        {"a program that is not there",
         [](Json &c) { c["process"]["args"] = {"nosuch"}; },
         {"executable file \"nosuch\" not found in $PATH"}},
        {"a directory for a program", [](Json &c) { c["process"]["args"] = {"/bin"}; }, {"open executable \"/bin\""}},
        {"a mount whose source is not there",
         [](Json &c) { c["mounts"].push_back({{"destination", "/x"}, {"source", "/no/such"}, {"options", {"bind"}}}); },
         {"mounts[3]", "/no/such"}},
        {"a file system that no kernel has",
         [](Json &c) { c["mounts"].push_back({{"destination", "/x"}, {"type", "nosuchfs"}, {"source", "x"}}); },
         {"mounts[3]", "/x"}},
        {"a user over the range", [](Json &c) { c["process"]["user"]["uid"] = 4294967296; }, {"process.user.uid"}},
        {"a sysctl of the host", [](Json &c) { c["linux"]["sysctl"]["vm.swappiness"] = "1"; }, {"vm.swappiness"}},
        {"resctrl where there is none", [](Json &c) { c["linux"]["intelRdt"]["closID"] = "x"; }, {"resctrl"}},
    };
    for (const Bad &bad : cases) {
        INFO(bad.what);
        configure({"true"}, bad.change);
        const Completed completed = run();
        INFO(completed.errors);
        CHECK(completed.status == 1);
        CHECK(completed.output.empty());
        CHECK(completed.errors.starts_with("ballast-oci: "));
        for (const std::string &word : bad.words) {
            INFO("wanted: " << word);
            CHECK(completed.errors.contains(word));
        }
        check_nothing_left();
    }
}

TEST_CASE_METHOD(OciFixture, "text that is no specification is refused", "[root]") {
    for (const char *text : {"", "{", "[]", "null", "{\"ociVersion\": \"9.0.0\"}", "\xff", "{\"ociVersion\": 1}"}) {
        INFO(text);
        write_config(text);
        const Completed completed = run();
        CHECK(completed.status == 1);
        CHECK(completed.errors.contains("config.json"));
    }
    must(remove_tree(bundle() / "config.json"));
    CHECK(run().errors.contains("config.json: No such file or directory"));
    check_nothing_left();
}

TEST_CASE_METHOD(OciFixture, "an id is a name and nothing else", "[root]") {
    configure({"true"});
    for (const std::string &id : {std::string(".."), std::string("."), std::string("a/b"), std::string("../x"),
                                  std::string("a b"), std::string("~seccomp"), std::string(1025, 'a'), std::string()}) {
        INFO(id);
        for (const char *verb : {"state", "start", "delete", "kill"}) {
            CHECK(oci({verb, "--", id}).errors.contains("container id"));
        }
        CHECK(run(id).errors.contains("container id"));
    }
    check_nothing_left();
}

TEST_CASE_METHOD(OciFixture, "a terminal needs a socket to go to, and a socket needs a terminal", "[root]") {
    configure({"true"}, [](Json &config) { config["process"]["terminal"] = true; });
    CHECK(create().errors.contains("--console-socket"));
    const Completed lost = create("web", {"--console-socket", (directory() / "nosuch.sock").string()});
    CHECK(lost.errors.contains("connect to the console socket"));
    configure({"true"});
    CHECK(create("web", {"--console-socket", "/x"}).errors.contains("process.terminal is not set"));
    check_nothing_left();
}

TEST_CASE_METHOD(OciFixture, "a record that does not read is told, and delete --force removes it", "[root]") {
    configure({"wait"});
    for (const char *text : {"", "{", "[]", "{\"version\": 99}", "{\"version\": \"1\"}"}) {
        INFO(text);
        REQUIRE(create().status == 0);
        must(write_file(root() / "web/state.json", text));
        for (const char *verb : {"state", "start", "delete", "kill"}) {
            const Completed completed = oci({verb, "web"});
            CHECK(completed.status == 1);
            CHECK(completed.errors.contains("state.json"));
        }
        CHECK(oci({"delete", "--force", "web"}).status == 0);
        CHECK(oci({"state", "web"}).errors.contains("does not exist"));
    }
}

TEST_CASE_METHOD(OciFixture, "the command line says what is wrong with it", "[root]") {
    CHECK(oci({"nosuch"}).errors.contains("there is no command \"nosuch\""));
    CHECK(oci({"run", "--nosuch", "x"}).errors.contains("unknown option \"--nosuch\""));
    CHECK(oci({"run", "a", "b"}).errors.contains("want one container id"));
    CHECK(oci({"run", "--preserve-fds", "x", "a"}).errors.contains("--preserve-fds"));
    CHECK(oci({"--log-format", "xml", "list"}).errors.contains("--log-format"));
    CHECK(oci({"--help"}).output.contains("usage: ballast-oci"));
    CHECK(oci({"run", "--help"}).output.contains("--bundle"));
    CHECK(oci({"--version"}).output.contains("spec: 1.3.0"));
    const auto log = directory() / "log.json";
    CHECK(oci({"--log", log.string(), "--log-format", "json", "state", "nosuch"}).status == 1);
    const Json line = Json::parse(must(read_file(log)));
    CHECK(line["level"] == "error");
    CHECK(line["msg"] == "container does not exist: \"nosuch\"");
    CHECK(line.contains("time"));
}
