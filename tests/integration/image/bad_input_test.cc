// SPDX-License-Identifier: Apache-2.0
// What a person can get wrong, and what they are told.
#include "tests/integration/image/mirror.h"
#include "tests/integration/image/workshop.h"

using namespace ballast;
using namespace ballast::image_tests;

TEST_CASE("an unknown key of the manifest is named with its place", "[image]") {
    const Workshop workshop;
    workshop.change_manifest("kernel_arguments:", "kernel_argumnets:");
    check_refused(workshop, workshop.build(),
                  {"os/manifest.yaml:10:", "unknown key \"kernel_argumnets\"", "kernel_arguments"});
}

TEST_CASE("an unknown key of a variant is named with its place", "[image]") {
    const Workshop workshop;
    workshop.change_manifest("{name: Tiny}", "{name: Tiny, sihpped: false}");
    check_refused(workshop, workshop.build(), {"os/manifest.yaml:13:", "unknown key \"sihpped\"", "shipped"});
}

TEST_CASE("a manifest that is no YAML is refused with the place", "[image]") {
    const Workshop workshop;
    workshop.change_manifest("[base]", "[base");
    check_refused(workshop, workshop.build(), {"os/manifest.yaml:"});
}

TEST_CASE("a variant that does not exist is told with those that do", "[image]") {
    const Workshop workshop;
    check_refused(workshop, workshop.build({"--variant", "moon"}),
                  {"there is no variant 'moon'", "there are: tiny", "os/manifest.yaml"});
}

TEST_CASE("a format that does not exist is told with those that do", "[image]") {
    const Workshop workshop;
    check_refused(workshop, workshop.build({"--format", "qcow2,vhd"}), {"vhd", "qcow2", "raw"});
}

TEST_CASE("a package that does not exist is named", "[image]") {
    const Workshop workshop;
    const Mirror mirror;
    mirror.add("base", "1.0", true);
    mirror.publish();
    workshop.change_manifest("packages: [dracut, kmod, linux-image-cloud-amd64, zstd]",
                             "packages: [base, no-such-package]");
    check_refused(workshop, workshop.build({}, {{"BALLAST_DEBIAN_MIRROR", mirror.sources()}}),
                  {"os/manifest.yaml: packages: ", "Unable to locate package no-such-package"});
}

TEST_CASE("a boot loader package that does not exist is named", "[image]") {
    const Workshop workshop;
    const Mirror mirror;
    mirror.add("base", "1.0", true);
    mirror.publish();
    workshop.change_manifest("packages: [dracut, kmod, linux-image-cloud-amd64, zstd]", "packages: [base]");
    check_refused(workshop, workshop.build({}, {{"BALLAST_DEBIAN_MIRROR", mirror.sources()}}),
                  {"os/manifest.yaml: boot_packages: ", "grub-efi-amd64-signed"});
}

TEST_CASE("a word that apt would take for an option is no package name", "[image]") {
    const Workshop workshop;
    workshop.change_manifest("[dracut, ", "[--allow-downgrades, ");
    check_refused(workshop, workshop.build(),
                  {"'--allow-downgrades' is not a Debian package name", "os/manifest.yaml"});
}
