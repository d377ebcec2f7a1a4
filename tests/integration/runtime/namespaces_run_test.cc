// SPDX-License-Identifier: Apache-2.0
// Containers in namespaces of their own and in those of others.
#include "tests/integration/runtime/oci_fixture.h"

using namespace ballast;
using namespace ballast::oci_tests;

namespace {

void add_user_namespace(Json &config) {
    config["linux"]["namespaces"].push_back({{"type", "user"}});
    for (const char *ids : {"uidMappings", "gidMappings"}) {
        config["linux"][ids] = Json::array({{{"containerID", 0}, {"hostID", 100000}, {"size", 65536}}});
    }
}

std::string namespace_of(const std::string &pid, const std::string &kind) {
    return std::filesystem::read_symlink("/proc/" + pid + "/ns/" + kind).string();
}

} // namespace

TEST_CASE_METHOD(OciFixture, "root of a user namespace is nobody on the host", "[root]") {
    leave_chroot();
    (void)must(run_checked({.arguments = {"chown", "-R", "100000:100000", (bundle() / "rootfs").string()}}));
    configure({"cat", "/proc/self/uid_map"}, add_user_namespace);
    const Completed map = run();
    INFO(map.errors);
    CHECK(map.status == 0);
    CHECK(map.output.contains("100000"));

    configure({"wait"}, add_user_namespace);
    const Completed created = create();
    INFO(created.errors);
    REQUIRE(created.status == 0);
    REQUIRE(oci({"start", "web"}).status == 0);
    const std::string pid = std::to_string(Json::parse(oci({"state", "web"}).output)["pid"].get<int>());
    CHECK(must(read_file("/proc/" + pid + "/status")).contains("Uid:\t100000\t100000\t100000\t100000"));
    const Completed further = oci({"exec", "--user", "7:8", "web", "inside", "cat", "/proc/self/status"});
    INFO(further.errors);
    CHECK(further.output.contains("Uid:\t7\t7\t7\t7"));
}

TEST_CASE_METHOD(OciFixture, "a container joins the namespaces of another", "[root]") {
    configure({"wait"});
    REQUIRE(create("first").status == 0);
    REQUIRE(oci({"start", "first"}).status == 0);
    const std::string first = std::to_string(Json::parse(oci({"state", "first"}).output)["pid"].get<int>());
    configure({"wait"}, [&](Json &config) {
        for (auto &one : config["linux"]["namespaces"]) {
            const std::string type = one["type"];
            if (type != "mount") {
                one["path"] = "/proc/" + first + "/ns/" + type;
            }
        }
    });
    const Completed created = create("second");
    INFO(created.errors);
    REQUIRE(created.status == 0);
    const std::string second = std::to_string(Json::parse(oci({"state", "second"}).output)["pid"].get<int>());
    for (const char *kind : {"pid", "ipc", "uts"}) {
        CHECK(namespace_of(second, kind) == namespace_of(first, kind));
    }
    CHECK(namespace_of(second, "mnt") != namespace_of(first, "mnt"));
    REQUIRE(oci({"start", "second"}).status == 0);
    const Completed further = oci({"exec", "second", "inside", "exit", "5"});
    INFO(further.errors);
    CHECK(further.status == 5);
    CHECK(oci({"delete", "--force", "second"}).status == 0);
    CHECK(status("first") == "running");
}

TEST_CASE_METHOD(OciFixture, "a further process is inside a container that has the host's processes, too", "[root]") {
    configure({"wait"}, [](Json &config) {
        auto &namespaces = config["linux"]["namespaces"];
        for (std::size_t index = 0; index < namespaces.size(); ++index) {
            if (namespaces[index]["type"] == "pid") {
                namespaces.erase(index);
                break;
            }
        }
    });
    REQUIRE(create().status == 0);
    REQUIRE(oci({"start", "web"}).status == 0);
    const std::string pid = std::to_string(Json::parse(oci({"state", "web"}).output)["pid"].get<int>());
    REQUIRE(namespace_of(pid, "pid") == namespace_of("self", "pid"));
    const Completed further = oci({"exec", "web", "inside", "cat", "/proc/self/mountinfo"});
    INFO(further.errors);
    CHECK(further.status == 0);
    CHECK(further.output == must(read_file("/proc/" + pid + "/mountinfo")));
    CHECK(oci({"exec", "web", "inside", "cat", "/proc/sys/kernel/hostname"}).output == "inside\n");
}

TEST_CASE_METHOD(OciFixture, "the user namespace of another container is joined with what it owns", "[root]") {
    leave_chroot();
    (void)must(run_checked({.arguments = {"chown", "-R", "100000:100000", (bundle() / "rootfs").string()}}));
    configure({"wait"}, add_user_namespace);
    REQUIRE(create("first").status == 0);
    const std::string first = std::to_string(Json::parse(oci({"state", "first"}).output)["pid"].get<int>());
    configure({"cat", "/proc/self/uid_map"}, [&](Json &config) {
        add_user_namespace(config);
        config["linux"]["namespaces"].back()["path"] = "/proc/" + first + "/ns/user";
        config["linux"].erase("uidMappings");
        config["linux"].erase("gidMappings");
    });
    const Completed joined = run("second");
    INFO(joined.errors);
    CHECK(joined.status == 0);
    CHECK(joined.output.contains("100000"));
}

TEST_CASE_METHOD(OciFixture, "clocks are shifted in a time namespace", "[root]") {
    configure({"cat", "/proc/uptime"}, [](Json &config) {
        config["linux"]["namespaces"].push_back({{"type", "time"}});
        config["linux"]["timeOffsets"] = {{"boottime", {{"secs", 1'000'000'000}}}, {"monotonic", {{"secs", 5}}}};
    });
    const Completed shifted = run();
    INFO(shifted.errors);
    REQUIRE(shifted.status == 0);
    CHECK(std::stod(shifted.output) > 1e9);
}

TEST_CASE_METHOD(OciFixture, "the loopback device of a new network namespace is up", "[root]") {
    configure({"cat", "/sys/class/net/lo/operstate"}, [](Json &config) {
        config["linux"]["namespaces"].push_back({{"type", "network"}});
        config["mounts"].push_back({{"destination", "/sys"}, {"type", "sysfs"}, {"source", "sysfs"}});
    });
    const Completed completed = run();
    INFO(completed.errors);
    CHECK(completed.output == "unknown\n"); // "down" otherwise
}

TEST_CASE_METHOD(OciFixture, "host and domain name are the container's", "[root]") {
    configure({"cat", "/proc/sys/kernel/hostname"}, [](Json &config) { config["domainname"] = "example"; });
    CHECK(run().output == "inside\n");
    configure({"cat", "/proc/sys/kernel/domainname"}, [](Json &config) { config["domainname"] = "example"; });
    CHECK(run().output == "example\n");
}

TEST_CASE_METHOD(OciFixture, "a seccomp filter holds, with and without no_new_privs", "[root]") {
    for (const bool no_new_privileges : {true, false}) {
        INFO(no_new_privileges);
        configure({"cat", "/proc/self/status"}, [&](Json &config) {
            config["process"]["noNewPrivileges"] = no_new_privileges;
            config["linux"]["seccomp"] = {
                {"defaultAction", "SCMP_ACT_ALLOW"},
                {"syscalls", Json::array({{{"names", {"getcwd"}}, {"action", "SCMP_ACT_ERRNO"}, {"errnoRet", 38}}})}};
        });
        for (int again = 0; again < 2; ++again) { // compiled, then from the cache
            const Completed completed = run();
            INFO(completed.errors);
            REQUIRE(completed.status == 0);
            CHECK(completed.output.contains("Seccomp:\t2"));
            CHECK(completed.output.contains(no_new_privileges ? "NoNewPrivs:\t1" : "NoNewPrivs:\t0"));
        }
    }
}

TEST_CASE_METHOD(OciFixture, "a filter that was written before the runtime's own calls were there still loads",
                 "[root]") {
    for (const bool no_new_privileges : {true, false}) {
        INFO(no_new_privileges);
        configure({"wait"}, [&](Json &config) {
            config["process"]["noNewPrivileges"] = no_new_privileges;
            config["linux"]["seccomp"] = {
                {"defaultAction", "SCMP_ACT_ALLOW"},
                {"syscalls", Json::array({{{"names",
                                            {"close_range", "clone3", "faccessat2", "fsopen", "mount_setattr",
                                             "move_mount", "open_tree", "openat2", "pidfd_open", "pidfd_send_signal"}},
                                           {"action", "SCMP_ACT_KILL_PROCESS"}}})}};
        });
        const Completed created = create();
        INFO(created.errors);
        REQUIRE(created.status == 0);
        REQUIRE(oci({"start", "web"}).status == 0);
        const Completed inside = oci({"exec", "web", "inside", "cat", "/proc/self/status"});
        INFO(inside.errors);
        CHECK(inside.status == 0);
        CHECK(inside.output.contains("Seccomp:\t2"));
        CHECK(oci({"delete", "--force", "web"}).status == 0);
    }
}
