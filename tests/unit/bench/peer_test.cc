// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/peer.h"

#include <catch2/catch_test_macros.hpp>

#include "tests/unit/check.h"

namespace ballast::bench {
namespace {

constexpr const char *kPeer = R"(name: Debian
suite: trixie
packages: [docker.io]
boot_packages: [grub-pc-bin]
enable_units: [a.service]
remove_paths: ["var/log/*"]
kernel_arguments: [ro, quiet]
files: {etc/machine-id: "", etc/fstab: "x\n"}
grub: "linux /vmlinuz-{release} {arguments}; initrd /initrd.img-{release}"
disk: {esp_mib: 64, boot_mib: 384, root_mib: 2048}
)";

Result<Peer> load(const std::string &text) {
    const TemporaryDirectory directory = scratch();
    must(write_file(directory.path() / "peer.yaml", text));
    return Peer::load(directory.path() / "peer.yaml");
}

// The definition with `from` replaced once by `to`.
std::string with(const std::string &from, const std::string &to) {
    std::string text = kPeer;
    const std::size_t at = text.find(from);
    REQUIRE(at != std::string::npos);
    return text.replace(at, from.size(), to);
}

TEST_CASE("a peer's definition is read whole", "[bench]") {
    const Peer peer = must(load(kPeer));
    CHECK(peer.name == "Debian");
    CHECK(peer.manifest.suite == "trixie");
    CHECK(peer.manifest.packages == std::vector<std::string>{"docker.io"});
    CHECK(peer.manifest.boot_packages == std::vector<std::string>{"grub-pc-bin"});
    CHECK(peer.manifest.enable_units == std::vector<std::string>{"a.service"});
    CHECK(peer.manifest.root_mib == 2048);
    CHECK(peer.files == std::map<std::string, std::string>{{"etc/machine-id", ""}, {"etc/fstab", "x\n"}});
    CHECK(peer.text == kPeer);
}

TEST_CASE("grub.cfg names the kernel wherever the definition asks for it", "[bench]") {
    CHECK(must(load(kPeer)).grub_configuration("6.12-cloud") ==
          "linux /vmlinuz-6.12-cloud ro quiet; initrd /initrd.img-6.12-cloud");
}

TEST_CASE("an unknown key in a peer's definition is named with its place", "[bench]") {
    const Error error = error_of(load(with("suite:", "sweet: 1\nsuite:")));
    CHECK(error.code == EINVAL);
    CHECK(error.message.find("sweet") != std::string::npos);
    CHECK(error.message.find("peer.yaml:2") != std::string::npos);
}

TEST_CASE("a peer's paths stay inside its root file system", "[bench]") {
    CHECK(error_of(load(with("etc/fstab", "/etc/fstab"))).code == EINVAL);
    CHECK(error_of(load(with("etc/fstab", "etc/../../fstab"))).code == EINVAL);
    CHECK(error_of(load(with("var/log/*", "../*"))).code == EINVAL);
    CHECK(error_of(load(with("var/log/*", "/var/log/*"))).code == EINVAL);
}

} // namespace
} // namespace ballast::bench
