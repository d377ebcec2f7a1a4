// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <functional>
#include <nlohmann/json.hpp>

#include "runtime/engine/capabilities.h"
#include "runtime/engine/plan.h"
#include "runtime/engine/seccomp_profile.h"
#include "runtime/oci/spec_reader.h"
#include "tests/unit/check.h"

namespace ballast::engine {
namespace {

using Json = nlohmann::json;

struct Planned {
    Snapshot container;
    PlanInput input;
    Planned() {
        container.id = std::string(64, 'a');
        container.config.cmd = Texts{"sleep", "1"};
        container.config.hostname = "box";
        container.hosts_path = "/d/hosts";
        container.host.network_mode = "none";
        input.rootfs = "/run/x/rootfs";
        input.cgroup = "/system.slice/ballast-x.scope/container";
        input.host.kernel_major = 6;
        input.host.kernel_minor = 12;
    }
    Result<std::string> text() {
        input.container = &container;
        while (input.volume_sources.size() < container.mounts.size()) {
            input.volume_sources.push_back(container.mounts[input.volume_sources.size()].source);
        }
        return plan_config(input);
    }
    Json json() { return Json::parse(must(text())); }
};

Json mount_at(const Json &config, const std::string &target) {
    for (const Json &mount : config["mounts"]) {
        if (mount["destination"] == target) {
            return mount;
        }
    }
    return nullptr;
}

bool has_option(const Json &mount, const std::string &option) {
    return std::ranges::find(mount["options"], Json(option)) != mount["options"].end();
}

bool has_namespace(const Json &config, const std::string &type) {
    return std::ranges::any_of(config["linux"]["namespaces"], [&type](const Json &one) { return one["type"] == type; });
}

} // namespace

TEST_CASE("a plain container's config.json is one that the runtime takes", "[engine]") {
    Planned plan;
    const std::string text = must(plan.text());
    CHECK(oci::parse_spec(text, "config.json"));
    const Json config = plan.json();
    CHECK(config["process"]["args"] == Json({"sleep", "1"}));
    CHECK(config["process"]["cwd"] == "/");
    CHECK(config["hostname"] == "box");
    CHECK(config["process"]["env"] ==
          Json({"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOSTNAME=box", "HOME=/"}));
    CHECK(config["process"]["capabilities"]["bounding"].size() == 14);
    CHECK_FALSE(config["process"]["capabilities"].contains("inheritable"));
    CHECK(config["linux"]["maskedPaths"].size() == 12);
    CHECK(config["linux"]["readonlyPaths"].size() == 5);
    CHECK(mount_at(config, "/etc/hosts")["source"] == "/d/hosts");
    CHECK(has_option(mount_at(config, "/sys"), "ro"));
}

TEST_CASE("without a program there is nothing to plan", "[engine]") {
    Planned plan;
    plan.container.config.cmd.reset();
    CHECK(plan.text().error().message == "no command specified");
}

TEST_CASE("another user than root has its capabilities in the bounding set alone", "[engine]") {
    Planned plan;
    plan.input.user = {.uid = 1000, .gid = 1000, .groups = {1000}, .home = "/home/u"};
    const Json config = plan.json();
    CHECK_FALSE(config["process"]["capabilities"].contains("effective"));
    CHECK(config["process"]["user"]["additionalGids"] == Json({1000}));
}

TEST_CASE("privileged opens what the default closes", "[engine]") {
    Planned plan;
    plan.container.host.privileged = true;
    const Json config = plan.json();
    CHECK(config["linux"]["maskedPaths"].empty());
    CHECK_FALSE(config["linux"].contains("seccomp"));
    CHECK(config["process"]["capabilities"]["bounding"].size() == 41);
    CHECK(has_option(mount_at(config, "/sys"), "rw"));
    CHECK(config["linux"]["resources"]["devices"][0]["allow"] == true);
}

TEST_CASE("namespaces are shared as asked", "[engine]") {
    Planned plan;
    plan.input.network_namespace = "/proc/7/ns/net";
    plan.input.pid_namespace = "host";
    plan.container.host.uts_mode = "host";
    const Json config = plan.json();
    CHECK_FALSE(has_namespace(config, "pid"));
    CHECK_FALSE(has_namespace(config, "uts"));
    CHECK(has_namespace(config, "ipc"));
    CHECK_FALSE(config.contains("hostname"));
    CHECK_FALSE(config["linux"]["sysctl"].contains("net.ipv4.ping_group_range"));
    CHECK(std::ranges::any_of(config["linux"]["namespaces"], [](const Json &one) {
        return one["type"] == "network" && one.value("path", "") == "/proc/7/ns/net";
    }));
}

TEST_CASE("limits become the specification's numbers", "[engine]") {
    Planned plan;
    plan.container.host.memory = 104857600;
    plan.container.host.nano_cpus = 1'500'000'000;
    plan.container.host.pids_limit = 64;
    Json resources = plan.json()["linux"]["resources"];
    CHECK(resources["memory"]["limit"] == 104857600);
    CHECK(resources["memory"]["swap"] == 209715200);
    CHECK(resources["cpu"]["quota"] == 150000);
    CHECK(resources["pids"]["limit"] == 64);
    plan.container.host.memory_swap = 104857600;
    plan.container.host.pids_limit = 0;
    resources = plan.json()["linux"]["resources"];
    CHECK(resources["memory"]["swap"] == 104857600);
    CHECK(resources["pids"]["limit"] == -1);
}

TEST_CASE("a mount of the user's replaces one of every container, and read-only holds all below", "[engine]") {
    Planned plan;
    plan.container.mounts = {{.type = "bind", .source = "/mine", .destination = "/etc/hosts", .writable = false},
                             {.type = "tmpfs", .destination = "/t", .tmpfs_options = "exec,size=1m"}};
    const Json config = plan.json();
    CHECK(mount_at(config, "/etc/hosts")["source"] == "/mine");
    CHECK(has_option(mount_at(config, "/etc/hosts"), "rro"));
    CHECK(has_option(mount_at(config, "/t"), "exec"));
    CHECK_FALSE(has_option(mount_at(config, "/t"), "noexec"));
    plan.container.mounts[1].tmpfs_options = "context=x";
    CHECK_FALSE(plan.text());
}

TEST_CASE("the option --init runs our init before the program", "[engine]") {
    Planned plan;
    plan.input.init_program = "/usr/lib/ballast/ballast-container-init";
    const Json config = plan.json();
    CHECK(config["process"]["args"] == Json({"/sbin/docker-init", "--", "sleep", "1"}));
    CHECK(has_option(mount_at(config, "/sbin/docker-init"), "ro"));
}

TEST_CASE("security options are read as Docker's", "[engine]") {
    CHECK(must(parse_security_options({"no-new-privileges"})).no_new_privileges);
    CHECK_FALSE(must(parse_security_options({"no-new-privileges:false"})).no_new_privileges);
    CHECK(must(parse_security_options({"seccomp=unconfined"})).seccomp == "unconfined");
    CHECK_FALSE(parse_security_options({"seccomp"}));
    CHECK_FALSE(parse_security_options({"no-new-privileges=maybe"}));
    Planned plan;
    plan.container.host.security_opt = {"no-new-privileges", "seccomp=unconfined", "systempaths=unconfined"};
    const Json config = plan.json();
    CHECK(config["process"]["noNewPrivileges"] == true);
    CHECK_FALSE(config["linux"].contains("seccomp"));
    CHECK(config["linux"]["maskedPaths"].empty());
}

TEST_CASE("capabilities are added and dropped with and without CAP_", "[engine]") {
    const auto plan = [](const Texts &add, const Texts &drop) { return must(plan_capabilities(add, drop, false, 40)); };
    CHECK(plan({}, {"ALL"}).empty());
    CHECK(plan({"net_admin"}, {"all"}) == Texts{"CAP_NET_ADMIN"});
    CHECK(plan({"ALL"}, {"CAP_SYS_ADMIN"}).size() == 40);
    CHECK(plan({}, {"CHOWN", "CAP_MKNOD"}).size() == 12);
    CHECK(plan({"CAP_CHOWN"}, {}).size() == 14);
    CHECK(plan_capabilities({"CAP_NOTHING"}, {}, false, 40).error().message ==
          "invalid CapAdd: unknown capability: \"CAP_NOTHING\"");
}

TEST_CASE("the default seccomp profile follows the capabilities of the container", "[engine]") {
    const auto action = [](const Texts &capabilities, const std::string &call) {
        const SeccompFacts facts{
            .capabilities = capabilities, .architecture = "amd64", .kernel_major = 6, .kernel_minor = 12};
        const Json profile = Json::parse(must(resolve_seccomp(default_seccomp_profile(), facts)).dump());
        std::string found;
        for (const Json &one : profile["syscalls"]) {
            if (std::ranges::find(one["names"], Json(call)) != one["names"].end()) {
                found = one["action"].get<std::string>();
            }
        }
        return found;
    };
    CHECK(action({}, "open_by_handle_at") == "SCMP_ACT_ERRNO");
    CHECK(action({"CAP_DAC_READ_SEARCH"}, "open_by_handle_at") == "SCMP_ACT_ALLOW");
    CHECK(action({}, "read") == "SCMP_ACT_ALLOW");
    CHECK(action({}, "arch_prctl") == "SCMP_ACT_ALLOW"); // of this architecture
    CHECK(action({}, "sync_file_range2").empty());       // of another one
}

TEST_CASE("a seccomp profile that does not read says where", "[engine]") {
    CHECK(resolve_seccomp("{", {}).error().message.starts_with("Decoding seccomp profile failed"));
    CHECK(resolve_seccomp(R"({"syscalls": []})", {}).error().message.contains("defaultAction"));
    CHECK_FALSE(resolve_seccomp(R"({"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": "/x"})", {}));
}

TEST_CASE("device rules of the user's are read strictly", "[engine]") {
    Planned plan;
    plan.container.host.device_cgroup_rules = {"c 42:* rmw"};
    const Json rules = plan.json()["linux"]["resources"]["devices"];
    CHECK(rules.back()["major"] == 42);
    CHECK_FALSE(rules.back().contains("minor"));
    for (const char *bad : {"c 42:*", "x 1:1 r", "c 1:1 rx", "c 1:1 r; rm"}) {
        INFO(bad);
        plan.container.host.device_cgroup_rules = {bad};
        CHECK_FALSE(plan.text());
    }
}

} // namespace ballast::engine
