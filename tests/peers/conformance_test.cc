// SPDX-License-Identifier: Apache-2.0
// Kubernetes' own specs of what a node does (NodeConformance in its end-to-end suite), from $BALLAST_PEERS, against the
// agent and the engine of the image. The images that they name come from a registry of the test's, which holds
// stand-ins (conformance.yaml). BALLAST_CONFORMANCE_FOCUS, a regular expression, takes some of them.
#include <catch2/catch_test_macros.hpp>
#include <cstdlib>
#include <format>
#include <utility>

#include "tests/images/registry.h"
#include "tests/peers/ginkgo_report.h"
#include "tests/peers/guest_node.h"
#include "tests/unit/check.h"
#include "tests/vm/test_logs.h"

namespace ballast::peers {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::hours kSuiteTime{3};

// As the suite of version 1.34 names them.
constexpr std::pair<const char *, const char *> kStandIns[] = {
    {"agnhost", "2.56"}, {"pause", "3.10.1"},   {"busybox", "1.37.0-1"}, {"nonroot", "1.4"},
    {"nginx", "1.14-4"}, {"httpd", "2.4.38-4"}, {"nonewprivs", "1.3"},
};

// It pulls from a registry of Google's with a password.
constexpr const char *kLeftOut = "private registry with secret";

// Most specs wait for time to pass rather than for the node: these run side by side. Regular expressions.
struct Lane {
    std::string name, focus, skip = {};
};

std::vector<Lane> lanes() {
    if (const char *focus = std::getenv("BALLAST_CONFORMANCE_FOCUS")) { // NOLINT(concurrency-mt-unsafe): no setenv
        return {{"chosen", focus}};
    }
    const std::string probes = "Probing container", slow = R"(\[Slow\])", all = ".*NodeConformance";
    return {{"storage", "sig-storage" + all},
            {"probes", probes + all},
            {"slow", slow + all},
            {"rest", "sig-(node|network)" + all, probes + "|" + slow}};
}

// Before the network outside is out of reach: the packages that they consist of.
void build_stand_ins(const fs::path &directory) {
    const fs::path sources = directory / "stand-ins";
    must(make_directories(sources));
    fs::copy_file("tests/peers/conformance.yaml", sources / "images.yaml");
    fs::copy_file(peer_program("kubernetes", "agnhost"), sources / "agnhost");
    (void)must(run_checked({.arguments = {"openssl", "req", "-x509", "-newkey", "ed25519", "-nodes", "-days", "2",
                                          "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
                                          "-keyout", sources / "localhost.key", "-out", sources / "localhost.crt"}}));
    build_images(directory / "images", {"--images", sources / "images.yaml"});
}

class ConformingNode : public GuestNode {
  public:
    ConformingNode()
        : GuestNode(build_stand_ins),
          registry_(must(images::Registry::start({.tls = true, .certificate_names = {kHostOfGuests}}))) {
        for (const auto &[name, tag] : kStandIns) {
            must(registry_.push_as(path("images") / name, name, tag));
        }
        const std::string address = std::format("{}:{}", kHostOfGuests, registry_.port());
        must(machine.copy_in(registry_.ca_certificate(), "/etc/docker/certs.d/" + address + "/ca.crt"));
        must(write_file(path("registries.yaml"), std::format("promoterE2eRegistry: {0}\ngcRegistry: {0}\n", address)));
        start("/usr/lib/ballast/ballast-agent", "");
        until_ready();
    }

    Child run_specs(const Lane &lane) const {
        const std::string skip = lane.skip.empty() ? kLeftOut : lane.skip + "|" + kLeftOut;
        return must(
            Child::start({.arguments = {peer_program("kubernetes", "e2e.test"), "--kubeconfig",
                                        plane.path("admin.conf"), "--provider=skeleton", "--ginkgo.no-color",
                                        "--ginkgo.v", "--ginkgo.timeout=3h", "--ginkgo.focus=" + lane.focus,
                                        "--ginkgo.skip=" + skip, "--ginkgo.json-report=" + report(lane).string()},
                          .environment = {{"KUBE_TEST_REPO_LIST", path("registries.yaml")}},
                          .directory = path(""),
                          .log = fs::absolute(vm::test_log_directory()) / (lane.name + ".log")}));
    }
    fs::path report(const Lane &lane) const { return path(lane.name + ".json"); }

  private:
    images::Registry registry_;
};

} // namespace

TEST_CASE("Kubernetes' specs of nodes", "[peers][vm]") {
    for (const char *program : {"e2e.test", "agnhost", "kube-apiserver"}) { // before all that takes time
        (void)peer_program("kubernetes", program);
    }
    ConformingNode node;
    std::vector<std::pair<Lane, Child>> running;
    for (const Lane &lane : lanes()) {
        running.emplace_back(lane, node.run_specs(lane));
    }
    for (auto &[lane, specs] : running) {
        (void)must(specs.wait(kSuiteTime)); // what became of each is in its report
        INFO(lane.name);
        check_ginkgo_report(node.report(lane));
    }
}

} // namespace ballast::peers
