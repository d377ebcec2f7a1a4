// SPDX-License-Identifier: Apache-2.0
#include <linux/mempolicy.h>

#include "tests/unit/runtime/oci/config.h"

using namespace ballast;
using namespace ballast::oci;

namespace {

const Change kFewNamespaces{"/linux/namespaces", R"([{"type": "pid"}])"};

std::string refused_with(const std::string &property, const std::string &value) {
    return refusal({{"/linux/" + property, value}});
}

} // namespace

TEST_CASE("namespaces are known, and there once each", "[spec]") {
    Spec spec = spec_with({{"/linux/namespaces", R"([{"type": "user"}, {"type": "time", "path": "/x"},
                                                     {"type": "cgroup", "path": ""}])"}});
    REQUIRE(spec.linux_.namespaces[1].type == NamespaceType::kTime);
    REQUIRE(spec.linux_.namespaces[1].path == "/x");
    REQUIRE(spec.linux_.namespaces[2].path.empty());
    REQUIRE(refused_with("namespaces", R"([{"type": "net"}])") ==
            "linux.namespaces[0].type: want one of cgroup, ipc, mount, network, pid, time, user, uts, have \"net\"");
    REQUIRE(refused_with("namespaces", R"([{"type": "pid"}, {"type": "pid"}])") ==
            "linux.namespaces[1].type: want every namespace once, have \"pid\"");
    REQUIRE(refused_with("namespaces", R"([{"type": "pid", "path": "proc/1"}])") ==
            "linux.namespaces[0].path: want an absolute path, have \"proc/1\"");
    REQUIRE(refused_with("namespaces", "[{}]") == "linux.namespaces[0].type: missing");
}

TEST_CASE("mappings need a user namespace, stay in range and do not overlap", "[spec]") {
    auto mappings = [](const std::string &text) {
        return refusal({{"/linux/uidMappings", text}, {"/linux/gidMappings", text}});
    };
    REQUIRE(mappings(R"([{"containerID": 0, "hostID": 0, "size": 4294967295}])").empty());
    REQUIRE(mappings(R"([{"containerID": 1, "hostID": 0, "size": 4294967295}])") ==
            "linux.uidMappings[0].size: want a whole number from 1 to 4294967294, have 4294967295");
    REQUIRE(mappings(R"([{"containerID": 0, "hostID": -1, "size": 1}])") ==
            "linux.uidMappings[0].hostID: want a whole number from 0 to 4294967294, have -1");
    REQUIRE(mappings(R"([{"containerID": 0, "hostID": 0, "size": 0}])").contains("size: want a whole number from 1"));
    REQUIRE(mappings(R"([{"containerID": 0, "hostID": 0}])") == "linux.uidMappings[0].size: missing");
    REQUIRE(
        mappings(R"([{"containerID": 0, "hostID": 5, "size": 10}, {"containerID": 10, "hostID": 14, "size": 1}])") ==
        "linux.uidMappings[1]: overlaps with a mapping before it");
    std::string one = R"([{"containerID": 0, "hostID": 1, "size": 1}])";
    REQUIRE(refusal({{"/linux/uidMappings", one}, {"/linux/gidMappings", one}, kFewNamespaces}) ==
            "linux.uidMappings: needs a user namespace of the container's");
    REQUIRE(refusal({{"/linux/gidMappings", one}}) ==
            "linux.uidMappings: want mappings of users and of groups, or neither");
}

TEST_CASE("clocks are shifted in a new time namespace only", "[spec]") {
    Spec spec = spec_with({{"/linux/timeOffsets", R"({"monotonic": {"secs": -5, "nanosecs": 999999999}})"}});
    REQUIRE(spec.linux_.monotonic_offset->seconds == -5);
    REQUIRE_FALSE(spec.linux_.boottime_offset.has_value());
    REQUIRE(refused_with("timeOffsets", R"({"boottime": {"nanosecs": 1000000000}})") ==
            "linux.timeOffsets.boottime.nanosecs: want a whole number from 0 to 999999999, have 1000000000");
    REQUIRE(refused_with("timeOffsets", R"({"realtime": {}})").starts_with("linux.timeOffsets.realtime: not a clock"));
    Change offset{"/linux/timeOffsets", R"({"boottime": {"secs": 1}})"};
    REQUIRE(refusal({offset, kFewNamespaces}) == "linux.timeOffsets: needs a time namespace of the container's");
    REQUIRE(refusal({offset, {"/linux/namespaces", R"([{"type": "time", "path": "/t"}])"}}) ==
            "linux.timeOffsets: the time namespace that is joined has offsets already");
}

TEST_CASE("device nodes are complete", "[spec]") {
    Device device = spec_with({{"/linux/devices",
                                R"([{"path": "/dev/x", "type": "b", "major": 8, "minor": 1, "fileMode": 25008}])"}})
                        .linux_.devices[0];
    REQUIRE(device.type == 'b');
    REQUIRE(device.file_mode == 0660); // 060660 is what stat(2) says of it
    REQUIRE(refused_with("devices", R"([{"path": "/f", "type": "p"}])").empty());
    REQUIRE(refused_with("devices", R"([{"path": "f", "type": "p"}])") ==
            "linux.devices[0].path: want an absolute path, have \"f\"");
    REQUIRE(refused_with("devices", R"([{"path": "/f", "type": "x"}])") ==
            "linux.devices[0].type: want one of c, b, u, p, have \"x\"");
    REQUIRE(refused_with("devices", R"([{"path": "/f", "type": "c", "minor": 1}])") ==
            "linux.devices[0].major: missing");
    REQUIRE(refused_with("devices", R"([{"path": "/f", "type": "c", "major": 4096, "minor": 1}])")
                .starts_with("linux.devices[0].major: want a whole number from 0 to 4095"));
    REQUIRE(refused_with("devices", R"([{"path": "/f", "type": "p", "uid": 4294967295}])")
                .starts_with("linux.devices[0].uid: want"));
}

TEST_CASE("network devices have names that the kernel takes", "[spec]") {
    Spec spec = spec_with({{"/linux/netDevices", R"({"eth0": {"name": "c%d"}, "eth1": {}, "eth2": {"name": ""}})"}});
    REQUIRE(spec.linux_.net_devices.at("eth0") == "c%d");
    REQUIRE(spec.linux_.net_devices.at("eth1") == "eth1");
    REQUIRE(spec.linux_.net_devices.at("eth2") == "eth2");
    for (const std::string name : {"a b", "a/b", "a:b", "..", "sixteen-letters!", "a%s", "%d%d", "a%"}) {
        CAPTURE(name);
        REQUIRE(refused_with("netDevices", R"({"eth0": {"name": ")" + name + "\"}}") ==
                "linux.netDevices.eth0.name: want the name of a network device, have \"" + name + "\"");
    }
    REQUIRE(refused_with("netDevices", R"({"": {}})") == "linux.netDevices[\"\"]: not the name of a network device");
    REQUIRE(refused_with("netDevices", R"({"a": {"name": "x"}, "b": {"name": "x"}})") ==
            "linux.netDevices.b.name: another device has this name in the container");
    REQUIRE(refusal({{"/linux/netDevices", R"({"a": {}})"}, kFewNamespaces}) ==
            "linux.netDevices.a: needs a network namespace of the container's");
}

TEST_CASE("masked and read-only paths are absolute, in a mount namespace", "[spec]") {
    for (const std::string name : {"maskedPaths", "readonlyPaths"}) {
        REQUIRE(refused_with(name, R"(["/proc/kcore"])").empty());
        REQUIRE(refused_with(name, R"(["proc"])") == "linux." + name + "[0]: want an absolute path, have \"proc\"");
        REQUIRE(refusal({{"/linux/" + name, R"(["/a"])"}, kFewNamespaces}) ==
                "linux." + name + ": needs a mount namespace of the container's");
    }
}

TEST_CASE("the root's propagation is known", "[spec]") {
    REQUIRE(spec_with({{"/linux/rootfsPropagation", R"("rslave")"}}).linux_.rootfs_propagation == "rslave");
    REQUIRE(refused_with("rootfsPropagation", R"("")").empty());
    REQUIRE(refused_with("rootfsPropagation", R"("public")").starts_with("linux.rootfsPropagation: want one of "));
}

TEST_CASE("a cgroup's path does not climb", "[spec]") {
    REQUIRE(spec_with({{"/linux/cgroupsPath", R"("a.slice:b:c..d")"}}).linux_.cgroups_path == "a.slice:b:c..d");
    for (const char *path : {"..", "/a/../b", "a/.."}) {
        REQUIRE(refused_with("cgroupsPath", '"' + std::string(path) + '"') ==
                "linux.cgroupsPath: want a path without \"..\", have \"" + std::string(path) + "\"");
    }
}

TEST_CASE("personalities have a domain, and no flags", "[spec]") {
    Spec spec = spec_with({{"/linux/personality", R"({"domain": "LINUX32", "flags": ["X"]})"}});
    REQUIRE(spec.linux_.personality->domain == 8);
    REQUIRE(spec.warnings[0].starts_with("linux.personality.flags: "));
    REQUIRE(refused_with("personality", "{}") == "linux.personality.domain: missing");
    REQUIRE(refused_with("personality", R"({"domain": "BSD"})") ==
            "linux.personality.domain: want one of LINUX, LINUX32, have \"BSD\"");
}

TEST_CASE("RDT classes and schemata are names and lines", "[spec]") {
    REQUIRE(spec_with({{"/linux/intelRdt", R"({"closID": "/", "schemata": ["L3:0=f"], "enableMonitoring": true})"}})
                .linux_.intel_rdt->enable_monitoring);
    for (const char *id : {".", "..", "a/b", "/a", "a\\nb"}) {
        REQUIRE(refused_with("intelRdt", R"({"closID": ")" + std::string(id) + "\"}")
                    .starts_with("linux.intelRdt.closID: "));
    }
    REQUIRE(
        refused_with("intelRdt", R"({"schemata": ["a\nb"]})").starts_with("linux.intelRdt.schemata[0]: want one line"));
    REQUIRE(refused_with("intelRdt", R"({"memBwSchema": "L3:0=f"})") ==
            "linux.intelRdt.memBwSchema: want one line that starts with MB:, have \"L3:0=f\"");
}

TEST_CASE("memory policies have the nodes and flags that go with their mode", "[spec]") {
    MemoryPolicy policy =
        *spec_with(
             {{"/linux/memoryPolicy",
               R"({"mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_NUMA_BALANCING", "MPOL_F_RELATIVE_NODES"]})"}})
             .linux_.memory_policy;
    REQUIRE(policy.mode == MPOL_BIND);
    REQUIRE(policy.flags == (MPOL_F_NUMA_BALANCING | MPOL_F_RELATIVE_NODES));
    auto refused = [](const char *value) { return refused_with("memoryPolicy", value); };
    REQUIRE(refused(R"({"mode": "MPOL_DEFAULT"})").empty());
    REQUIRE(refused(R"({"mode": "MPOL_PREFERRED"})").empty());
    REQUIRE(refused("{}") == "linux.memoryPolicy.mode: missing");
    REQUIRE(refused(R"({"mode": "X"})").starts_with("linux.memoryPolicy.mode: want one of MPOL_DEFAULT, "));
    REQUIRE(refused(R"({"mode": "MPOL_INTERLEAVE"})") ==
            "linux.memoryPolicy.nodes: missing, and MPOL_INTERLEAVE needs nodes");
    REQUIRE(refused(R"({"mode": "MPOL_LOCAL", "nodes": "0"})") ==
            "linux.memoryPolicy.nodes: want no nodes with MPOL_LOCAL, have \"0\"");
    REQUIRE(
        refused(R"({"mode": "MPOL_BIND", "nodes": "10284838"})").starts_with("linux.memoryPolicy.nodes: want a list"));
    REQUIRE(
        refused(R"({"mode": "MPOL_PREFERRED", "flags": ["X"]})").starts_with("linux.memoryPolicy.flags[0]: want one"));
    REQUIRE(refused(R"({"mode": "MPOL_PREFERRED", "flags": ["MPOL_F_NUMA_BALANCING"]})")
                .starts_with("linux.memoryPolicy.flags: MPOL_F_NUMA_BALANCING goes with"));
    REQUIRE(refused(R"({"mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_STATIC_NODES", "MPOL_F_RELATIVE_NODES"]})")
                .contains("have both"));
}

TEST_CASE("kernel parameters are set only inside of their namespace", "[spec]") {
    auto sysctl = [](const std::string &name, const std::string &value = "1") {
        return refused_with("sysctl", nlohmann::json{{name, value}}.dump());
    };
    for (const char *name : {"kernel.sem", "kernel.shm_rmid_forced", "fs.mqueue.queues_max", "net.ipv4.ip_forward",
                             "net/ipv4/ip_forward", "kernel.domainname", "user.max_user_namespaces"}) {
        CAPTURE(name);
        REQUIRE(sysctl(name).empty());
        REQUIRE(refusal({{"/linux/sysctl", nlohmann::json{{name, "1"}}.dump()}, kFewNamespaces}).contains(": needs a"));
    }
    REQUIRE(sysctl("kernel.core_pattern", "|/x") == "linux.sysctl[\"kernel.core_pattern\"]: not in a namespace: it "
                                                    "would be set for the whole host");
    REQUIRE(sysctl("kernel.hostname").contains("belongs into the property hostname"));
    for (const char *name : {"net/../kernel/core_pattern", "net.//.kernel.core_pattern", "net..ipv4", "net.", "net/./x",
                             "net.ipv4.a\nb", "net.ipv4./"}) {
        CAPTURE(name);
        REQUIRE(sysctl(name).ends_with("not the name of a kernel parameter"));
    }
    REQUIRE_FALSE(sysctl("/proc/sys/net/x").empty());
    REQUIRE_FALSE(sysctl("").empty());
    REQUIRE(sysctl("net.ipv4.x", "1\x1b").contains("without control characters"));
    REQUIRE(sysctl("net.ipv4.ip_local_port_range", "1024\t65000").empty());
}

TEST_CASE("both spellings of a kernel parameter are one", "[spec]") {
    Spec spec = spec_with({{"/linux/sysctl", R"({"net/ipv4/conf/eth0.1/rp_filter": "2"})"}});
    REQUIRE(spec.linux_.sysctl == std::map<std::string, std::string>{{"net.ipv4.conf.eth0/1.rp_filter", "2"}});
    REQUIRE(refused_with("sysctl", R"({"net.ipv4.x": "1", "net/ipv4/x": "2"})").contains("stands here twice"));
}

TEST_CASE("kernel.domainname does not contradict the property", "[spec]") {
    Change sysctl{"/linux/sysctl", R"({"kernel.domainname": "a"})"};
    REQUIRE(refusal({sysctl, {"/domainname", R"("a")"}}).empty());
    REQUIRE(refusal({sysctl, {"/domainname", R"("b")"}}).contains("want the value of the property domainname"));
}

TEST_CASE("a config.json without a Linux part has no namespaces", "[spec]") {
    REQUIRE(spec_with({{"/linux", ""}}).linux_.namespaces.empty());
    REQUIRE(refusal({{"/linux", "3"}}) == "linux: want an object, have 3");
}
