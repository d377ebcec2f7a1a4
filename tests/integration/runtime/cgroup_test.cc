// SPDX-License-Identifier: Apache-2.0
#include "runtime/isolate/cgroup.h"

#include <algorithm>
#include <atomic>
#include <csignal>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "tests/integration/runtime/unified_hierarchy.h"

#pragma GCC diagnostic ignored "-Wmissing-field-initializers" // what a test does not name is not given

namespace ballast::isolate {
namespace {

using Pids = std::vector<pid_t>;

void make_directory(const std::string &path) { REQUIRE(::mkdir(path.c_str(), 0755) == 0); }

// Memory that a test shares with its processes.
struct Counter {
    Counter()
        : value(static_cast<std::atomic<long> *>(
              ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0))) {}
    Counter(const Counter &) = delete;
    Counter &operator=(const Counter &) = delete;
    ~Counter() { ::munmap(value, 4096); }
    std::atomic<long> *value;
};

} // namespace

TEST_CASE("a container is born in its cgroup, which is made with those above it", "[root]") {
    const TestCgroups tree;
    Cgroup cgroup = must(tree.create("pod/web"));
    {
        const Inhabitant one(cgroup);
        CHECK(must(cgroup_of(one.pid())) == tree.path() + "/pod/web");
        CHECK(must(cgroup.processes()) == Pids{one.pid()});
        CHECK(cgroup.place().path == tree.path() + "/pod/web");
    }
    must(cgroup.remove());
    CHECK_FALSE(tree.exists("pod/web"));
    CHECK(tree.exists("pod"));
    must(cgroup.remove()); // gone is fine
}

TEST_CASE("a cgroup that holds processes is not taken, an empty one is", "[root]") {
    const TestCgroups tree;
    Cgroup first = must(tree.create("web"));
    must(tree.create("web"));
    Inhabitant one(first);
    CHECK(error_of(tree.create("web")).code == EEXIST);
    CHECK(tree.exists("web"));
}

TEST_CASE("removing a cgroup kills what is left in it and below", "[root]") {
    const TestCgroups tree;
    Cgroup cgroup = must(tree.create("web"));
    Cgroup below = must(tree.create("web/init.scope"));
    make_directory(tree.file("web/a"));
    make_directory(tree.file("web/a/b"));
    Inhabitant one(below), two(below);
    Pids both = {one.pid(), two.pid()};
    std::ranges::sort(both);
    CHECK(must(cgroup.processes()) == both);
    must(cgroup.remove());
    CHECK_FALSE(tree.exists("web"));
    CHECK(one.wait() == 128 + SIGKILL);
    CHECK(two.wait() == 128 + SIGKILL);
}

TEST_CASE("a cgroup that is gone is an error only once something is asked of it", "[root]") {
    const TestCgroups tree;
    const CgroupPlace place = must(tree.create("web")).place();
    must(must(Cgroup::open(place)).remove());
    Cgroup gone = must(Cgroup::open(place));
    CHECK(error_of(gone.processes()).code == ENOENT);
    CHECK(error_of(gone.freeze()).code == ENOENT);
    CHECK_FALSE(gone.clone_into().has_value());
    must(gone.remove());
}

TEST_CASE("a frozen cgroup stands still until it is thawed", "[root]") {
    const TestCgroups tree;
    const Cgroup cgroup = must(tree.create("web"));
    const Counter counter;
    Inhabitant one(cgroup.clone_into().value(), [&] {
        while (true) {
            ++*counter.value;
        }
        return 0;
    });
    while (*counter.value == 0) {
        ::usleep(1000);
    }
    must(cgroup.freeze());
    CHECK(must(cgroup.frozen()));
    const long before = *counter.value;
    ::usleep(20000);
    CHECK(*counter.value == before);
    must(cgroup.freeze()); // again is fine
    must(cgroup.thaw());
    CHECK_FALSE(must(cgroup.frozen()));
    for (int round = 0; round < 1000 && *counter.value == before; round++) {
        ::usleep(1000);
    }
    CHECK(*counter.value > before);
}

TEST_CASE("a frozen container can be killed and removed", "[root]") {
    const TestCgroups tree;
    Cgroup cgroup = must(tree.create("web"));
    Inhabitant one(cgroup);
    must(cgroup.freeze());
    must(cgroup.signal_all(SIGKILL));
    CHECK(one.wait() == 128 + SIGKILL);
    must(cgroup.remove());
}

TEST_CASE("a signal reaches every process of a cgroup and of those below", "[root]") {
    const TestCgroups tree;
    const Cgroup cgroup = must(tree.create("web"));
    make_directory(tree.file("web/below"));
    const Fd below = must(cgroup.sub_cgroup("below"));
    Inhabitant one(cgroup), two(below.get(), [] { return ::pause(); });
    must(cgroup.signal_all(SIGTERM));
    CHECK(one.wait() == 128 + SIGTERM);
    CHECK(two.wait() == 128 + SIGTERM);
}

TEST_CASE("a process is moved into a cgroup, and one below it is found for exec", "[root]") {
    const TestCgroups tree;
    const Cgroup cgroup = must(tree.create("web"));
    Inhabitant one(-1, [] { return ::pause(); });
    must(cgroup.enter(one.pid()));
    CHECK(must(cgroup_of(one.pid())) == tree.path() + "/web");

    make_directory(tree.file("web/foo"));
    make_directory(tree.file("web/foo/bar"));
    make_directory(tree.file("outside"));
    const Fd sub = must(cgroup.sub_cgroup("foo/bar"));
    Inhabitant two(sub.get(), [] { return ::pause(); });
    CHECK(must(cgroup_of(two.pid())) == tree.path() + "/web/foo/bar");
    CHECK(error_of(cgroup.sub_cgroup("../outside")).message.contains("`..` components are not allowed"));
    CHECK(error_of(cgroup.sub_cgroup("missing")).code == ENOENT);

    const Fd same = must(Cgroup::directory_of(two.pid()));
    Inhabitant three(same.get(), [] { return ::pause(); });
    CHECK(must(cgroup_of(three.pid())) == tree.path() + "/web/foo/bar");
}

TEST_CASE("a cgroup is delegated with the files that the kernel names", "[root]") {
    const TestCgroups tree;
    const Cgroup cgroup = must(tree.create("web"));
    must(cgroup.delegate_to(1234, 5678));
    struct stat about{};
    for (const char *name : {"web", "web/cgroup.procs", "web/cgroup.subtree_control"}) {
        REQUIRE(::stat(tree.file(name).c_str(), &about) == 0);
        CHECK(about.st_uid == 1234);
        CHECK(about.st_gid == 5678);
    }
    REQUIRE(::stat(tree.file("web/cgroup.freeze").c_str(), &about) == 0);
    CHECK(about.st_uid == 0);
}

TEST_CASE("a limit whose controller is missing is an error, and leaves no cgroup behind", "[root]") {
    const TestCgroups tree;
    if ((machine_controllers() & controller::kRdma) != 0) {
        SKIP("this machine has the rdma controller");
    }
    const oci::Resources resources{.unified = {{"rdma.max", "mlx5_0 hca_handle=1"}}};
    const Error error = error_of(tree.create("pod/web", resources));
    CHECK(error.message == "cgroup " + tree.path() + "/pod/web: rdma.max: \"mlx5_0 hca_handle=1\": controller `rdma` " +
                               "is not available under " + tree.path() + "/pod/web");
    CHECK_FALSE(tree.exists("pod/web"));
}

TEST_CASE("a value that the kernel refuses is named with its file", "[root]") {
    const TestCgroups tree;
    const Error error = error_of(tree.create("web", {.unified = {{"cgroup.max.depth", "deep"}}}));
    CHECK(error.code == EINVAL);
    CHECK(error.message == "cgroup " + tree.path() + "/web: cgroup.max.depth: \"deep\": Invalid argument");
    CHECK_FALSE(tree.exists("web"));
}

TEST_CASE("limits of huge pages are in force before the container is", "[root]") {
    const TestCgroups tree;
    need_controllers(controller::kHugetlb);
    Cgroup cgroup = must(tree.create("pod/web", {.hugepage_limits = {{"2MB", 4UL << 20}}}));
    CHECK(must(read_file(tree.file("pod/web/hugetlb.2MB.max"))) == "4194304\n");
    must(cgroup.update({.hugepage_limits = {{"2MB", 2UL << 20}}}));
    CHECK(must(read_file(tree.file("pod/web/hugetlb.2MB.max"))) == "2097152\n");
    CHECK(must(cgroup.statistics()).hugetlb.contains("2MB"));
}

TEST_CASE("a cgroup with processes of its own cannot hand controllers down, and the error says so", "[root]") {
    const TestCgroups tree;
    need_controllers(controller::kHugetlb);
    const Cgroup pod = must(tree.create("pod"));
    Inhabitant one(pod);
    const Error error = error_of(tree.create("pod/web", {.hugepage_limits = {{"2MB", 0}}}));
    CHECK(error.code == EBUSY);
    CHECK(error.message.contains(tree.path() + "/pod: cgroup.subtree_control: \"+hugetlb\": "));
    CHECK(error.message.contains("it holds processes itself"));
    CHECK_FALSE(tree.exists("pod/web"));
    must(tree.create("pod/web")); // nothing asked
}

TEST_CASE("below a threaded cgroup only threaded controllers work", "[root]") {
    const TestCgroups tree;
    need_controllers(controller::kHugetlb);
    make_directory("/sys/fs/cgroup" + tree.path());
    make_directory(tree.file("pod"));
    make_directory(tree.file("pod/threads"));
    must(write_file(tree.file("pod/threads/cgroup.type"), "threaded"));
    const Error error = error_of(tree.create("pod/web", {.hugepage_limits = {{"2MB", 0}}}));
    CHECK(error.code == EOPNOTSUPP);
    CHECK_FALSE(tree.exists("pod/web"));
    must(tree.create("pod/web"));
    CHECK(must(read_file(tree.file("pod/web/cgroup.type"))) == "threaded\n");
}

TEST_CASE("memory, processes and processors are limited", "[root]") {
    const TestCgroups tree;
    need_controllers(controller::kMemory | controller::kPids | controller::kCpu);
    const oci::Resources resources{.memory = oci::MemoryResources{.limit = 1 << 20, .reservation = 4096},
                                   .cpu = oci::CpuResources{.shares = 512, .quota = 20000, .burst = 10000},
                                   .pids_limit = 7};
    Cgroup cgroup = must(tree.create("web", resources));
    CHECK(must(read_file(tree.file("web/memory.max"))) == "1048576\n");
    CHECK(must(read_file(tree.file("web/memory.low"))) == "4096\n");
    CHECK(must(read_file(tree.file("web/cpu.weight"))) == "59\n");
    CHECK(must(read_file(tree.file("web/cpu.max"))) == "20000 100000\n");
    must(cgroup.update({.cpu = oci::CpuResources{.period = 50000}}));
    CHECK(must(read_file(tree.file("web/cpu.max"))) == "20000 50000\n");
    must(cgroup.update({.cpu = oci::CpuResources{.quota = 40000, .burst = 30000}}));
    CHECK(must(read_file(tree.file("web/cpu.max.burst"))) == "30000\n");
    CHECK(must(read_file(tree.file("web/pids.max"))) == "7\n");
}

TEST_CASE("the kernel's kills for want of memory are told, and the end", "[root]") {
    const TestCgroups tree;
    need_controllers(controller::kMemory);
    Cgroup cgroup = must(tree.create("web", {.memory = oci::MemoryResources{.limit = 8 << 20, .swap = 8 << 20}}));
    OomWatch watch = must(cgroup.watch_oom());
    Inhabitant hog(cgroup.clone_into().value(), [] {
        constexpr std::size_t kSize = 64UL << 20;
        void *memory =
            ::mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
        return memory == MAP_FAILED ? 1 : 0;
    });
    CHECK(must(watch.next(std::chrono::seconds(10))) == OomWatch::Event::kOom);
    CHECK(hog.wait() == 128 + SIGKILL);
    CHECK(must(watch.next(std::chrono::seconds(10))) == OomWatch::Event::kEmpty);
}

TEST_CASE("statistics come from the kernel's files", "[root]") {
    const TestCgroups tree;
    const Cgroup cgroup = must(tree.create("web"));
    Inhabitant one(cgroup);
    CHECK(must(cgroup.statistics()).pids == 1);
}

TEST_CASE("an update without devices leaves the device rules alone", "[root]") {
    const TestCgroups tree;
    Cgroup cgroup = must(tree.create("web"));
    must(cgroup.update({}));
    Inhabitant one(cgroup.clone_into().value(),
                   [] { return ::open("/dev/kmsg", O_RDONLY | O_NONBLOCK) < 0 ? errno : 0; });
    CHECK(one.wait() == EPERM);
}

TEST_CASE("a rootless container without a say gets no cgroup, one with limits an error", "[root]") {
    enter_unified_hierarchy();
    constexpr uid_t kNobody = 65534;
    Inhabitant user(-1, [] {
        if (::setresuid(kNobody, kNobody, kNobody) != 0) {
            return 1;
        }
        CgroupRequest request{.manager = CgroupManager::kCgroupfs, .id = "ballast-test-rootless", .rootless = true};
        const Result<Cgroup> bare = Cgroup::create(request, {});
        if (!bare.has_value() || bare->place().manager != CgroupManager::kDisabled || bare->clone_into()) {
            return 2;
        }
        if (Cgroup::create(request, {.pids_limit = 5}).has_value()) {
            return 3;
        }
        request.cgroups_path = "/ballast-test-rootless";
        return Cgroup::create(request, {}).has_value() ? 4 : 0;
    });
    CHECK(user.wait() == 0);
}

} // namespace ballast::isolate
