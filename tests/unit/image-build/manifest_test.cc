// SPDX-License-Identifier: Apache-2.0
#include "image-build/manifest.h"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>

#include "base/yaml.h"
#include "tests/unit/check.h"

namespace ballast::image_build {
namespace {

namespace fs = std::filesystem;
using Strings = std::vector<std::string>;

constexpr const char *kManifest = R"(suite: trixie
version: "1.{date}.{time}"
stateroot: ballast
ref: "ballast/{channel}/x86_64/{variant}"
packages: [systemd, libstdc++6]
boot_packages: [grub-pc-bin]
remove_packages: [dpkg]
remove_paths: ["usr/share/doc/*"]
initramfs_modules: [ostree]
initramfs_drivers: [virtio_blk]
kernel_arguments: [rw, quiet]
enable_units: [ssh.service]
mask_units: []
disk:
  esp_mib: 64
  boot_mib: 384
variants:
  cloud:
    name: Cloud
    packages: [linux-image-cloud-amd64]
    kernel_arguments: [console=ttyS0]
  metal:
    name: Bare metal
    packages: [linux-image-amd64]
    disk: {esp_mib: 128, boot_mib: 512, root_mib: 4096}
  test:
    name: Test
    extends: cloud
    shipped: false
    packages: [podman]
    mask_units: [docker.service]
)";

Result<Manifest> load(const std::string &text, const std::string &variant = "cloud") {
    const TemporaryDirectory directory = scratch();
    must(write_file(directory.path() / "manifest.yaml", text));
    return Manifest::load(directory.path() / "manifest.yaml", variant);
}

// The manifest with `from` replaced once by `to`.
std::string with(const std::string &from, const std::string &to) {
    std::string text = kManifest;
    const std::size_t at = text.find(from);
    REQUIRE(at != std::string::npos);
    return text.replace(at, from.size(), to);
}

TEST_CASE("a variant sees the common part and its own additions", "[manifest]") {
    const Manifest cloud = must(load(kManifest));
    CHECK(cloud.suite == "trixie");
    CHECK(cloud.version_scheme == "1.{date}.{time}");
    CHECK(cloud.stateroot == "ballast");
    CHECK(cloud.variant == "cloud");
    CHECK(cloud.variant_name == "Cloud");
    CHECK(cloud.shipped);
    CHECK(cloud.packages == Strings{"systemd", "libstdc++6", "linux-image-cloud-amd64"});
    CHECK(cloud.kernel_arguments == Strings{"rw", "quiet", "console=ttyS0"});
    CHECK(cloud.boot_packages == Strings{"grub-pc-bin"});
    CHECK(cloud.remove_packages == Strings{"dpkg"});
    CHECK(cloud.remove_paths == Strings{"usr/share/doc/*"});
    CHECK(cloud.mask_units.empty());
    CHECK(cloud.esp_mib == 64);
    CHECK(cloud.root_mib == 2048); // the default

    const Manifest metal = must(load(kManifest, "metal"));
    CHECK(metal.packages == Strings{"systemd", "libstdc++6", "linux-image-amd64"});
    CHECK(metal.kernel_arguments == Strings{"rw", "quiet"});
    CHECK(metal.esp_mib == 128);
    CHECK(metal.root_mib == 4096);
}

TEST_CASE("a variant that extends another adds to what that one added, under its own name", "[manifest]") {
    const Manifest test = must(load(kManifest, "test"));
    CHECK(test.variant == "test");
    CHECK(test.variant_name == "Test");
    CHECK_FALSE(test.shipped);
    CHECK(test.packages == Strings{"systemd", "libstdc++6", "linux-image-cloud-amd64", "podman"});
    CHECK(test.kernel_arguments == Strings{"rw", "quiet", "console=ttyS0"});
    CHECK(test.mask_units == Strings{"docker.service"});
}

TEST_CASE("a variant extends one that exists, one level deep", "[manifest]") {
    CHECK(error_of(load(with("extends: cloud", "extends: clowd"), "test")).message.contains("clowd"));
    CHECK_FALSE(load(with("extends: cloud", "extends: test"), "test").has_value());
}

TEST_CASE("an unknown variant is answered with the ones there are", "[manifest]") {
    const Error error = error_of(load(kManifest, "desktop"));
    CHECK(error.code == EINVAL);
    CHECK(error.message.contains("desktop"));
    CHECK(error.message.contains("cloud, metal, test"));
    CHECK_FALSE(load(kManifest, "").has_value());
}

TEST_CASE("an unknown key is named with its place, wherever it stands", "[manifest]") {
    const Error top = error_of(load(with("packages: [systemd", "pakages: [systemd")));
    CHECK(top.code == EINVAL);
    CHECK(top.message.contains("manifest.yaml:5:1: "));
    CHECK(top.message.contains("pakages"));
    CHECK(error_of(load(with("  boot_mib", "  bootmib"))).message.contains("manifest.yaml:16:3: "));
    CHECK(error_of(load(with("    kernel_arguments", "    kernel_args"))).message.contains("manifest.yaml:21:5: "));
}

TEST_CASE("a name that apt would not take for a package is refused", "[manifest]") {
    for (const char *name :
         {"--purge", "Systemd", "a", "udev/sid", "udev=1.0", "*", "?essential", "./file.deb", "udev-", ""}) {
        INFO(name);
        const bool valid = std::string(name) == "udev-"; // Debian's grammar, see below
        const auto manifest = load(with("[systemd, ", "[\"" + std::string(name) + "\", "));
        CHECK(manifest.has_value() == valid);
        if (!valid && !manifest.has_value()) {
            CHECK(manifest.error().code == EINVAL);
            CHECK(manifest.error().message.contains("'" + std::string(name) + "'"));
        }
    }
    CHECK_FALSE(load(with("[linux-image-cloud-amd64]", "[-o]")).has_value()); // of the variant, too
    CHECK_FALSE(load(with("[grub-pc-bin]", "[-o]")).has_value());
    CHECK_FALSE(load(with("[dpkg]", "[-o]")).has_value());
}

TEST_CASE("partition sizes have a range, in the variant, too", "[manifest]") {
    CHECK(must(load(with("esp_mib: 64", "esp_mib: 34"))).esp_mib == 34);
    for (const char *size : {"33", "0", "-1", "1048577", "64M", "\"64\"", "9999999999999999999"}) {
        INFO(size);
        const Error error = error_of(load(with("esp_mib: 64", std::string("esp_mib: ") + size)));
        CHECK(error.code == EINVAL);
        CHECK(error.message.contains("manifest.yaml:15:"));
        CHECK(error.message.contains("34"));
    }
    CHECK_FALSE(load(with("boot_mib: 384", "boot_mib: 63")).has_value());
    CHECK(error_of(load(with("root_mib: 4096", "root_mib: 511"), "metal")).message.contains("root_mib"));
}

TEST_CASE("a variant's disk changes the sizes that it names and no other", "[manifest]") {
    const Manifest metal =
        must(load(with("{esp_mib: 128, boot_mib: 512, root_mib: 4096}", "{root_mib: 4096}"), "metal"));
    CHECK(metal.root_mib == 4096);
    CHECK(metal.esp_mib == 64);
    CHECK(metal.boot_mib == 384);
    const Manifest small = must(load(with("esp_mib: 64", "esp_mib: 100"), "cloud"));
    CHECK(small.esp_mib == 100);
}

TEST_CASE("what must be there is missed by name", "[manifest]") {
    for (const char *line : {"suite: trixie\n", "stateroot: ballast\n", "version: \"1.{date}.{time}\"\n",
                             "ref: \"ballast/{channel}/x86_64/{variant}\"\n"}) {
        const std::string key = std::string(line).substr(0, std::string(line).find(':'));
        INFO(key);
        const Error error = error_of(load(with(line, "")));
        CHECK(error.code == EINVAL);
        CHECK(error.message.contains(key));
    }
    CHECK(error_of(load(with("    name: Cloud\n", ""))).message.contains("name"));
}

TEST_CASE("a missing or empty manifest is an error", "[manifest]") {
    CHECK(error_of(Manifest::load("/nonexistent/manifest.yaml", "cloud")).code == ENOENT);
    CHECK_FALSE(load("").has_value());
}

TEST_CASE("the manifest of this checkout loads in every variant", "[manifest]") {
    const YamlNode variants = must(must(YamlNode::load("os/manifest.yaml")).at("variants"));
    for (const auto &[variant, node] : must(variants.members())) {
        INFO(variant);
        const Manifest manifest = must(Manifest::load("os/manifest.yaml", variant));
        CHECK(std::ranges::contains(manifest.packages, "systemd"));
        CHECK(manifest.variant == variant);
    }
}

} // namespace
} // namespace ballast::image_build
