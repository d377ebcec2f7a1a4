// SPDX-License-Identifier: Apache-2.0
#include "runtime/oci/spec_reader.h"

#include "tests/unit/runtime/oci/config.h"

using namespace ballast;
using namespace ballast::oci;

TEST_CASE("a small config.json is read", "[spec]") {
    Spec spec = spec_with({});
    REQUIRE(spec.version == "1.3.0");
    REQUIRE(spec.root.path == "rootfs");
    REQUIRE_FALSE(spec.root.read_only);
    REQUIRE(spec.process->args == std::vector<std::string>{"sh"});
    REQUIRE(spec.mounts.size() == 1);
    REQUIRE(spec.mounts[0].source == "proc");
    REQUIRE(spec.hooks.prestart[0].path == "/bin/hook");
    REQUIRE(spec.linux_.namespaces.size() == 7);
    REQUIRE(spec.warnings.empty());
}

TEST_CASE("unknown properties are ignored", "[spec]") {
    REQUIRE(refusal({{"/vm", R"({"hypervisor": 3})"}, {"/linux/new", R"("\u0000")"}}).empty());
}

TEST_CASE("null is the same as missing", "[spec]") {
    REQUIRE(refusal({{"/hooks", "null"}, {"/mounts/0/options", "null"}, {"/linux/seccomp", "null"}}).empty());
    REQUIRE(refusal({{"/process/args", "null"}}) == "process.args: missing");
    REQUIRE(refusal({{"/process/args", "[null]"}}) == "process.args[0]: want a text, have null");
}

TEST_CASE("a config.json that is no object is refused", "[spec]") {
    REQUIRE(error_of(parse_spec("[]", "c")).message == "c: want an object, have an array");
    REQUIRE(error_of(parse_spec("null", "c")).message == "c: want an object, have null");
}

TEST_CASE("a property that stands there twice is refused", "[spec]") {
    std::string text = R"({"ociVersion": "1.0.0", "root": {"path": "a", "path": "b"}})";
    REQUIRE(error_of(parse_spec(text, "c")).message == "c: root.path: stands here twice");
    text = R"({"ociVersion": "1.0.0", "root": {"path": "a"}, "annotations": {"k": "1", "k": "2"}})";
    REQUIRE(error_of(parse_spec(text, "c")).message == "c: annotations.k: stands here twice");
}

TEST_CASE("versions follow semver.org, and only the first major one is read", "[spec]") {
    for (const char *version : {"1.0.0", "1.0.2-dev", "1.3.0+dev", "1.0.0-rc.5+build-7", "1.99.0"}) {
        CAPTURE(version);
        REQUIRE(refusal({{"/ociVersion", '"' + std::string(version) + '"'}}).empty());
    }
    for (const char *version : {"", "1", "1.0", "01.0.0", "1.0.0-", "1.0.0+", "1.0.0-a..b", "v1.0.0", "1.0.0 ",
                                "1.-1.0", "99999999999.0.0", "1.0.0-ä"}) {
        CAPTURE(version);
        REQUIRE(refusal({{"/ociVersion", '"' + std::string(version) + '"'}}).contains("want a version as \"1.3.0\""));
    }
    REQUIRE(refusal({{"/ociVersion", R"("2.0.0")"}}) ==
            "ociVersion: want version 1 of the specification, have \"2.0.0\"");
    REQUIRE(refusal({{"/ociVersion", R"("0.9.0")"}}).starts_with("ociVersion: want version 1"));
    REQUIRE(refusal({{"/ociVersion", ""}}) == "ociVersion: missing");
    REQUIRE(spec_with({{"/ociVersion", R"("1.4.0")"}}).warnings ==
            std::vector<std::string>{"ociVersion: newer than 1.3.0: what is new in it is ignored"});
}

TEST_CASE("the root needs a path", "[spec]") {
    REQUIRE(refusal({{"/root", ""}}) == "root: missing");
    REQUIRE(refusal({{"/root/path", ""}}) == "root.path: missing");
    REQUIRE(refusal({{"/root/path", R"("")"}}) == "root.path: want a path, have \"\"");
    REQUIRE(refusal({{"/root/path", R"("a\u0000b")"}}) == R"(root.path: want a text without NUL bytes, have "a\x00b")");
    REQUIRE(refusal({{"/root/readonly", "1"}}) == "root.readonly: want true or false, have 1");
}

TEST_CASE("host names need a uts namespace and fit the kernel", "[spec]") {
    REQUIRE(spec_with({{"/hostname", R"("h")"}, {"/domainname", R"("d")"}}).domainname == "d");
    REQUIRE(refusal({{"/hostname", '"' + std::string(65, 'h') + '"'}}).starts_with("hostname: want at most 64 bytes"));
    for (const char *name : {"hostname", "domainname"}) {
        REQUIRE(refusal({{std::string("/") + name, R"("h")"}, {"/linux/namespaces", "[]"}}) ==
                std::string(name) + ": needs a uts namespace of the container's");
    }
}

TEST_CASE("relative mount destinations are taken from the root, with a warning", "[spec]") {
    Spec spec = spec_with({{"/mounts/0/destination", R"("data/x")"}});
    REQUIRE(spec.mounts[0].destination == "/data/x");
    REQUIRE(spec.warnings.size() == 1);
    REQUIRE(spec.warnings[0].starts_with("mounts[0].destination: relative paths are deprecated"));
}

TEST_CASE("mounts are checked", "[spec]") {
    REQUIRE(refusal({{"/mounts/0/destination", ""}}) == "mounts[0].destination: missing");
    REQUIRE(refusal({{"/mounts/0/options", R"(["ro", 3])"}}) == "mounts[0].options[1]: want a text, have 3");
    REQUIRE(refusal({{"/mounts", "{}"}}) == "mounts: want an array, have an object");
    std::string mapping = R"([{"containerID": 0, "hostID": 1, "size": 1}])";
    REQUIRE(refusal({{"/mounts/0/uidMappings", mapping}}).starts_with("mounts[0].gidMappings: want mappings of users"));
    REQUIRE(refusal({{"/mounts/0/uidMappings", mapping}, {"/mounts/0/gidMappings", mapping}}).empty());
    std::vector<Change> idmap = {{"/mounts/0/options", R"(["bind", "idmap"])"}};
    REQUIRE(refusal(idmap).empty());
    idmap.push_back({"/linux/namespaces", R"([{"type": "mount"}])"});
    REQUIRE(refusal(idmap) == "mounts[0].options: idmap needs mappings, or a user namespace that has some");
}

TEST_CASE("a list with too many items is refused", "[spec]") {
    nlohmann::json many = config();
    for (int count = 0; count < 16384; count++) {
        many["mounts"].push_back({{"destination", "/m"}});
    }
    REQUIRE(error_of(parse_spec(many.dump(), "c")).message == "c: mounts: want at most 16384 items, have 16385");
}

TEST_CASE("hooks need an absolute path and a timeout over 0", "[spec]") {
    REQUIRE(refusal({{"/hooks/prestart/0/path", R"("bin/x")"}}) ==
            "hooks.prestart[0].path: want an absolute path, have \"bin/x\"");
    REQUIRE(refusal({{"/hooks/prestart/0/path", ""}}) == "hooks.prestart[0].path: missing");
    REQUIRE(refusal({{"/hooks/prestart/0/timeout", "0"}}) ==
            "hooks.prestart[0].timeout: want a whole number from 1 to 2147483647, have 0");
    Spec spec = spec_with({{"/hooks/poststop", R"([{"path": "/x", "args": ["x"], "env": ["A"], "timeout": 3}])"}});
    REQUIRE(spec.hooks.poststop[0].timeout == 3);
    REQUIRE(spec.hooks.poststop[0].env == std::vector<std::string>{"A"});
}

TEST_CASE("annotations are texts with names", "[spec]") {
    REQUIRE(spec_with({{"/annotations", R"({"a.b": ""})"}}).annotations.at("a.b").empty());
    REQUIRE(refusal({{"/annotations", R"({"": "x"})"}}) == "annotations[\"\"]: want a name that is not empty");
    REQUIRE(refusal({{"/annotations", R"({"a.b": 1})"}}) == "annotations[\"a.b\"]: want a text, have 1");
    REQUIRE(refusal({{"/annotations", R"({"a\u0000": "1"})"}}) ==
            "annotations[\"a\\x00\"]: want a name without NUL bytes");
}

TEST_CASE("a bundle's config.json is read from its directory", "[spec]") {
    TemporaryDirectory bundle = scratch();
    Error error = error_of(read_spec(bundle.path()));
    REQUIRE(error.code == ENOENT);
    std::filesystem::path file = bundle.path() / "config.json";
    REQUIRE(error.message.contains(file.string()));
    must(write_file(file, with({{"/root/path", "1"}}).dump()));
    REQUIRE(error_of(read_spec(bundle.path())).message == file.string() + ": root.path: want a text, have 1");
    must(write_file(file, config().dump()));
    REQUIRE(must(read_spec(bundle.path())).root.path == "rootfs");
}

TEST_CASE("process and resources are read alone, too, with their warnings", "[spec]") {
    std::vector<std::string> warnings;
    Process process = must(
        parse_process(R"({"args": ["a"], "cwd": "/", "capabilities": {"bounding": ["CAP_NEW"]}})", "p", &warnings));
    REQUIRE(process.args[0] == "a");
    REQUIRE(warnings == std::vector<std::string>{"capabilities: unknown capabilities \"CAP_NEW\", ignoring"});
    REQUIRE(error_of(parse_process("{}", "p")).message == "p: args: missing");
    REQUIRE(must(parse_resources(R"({"pids": {"limit": -1}})", "r")).pids_limit == -1);
    REQUIRE(error_of(parse_resources(R"({"pids": 1})", "r")).message == "r: pids: want an object, have 1");
}

TEST_CASE("a config.json without process is one for create alone", "[spec]") {
    REQUIRE_FALSE(spec_with({{"/process", ""}}).process.has_value());
}
