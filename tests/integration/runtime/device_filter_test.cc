// SPDX-License-Identifier: Apache-2.0
#include "runtime/isolate/device_filter.h"

#include <atomic>
#include <fcntl.h>
#include <filesystem>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "tests/integration/runtime/unified_hierarchy.h"

#pragma GCC diagnostic ignored "-Wmissing-field-initializers" // what a test does not name is not given

namespace ballast::isolate {
namespace {

oci::DeviceRule rule(bool allow, char type = 'a', std::optional<std::int64_t> major = {},
                     std::optional<std::int64_t> minor = {}, std::string access = "rwm") {
    return {.allow = allow, .type = type, .major = major, .minor = minor, .access = std::move(access)};
}

// 0, or the error that a process of the cgroup gets.
int open_in(const Cgroup &cgroup, const char *device, int flags) {
    return Inhabitant(cgroup.clone_into().value(), [&] { return ::open(device, flags | O_NONBLOCK) < 0 ? errno : 0; })
        .wait();
}

// How many programs of ours and others are in force there.
unsigned attached(const Cgroup &cgroup) {
    bpf_attr attributes{};
    attributes.query.target_fd = static_cast<__u32>(cgroup.directory().get());
    attributes.query.attach_type = BPF_CGROUP_DEVICE;
    REQUIRE(::syscall(SYS_bpf, BPF_PROG_QUERY, &attributes, sizeof attributes) == 0);
    return attributes.query.prog_cnt;
}

constexpr const char *kMessages = "/dev/kmsg"; // 1:11, in nobody's defaults

} // namespace

TEST_CASE("a container uses the devices that its rules name and no others", "[root]") {
    const TestCgroups tree;
    const Cgroup cgroup = must(tree.create("web", {.devices = {rule(false), rule(true, 'c', 1, 11, "r")}}));
    CHECK(open_in(cgroup, "/dev/null", O_RDWR) == 0);
    CHECK(open_in(cgroup, "/dev/zero", O_RDONLY) == 0);
    CHECK(open_in(cgroup, kMessages, O_RDONLY) == 0);
    CHECK(open_in(cgroup, kMessages, O_WRONLY) == EPERM);
    CHECK(open_in(cgroup, kMessages, O_RDWR) == EPERM);
    CHECK(::open(kMessages, O_RDONLY | O_NONBLOCK) >= 0); // not for us
}

TEST_CASE("a rule that denies writing denies opening for both", "[root]") {
    const TestCgroups tree;
    const Cgroup cgroup = must(tree.create("web", {.devices = {rule(true), rule(false, 'c', 1, 11, "w")}}));
    CHECK(open_in(cgroup, kMessages, O_RDONLY) == 0);
    CHECK(open_in(cgroup, kMessages, O_RDWR) == EPERM);
}

TEST_CASE("device nodes can be made, and not used", "[root]") {
    const TestCgroups tree;
    const Cgroup cgroup = must(tree.create("web"));
    const TemporaryDirectory place = scratch();
    const std::string node = place.path() / "kmsg";
    const int code = Inhabitant(cgroup.clone_into().value(), [&] {
                         if (::mknod(node.c_str(), S_IFCHR | 0600, makedev(1, 11)) != 0) {
                             return 200;
                         }
                         return ::open(node.c_str(), O_RDONLY | O_NONBLOCK) < 0 ? errno : 0;
                     }).wait();
    CHECK((code == EPERM || code == EACCES)); // EACCES: a nodev mount was asked first
}

TEST_CASE("device rules hold in the cgroups that a container makes", "[root]") {
    const TestCgroups tree;
    const Cgroup cgroup = must(tree.create("web"));
    REQUIRE(::mkdir(tree.file("web/below").c_str(), 0755) == 0);
    const Fd below = must(cgroup.sub_cgroup("below"));
    Inhabitant one(below.get(), [] { return ::open(kMessages, O_RDONLY | O_NONBLOCK) < 0 ? errno : 0; });
    CHECK(one.wait() == EPERM);
}

TEST_CASE("one program is attached, none when everything is allowed", "[root]") {
    const TestCgroups tree;
    Cgroup cgroup = must(tree.create("web"));
    CHECK(attached(cgroup) == 1);
    must(cgroup.update({.devices = {rule(true, 'c', 1, 11)}}));
    CHECK(attached(cgroup) == 1);
    CHECK(open_in(cgroup, kMessages, O_RDWR) == 0);
    must(cgroup.update({.devices = {rule(true)}}));
    CHECK(attached(cgroup) == 0);
    must(cgroup.update({.devices = {rule(false)}}));
    CHECK(attached(cgroup) == 1);
    CHECK(open_in(cgroup, kMessages, O_RDONLY) == EPERM);
    CHECK(attached(must(tree.create("free", {.devices = {rule(false), rule(true)}}))) == 0);
}

TEST_CASE("a cgroup that is used again does not collect device programs", "[root]") {
    const TestCgroups tree;
    must(tree.create("web"));
    CHECK(attached(must(tree.create("web", {.devices = {rule(true, 'c', 1, 11)}}))) == 1);
}

TEST_CASE("the usual device program is loaded once and kept", "[root]") {
    const TestCgroups tree;
    if (::mount("bpf", "/sys/fs/bpf", "bpf", 0, nullptr) != 0) {
        SKIP("no file system for BPF programs can be mounted on /sys/fs/bpf here");
    }
    namespace fs = std::filesystem;
    const fs::path pins = "/sys/fs/bpf/ballast";
    const auto files = [&pins] { return std::distance(fs::directory_iterator(pins), fs::directory_iterator()); };
    const Cgroup first = must(tree.create("first"));
    REQUIRE(files() == 1);
    struct stat about{};
    REQUIRE(::stat(pins.c_str(), &about) == 0);
    CHECK((about.st_mode & 07777U) == 0700);

    const Cgroup second = must(tree.create("second"));
    const Cgroup third = must(tree.create("third", {.devices = {rule(false), rule(true, 'c', 1, 11)}}));
    CHECK(files() == 1);
    CHECK(open_in(second, kMessages, O_RDONLY) == EPERM);
    CHECK(open_in(second, "/dev/null", O_RDONLY) == 0);
    CHECK(open_in(third, kMessages, O_RDONLY) == 0);

    // Somebody else's program under that name is not taken for ours.
    const fs::path pin = fs::directory_iterator(pins)->path();
    REQUIRE(fs::remove(pin));
    std::vector<bpf_insn> allow_all(2);
    allow_all[0] = {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .src_reg = 0, .off = 0, .imm = 1};
    allow_all[1] = {.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0};
    bpf_attr load{};
    load.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
    load.insns = reinterpret_cast<__u64>(allow_all.data());
    load.insn_cnt = 2;
    load.license = reinterpret_cast<__u64>("none");
    const Fd program(static_cast<int>(::syscall(SYS_bpf, BPF_PROG_LOAD, &load, sizeof load)));
    REQUIRE(program.is_open());
    bpf_attr put{};
    put.pathname = reinterpret_cast<__u64>(pin.c_str());
    put.bpf_fd = static_cast<__u32>(program.get());
    REQUIRE(::syscall(SYS_bpf, BPF_OBJ_PIN, &put, sizeof put) == 0);
    CHECK(open_in(must(tree.create("fourth")), kMessages, O_RDONLY) == EPERM);
}

TEST_CASE("at no moment of an update are there no device rules", "[root]") {
    const TestCgroups tree;
    Cgroup cgroup = must(tree.create("web"));
    auto *opened = static_cast<std::atomic<long> *>(
        ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    REQUIRE(opened != MAP_FAILED);
    Inhabitant tries(cgroup.clone_into().value(), [opened] {
        while (true) {
            if (const int fd = ::open(kMessages, O_RDONLY | O_NONBLOCK); fd >= 0) {
                ++opened[0];
                ::close(fd);
            }
            ++opened[1];
        }
        return 0;
    });
    for (int round = 0; round < 200; round++) {
        must(cgroup.update({.devices = {rule(false), rule(true, 'c', 200, round)}}));
    }
    CHECK(opened[0] == 0);
    CHECK(opened[1] > 0);
}

} // namespace ballast::isolate
