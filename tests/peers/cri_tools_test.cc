// SPDX-License-Identifier: Apache-2.0
// Kubernetes' own client and suite for runtimes, from $BALLAST_PEERS. The images that the suite names come from a
// registry of the test's, which answers under the names of theirs and holds stand-ins (critest.yaml).
#include <catch2/catch_test_macros.hpp>
#include <cstdlib>

#include "tests/images/registry.h"
#include "tests/peers/ginkgo_report.h"
#include "tests/peers/peer_machine.h"
#include "tests/unit/check.h"
#include "tests/vm/engine/docker_machine.h"

namespace ballast::peers {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::minutes kSuiteTime{90};

// With a program of cri-tools in /var/lib/peers; the test ends as skipped where it is not given.
vm::Machine machine_with(const std::string &name) {
    const fs::path program = peer_program("cri-tools", name);
    vm::Machine machine = peer_machine();
    must(machine.copy_in(program, "/var/lib/peers/" + name));
    return machine;
}

struct StandIn {
    std::string layout, name, tag;
};

constexpr const char *kParser = "apparmor-parser"; // on each of these:
constexpr const char *kHosts[] = {"registry.k8s.io", "gcr.io"};

std::vector<StandIn> stand_ins() {
    const std::string e2e = "e2e-test-images/";
    const std::string own = "k8s-staging-cri-tools/";
    return {{"busybox", e2e + "busybox", "1.29-2"},
            {"nginx", e2e + "nginx", "1.14-2"},
            {"httpd", e2e + "httpd", "2.4.39-4"},
            {"nonewprivs", e2e + "nonewprivs", "1.3"},
            {"hostnet-nginx", own + "hostnet-nginx-amd64", "latest"},
            {"user-uid", own + "test-image-user-uid", "latest"},
            {"user-username", own + "test-image-user-username", "latest"},
            {"user-uid-group", own + "test-image-user-uid-group", "latest"},
            {"user-username-group", own + "test-image-user-username-group", "latest"},
            {"predefined-group", own + "test-image-predefined-group", "latest"},
            {"image-4", own + "test-image-latest", "latest"},
            {"image-5", own + "test-image-tag", "test"},
            {"image-6", own + "test-image-tag", "all"},
            {"image-1", own + "test-image-1", "latest"},
            {"image-2", own + "test-image-2", "latest"},
            {"image-3", own + "test-image-3", "latest"},
            {"image-7", own + "test-image-tags", "1"},
            {"image-7", own + "test-image-tags", "2"},
            {"image-7", own + "test-image-tags", "3"},
            {"apparmor-parser", kParser, "latest"}};
}

images::Registry serve_stand_ins() {
    const TemporaryDirectory scratch = must(TemporaryDirectory::create("/tmp", "critest-"));
    build_images(scratch.path(), {"--images", "tests/peers/critest.yaml"});
    images::Registry registry =
        must(images::Registry::start({.tls = true, .certificate_names = {std::begin(kHosts), std::end(kHosts)}}));
    for (const StandIn &image : stand_ins()) {
        must(registry.push_as(scratch.path() / image.layout, image.name, image.tag));
    }
    return registry;
}

// The names of `registry` lead to it, on HTTPS' own port, and its certificate is believed.
void point_at(vm::Machine &machine, const images::Registry &registry) {
    for (const std::string host : kHosts) {
        run(machine, "echo " + std::string(kHostOfGuests) + " " + host + " >>/etc/hosts");
        must(machine.copy_in(registry.ca_certificate(), "/etc/docker/certs.d/" + host + "/ca.crt"));
    }
    run(machine, "nft 'table ip critest { chain output { type nat hook output priority -100; ip daddr " +
                     std::string(kHostOfGuests) + " tcp dport 443 dnat to " + kHostOfGuests + ":" +
                     std::to_string(registry.port()) + "; }; }'");
}

// The suite calls apparmor_parser, which the image leaves out; its profiles include two files of Debian's.
void add_apparmor_parser(vm::Machine &machine) {
    run(machine,
        std::string("mkdir -p /var/lib/peers/sbin && container=$(docker create ") + kHosts[0] + "/" + kParser +
            ") && docker cp $container:/sbin/apparmor_parser /var/lib/peers/sbin/ && docker rm $container && "
            "mount -t overlay -o lowerdir=/var/lib/peers/sbin:/usr/sbin overlay /usr/sbin && "
            "mkdir -p /etc/apparmor.d/tunables /etc/apparmor.d/abstractions /var/cache/apparmor /etc/apparmor && "
            ": >/etc/apparmor.d/tunables/global && : >/etc/apparmor/parser.conf && "
            "printf 'signal,\nnetwork,\ncapability,\n' >/etc/apparmor.d/abstractions/base");
}

} // namespace

TEST_CASE("crictl and docker see the same containers", "[peers][vm]") {
    vm::Machine machine = machine_with("crictl");
    vm::load_busybox(machine);
    must(machine.copy_in("tests/docker", "/var/lib/peers/docker"));
    must(machine.copy_in("tests/peers/crictl.sh", "/var/lib/peers/crictl.sh"));
    must(machine.copy_in(BALLAST_TERMINAL_PROGRAM, "/var/lib/peers/terminal"));
    const Completed done = must(machine.run("mkdir /var/lib/peers/work && cd /var/lib/peers/work && CHECKS=../docker "
                                            "CRICTL=/var/lib/peers/crictl TERMINAL=../terminal bash ../crictl.sh",
                                            kSuiteTime));
    INFO(done.output << done.errors);
    CHECK(done.status == 0);
}

// One spec pulls an image by a digest, whose bytes only its own registry has.
TEST_CASE("Kubernetes' critest", "[peers][vm]") {
    vm::Machine machine = machine_with("critest");
    const images::Registry registry = serve_stand_ins();
    point_at(machine, registry);
    add_apparmor_parser(machine);
    const char *focus = std::getenv("BALLAST_CRITEST_FOCUS"); // NOLINT(concurrency-mt-unsafe): nobody calls setenv
    const std::string socket = "unix:///run/ballast/cri.sock";
    const Completed done =
        must(machine.run("cd /var/lib/peers && ./critest --runtime-endpoint " + socket + " --image-endpoint " + socket +
                             " --ginkgo.no-color --ginkgo.focus '" + (focus != nullptr ? focus : "") +
                             "' --ginkgo.skip 'image with digest' "
                             "--ginkgo.json-report=report.json >log 2>&1; tail -n 40 log",
                         kSuiteTime));
    const TemporaryDirectory scratch = must(TemporaryDirectory::create("/tmp", "critest-"));
    INFO(done.output);
    must(machine.copy_out("/var/lib/peers/report.json", scratch.path() / "report.json"));
    check_ginkgo_report(scratch.path() / "report.json");
}

} // namespace ballast::peers
