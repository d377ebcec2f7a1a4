// SPDX-License-Identifier: Apache-2.0
#include "runtime/isolate/net_devices.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <csignal>
#include <fcntl.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/subprocess.h"
#include "tests/integration/runtime/leave_chroot.h"

using namespace ballast;

namespace {

std::string checked(const std::vector<std::string> &arguments) {
    const Command command{.arguments = arguments};
    const Result<std::string> output = run_checked(command);
    INFO(command.describe());
    INFO((output.has_value() ? "" : output.error().message));
    REQUIRE(output.has_value());
    return *output;
}

std::vector<std::string> words_of(const std::string &line) {
    std::vector<std::string> words;
    for (std::size_t at = 0; at < line.size();) {
        const std::size_t end = std::min(line.find(' ', at), line.size());
        words.push_back(line.substr(at, end - at));
        at = end + 1;
    }
    return words;
}

// While it lives, this process is in a network namespace of its own, which plays the host's.
class Host {
  public:
    Host() : before_(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC)) {
        REQUIRE(before_.is_open());
        if (unshare(CLONE_NEWNET) != 0) {
            SKIP("needs root");
        }
    }
    Host(const Host &) = delete;
    Host &operator=(const Host &) = delete;
    ~Host() {
        if (setns(before_.get(), CLONE_NEWNET) != 0) {
            std::terminate(); // the other tests are not meant for this namespace
        }
    }
    std::string ip(const std::string &line) const {
        std::vector<std::string> words = words_of(line);
        words.insert(words.begin(), "ip");
        return checked(words);
    }
    // The kernel of a test need not have dummy devices; its other end stays here.
    void add(const std::string &name) const {
        ip("link add name " + name + " type veth peer name p-" + name);
        ip("link set dev p-" + name + " up");
    }
    bool has(const std::string &name) const {
        return ip("-o link").contains(": " + name + "@") || ip("-o link").contains(": " + name + ":");
    }

  private:
    Fd before_;
};

// A process that waits in new namespaces.
class Container {
  public:
    explicit Container(int namespaces = CLONE_NEWNET) {
        int ends[2]{};
        REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
        const Fd ready(ends[0]);
        Fd tell(ends[1]);
        pid_ = fork();
        REQUIRE(pid_ >= 0);
        if (pid_ == 0) {
            const bool made = ((namespaces & CLONE_NEWUSER) == 0 || leave_chroot()) && unshare(namespaces) == 0;
            if (write(tell.get(), made ? "y" : "n", 1) == 1) {
                pause();
            }
            _exit(1);
        }
        tell.close();
        char made = 'n';
        REQUIRE(read(ready.get(), &made, 1) == 1);
        REQUIRE(made == 'y');
    }
    Container(const Container &) = delete;
    Container &operator=(const Container &) = delete;
    ~Container() { end(); }
    void end() {
        if (pid_ > 0) {
            kill(pid_, SIGKILL);
            waitpid(pid_, nullptr, 0);
        }
        pid_ = -1;
    }
    pid_t pid() const { return pid_; }
    std::string ip(const std::string &line) const {
        std::vector<std::string> words = words_of(line);
        words.insert(words.begin(), {"nsenter", "--net=/proc/" + std::to_string(pid_) + "/ns/net", "ip"});
        return checked(words);
    }
    bool has(const std::string &name) const {
        return ip("-o link").contains(": " + name + "@") || ip("-o link").contains(": " + name + ":");
    }

  private:
    pid_t pid_ = -1;
};

using Names = std::map<std::string, std::string>;

void moved(const Names &names, const Container &container) {
    const Status status = isolate::move_net_devices(names, container.pid());
    INFO((status.has_value() ? "" : status.error().message));
    REQUIRE(status.has_value());
}

Error refused(const Names &names, const Container &container) {
    const Status status = isolate::move_net_devices(names, container.pid());
    REQUIRE(!status.has_value());
    return status.error();
}

} // namespace

TEST_CASE("without devices nobody is asked", "[net_devices]") { CHECK(isolate::move_net_devices({}, -1).has_value()); }

TEST_CASE("a device moves with its name, addresses, MTU and hardware address, and is up", "[net_devices][root]") {
    const Host host;
    const Container container;
    host.add("eth7");
    host.ip("link set dev eth7 address 00:11:22:33:44:55 mtu 1400");
    host.ip("addr add 10.1.2.3/24 dev eth7");
    host.ip("addr add 10.1.2.4/24 dev eth7");
    host.ip("addr add 10.9.0.1 peer 10.9.0.2/32 dev eth7");
    host.ip("addr add 10.7.0.1/24 broadcast 10.7.0.255 dev eth7 noprefixroute metric 77");
    host.ip("addr add 169.254.3.3/16 scope link dev eth7");
    host.ip("addr add 10.8.0.1/24 valid_lft 1000 preferred_lft 1000 dev eth7");
    host.ip("-6 addr add fd00::1/64 dev eth7");
    host.ip("-6 addr add fd01::1/64 dev eth7 nodad");
    host.ip("link set dev eth7 up");

    moved({{"eth7", "eth7"}}, container);
    CHECK(!host.has("eth7"));
    const std::string link = container.ip("-o link show dev eth7");
    CHECK(link.contains(",UP,"));
    CHECK(link.contains("mtu 1400"));
    CHECK(link.contains("00:11:22:33:44:55"));
    const std::string addresses = container.ip("-o addr show dev eth7");
    INFO(addresses);
    CHECK(addresses.contains("10.1.2.3/24 scope global eth7"));
    CHECK(addresses.contains("10.1.2.4/24 scope global secondary eth7"));
    CHECK(addresses.contains("10.9.0.1 peer 10.9.0.2/32"));
    CHECK(addresses.contains("10.7.0.1/24 metric 77 brd 10.7.0.255 scope global noprefixroute"));
    CHECK(addresses.contains("fd00::1/64"));
    CHECK(addresses.contains("fd01::1/64 scope global nodad"));
    CHECK(!addresses.contains("169.254.3.3"));
    CHECK(!addresses.contains("10.8.0.1"));
    CHECK(container.ip("route").contains("10.1.2.0/24 dev eth7"));
    CHECK(container.ip("-6 route").contains("fd00::/64 dev eth7"));
}

TEST_CASE("devices get new names, even each other's, and are up after having been down", "[net_devices][root]") {
    const Host host;
    const Container container;
    host.add("one");
    host.add("two");
    host.add("three");
    host.ip("addr add 10.1.0.1/24 dev one");
    host.ip("addr add 10.2.0.1/24 dev two");
    moved({{"one", "two"}, {"two", "one"}, {"three", "inside"}}, container);
    CHECK(container.ip("-o addr show dev two").contains("10.1.0.1/24"));
    CHECK(container.ip("-o addr show dev one").contains("10.2.0.1/24"));
    CHECK(container.ip("-o link show dev inside").contains(",UP,"));
    CHECK(!container.has("three"));
}

TEST_CASE("the kernel numbers a name with %d", "[net_devices][root]") {
    const Host host;
    const Container container;
    container.ip("link add name eth0 type ifb");
    host.add("one");
    host.ip("addr add 10.1.0.1/24 dev one");
    moved({{"one", "eth%d"}}, container);
    CHECK(container.ip("-o addr show dev eth1").contains("10.1.0.1/24"));
}

TEST_CASE("an index that is taken in the container does not matter", "[net_devices][root]") {
    const Host host;
    const Container container;
    host.ip("link add name d index 40 type veth peer name e");
    container.ip("link add name x index 40 type ifb");
    container.ip("link add name y index 41 type ifb");
    host.ip("addr add 10.1.0.1/24 dev d");
    moved({{"d", "d"}}, container);
    CHECK(container.ip("-o addr show dev d").contains("10.1.0.1/24"));
    CHECK(container.ip("-o addr show dev d").starts_with("42:"));
    CHECK(container.ip("-o link show dev x").starts_with("40:"));
}

TEST_CASE("a user namespace may own the container's network", "[net_devices][root]") {
    const Host host;
    const Container container(CLONE_NEWUSER | CLONE_NEWNET);
    host.add("d");
    host.ip("addr add 10.1.0.1/24 dev d");
    moved({{"d", "eth0"}}, container);
    CHECK(container.ip("-o addr show dev eth0").contains("10.1.0.1/24"));
}

TEST_CASE("a device that is not there is named, and no other one moves", "[net_devices][root]") {
    const Host host;
    const Container container;
    host.add("a");
    const Error error = refused({{"a", "a"}, {"b", "x"}}, container);
    CHECK(error.code == ENODEV);
    CHECK(error.message == "network device \"b\": No such device");
    CHECK(host.has("a"));
}

TEST_CASE("a taken name is refused, and what had moved is as it was", "[net_devices][root]") {
    const Host host;
    const Container container;
    host.add("a");
    host.add("b");
    host.add("c");
    host.ip("addr add 10.1.0.1/24 dev a");
    host.ip("-6 addr add fd00::1/64 dev a nodad");
    host.ip("addr add 10.2.0.1/24 dev b");
    host.ip("link set dev a up");
    host.ip("link property add dev a altname other");
    const std::string before = host.ip("-o link show dev a").substr(0, 4);
    // The kernel says no before it moves `b` when both of its names are taken, and after it when only the new one is.
    container.ip("link add name taken type ifb");
    if (GENERATE(false, true)) {
        container.ip("link add name b type ifb");
    }
    const Error error = refused({{"a", "x"}, {"b", "taken"}, {"c", "c"}}, container);
    INFO(error.message);
    CHECK(error.code == EEXIST);
    CHECK(error.message.starts_with("move network device \"b\" into the container as \"taken\": File exists"));
    CHECK(!error.message.contains("back failed"));
    CHECK(host.ip("-o link show dev a").contains(",UP,"));
    CHECK(host.ip("-o link show dev a").starts_with(before));
    CHECK(host.ip("-o addr show dev a").contains("10.1.0.1/24"));
    CHECK(host.ip("-o addr show dev a").contains("fd00::1/64"));
    CHECK(host.ip("-o link show dev other").starts_with(before));
    CHECK(!host.ip("-o link show dev b").contains(",UP,"));
    CHECK(host.ip("-o addr show dev b").contains("10.2.0.1/24"));
    CHECK(host.has("c"));
    CHECK(!container.has("x"));
    CHECK(container.has("taken"));
}

TEST_CASE("a device that the kernel does not move is refused in its words", "[net_devices][root]") {
    const Host host;
    const Container container;
    host.ip("link add name br0 type bridge");
    const Error error = refused({{"br0", "eth0"}}, container);
    CHECK(error.code == EINVAL);
    CHECK(error.message.starts_with("move network device \"br0\" into the container as \"eth0\": Invalid argument ("));
    CHECK(host.has("br0"));
}

TEST_CASE("an address that the container refuses is named, and the device comes back", "[net_devices][root]") {
    const Host host;
    const Container container;
    host.add("d");
    host.ip("-6 addr add fd00::1/64 dev d");
    // What `d` will find there: IPv6 switched off.
    checked({"nsenter", "--net=/proc/" + std::to_string(container.pid()) + "/ns/net", "sh", "-c",
             "echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6"});
    const Error error = refused({{"d", "d"}}, container);
    CHECK(error.message == "move network device \"d\" into the container: add address fd00::1/64: Permission denied "
                           "(ipv6: IPv6 is disabled on this device)");
    CHECK(host.ip("-o addr show dev d").contains("fd00::1/64"));
}

TEST_CASE("one device under two of its names is refused", "[net_devices][root]") {
    const Host host;
    const Container container;
    host.add("d");
    host.ip("link property add dev d altname other");
    const Error error = refused({{"d", "x"}, {"other", "y"}}, container);
    CHECK(error.code == EINVAL);
    CHECK(error.message == "network device \"other\": is given twice, the other time as \"d\"");
    CHECK(host.has("d"));
    moved({{"other", "x"}}, container);
    CHECK(container.has("x"));
}

TEST_CASE("a process in our own network namespace gets nothing", "[net_devices][root]") {
    const Host host;
    const Container container(CLONE_NEWNS);
    host.add("d");
    const Error error = refused({{"d", "x"}}, container);
    CHECK(error.code == EINVAL);
    CHECK(error.message == "move network devices: the container shares the network namespace of the runtime");
    CHECK(host.has("d"));
}

TEST_CASE("a process that ended is an error", "[net_devices][root]") {
    const Host host;
    Container container;
    host.add("d");
    const pid_t pid = container.pid();
    SECTION("and waits to be reaped") {
        kill(pid, SIGKILL);
        siginfo_t info{};
        REQUIRE(waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT) == 0);
    }
    SECTION("and is gone") { container.end(); }
    const Status status = isolate::move_net_devices({{"d", "d"}}, pid);
    REQUIRE(!status.has_value());
    CHECK(status.error().code == ESRCH);
    CHECK(host.has("d"));
}
