// SPDX-License-Identifier: Apache-2.0
#include "tests/peers/compared_bundles.h"

#include "tests/bundles/seccomp_profile.h"
#include "tests/bundles/spec.h"
#include "tests/unit/check.h"

namespace ballast::peers {
namespace {

using nlohmann::ordered_json;

ordered_json base(const std::string &profile) {
    return bundles::engine_spec({"/inspector"},
                                must(bundles::resolve_profile(profile, bundles::default_capabilities())));
}

// Every field that a cgroup v2 kernel without special hardware can honour.
ordered_json everything(ordered_json spec) {
    ordered_json &process = spec["process"];
    process["user"] = {{"uid", 1000}, {"gid", 1001}, {"additionalGids", {5, 6, 1001}}, {"umask", 63}};
    process["env"] = {"A=1", "B=two words", "PATH=/bin", "EMPTY="};
    process["cwd"] = "/tmp";
    process["noNewPrivileges"] = true;
    process["oomScoreAdj"] = 321;
    process["rlimits"] = {{{"type", "RLIMIT_NOFILE"}, {"soft", 512}, {"hard", 1024}},
                          {{"type", "RLIMIT_CORE"}, {"soft", 0}, {"hard", 0}},
                          {{"type", "RLIMIT_STACK"}, {"soft", 4194304}, {"hard", 8388608}}};
    const std::vector<std::string> capabilities{"CAP_KILL", "CAP_NET_BIND_SERVICE"};
    process["capabilities"] = {{"bounding", {"CAP_KILL", "CAP_NET_BIND_SERVICE", "CAP_CHOWN"}},
                               {"effective", capabilities},
                               {"permitted", capabilities},
                               {"inheritable", capabilities},
                               {"ambient", {"CAP_NET_BIND_SERVICE"}}};
    spec["hostname"] = "everything";
    ordered_json &resources = spec["linux"]["resources"];
    resources["memory"] = {{"limit", 67108864}, {"reservation", 33554432}, {"swap", 100663296}};
    resources["cpu"] = {{"shares", 512}, {"quota", 50000}, {"period", 100000}, {"cpus", "0"}, {"mems", "0"}};
    resources["pids"] = {{"limit", 42}};
    resources["unified"] = {{"memory.high", "60000000"}};
    spec["linux"]["sysctl"] = {
        {"net.core.somaxconn", "256"}, {"kernel.msgmax", "4096"}, {"net.ipv4.ip_unprivileged_port_start", "0"}};
    spec["linux"]["devices"] = {{{"path", "/dev/fuse"},
                                 {"type", "c"},
                                 {"major", 10},
                                 {"minor", 229},
                                 {"fileMode", 420},
                                 {"uid", 1000},
                                 {"gid", 1001}}};
    spec["linux"]["rootfsPropagation"] = "slave";
    spec["mounts"].push_back({{"destination", "/tmp"},
                              {"type", "tmpfs"},
                              {"source", "scratch"},
                              {"options", {"nosuid", "nodev", "noexec", "size=1m", "mode=1777"}}});
    spec["mounts"].push_back({{"destination", "/data"},
                              {"type", "bind"},
                              {"source", "/usr/share/containers"},
                              {"options", {"rbind", "ro", "nosuid", "nodev", "rprivate"}}});
    spec["mounts"].push_back({{"destination", "/deep/er/file"},
                              {"type", "bind"},
                              {"source", "/usr/share/containers/seccomp.json"},
                              {"options", {"bind", "rw", "rslave"}}});
    return spec;
}

ordered_json user_namespace(ordered_json spec) {
    spec["linux"]["namespaces"].push_back({{"type", "user"}});
    for (const char *key : {"uidMappings", "gidMappings"}) {
        spec["linux"][key] = {{{"containerID", 0}, {"hostID", 100000}, {"size", 65536}}};
    }
    return spec;
}

ordered_json read_only(ordered_json spec) {
    spec["root"]["readonly"] = true;
    spec["linux"].erase("seccomp");
    spec["process"]["capabilities"] = {{"bounding", ordered_json::array()}};
    return spec;
}

ordered_json with_terminal(ordered_json spec) {
    spec["process"]["terminal"] = true;
    spec["process"]["consoleSize"] = {{"height", 30}, {"width", 100}};
    return spec;
}

} // namespace

std::vector<ComparedBundle> compared_bundles(const std::string &seccomp_profile) {
    const ordered_json spec = base(seccomp_profile);
    return {{"default", spec},
            {"everything", everything(spec)},
            {"user-namespace", user_namespace(spec)},
            {"read-only", read_only(spec)},
            {"terminal", with_terminal(spec), true}};
}

} // namespace ballast::peers
