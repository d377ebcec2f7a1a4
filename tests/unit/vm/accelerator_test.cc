// SPDX-License-Identifier: Apache-2.0
#include "tests/vm/accelerator.h"

#include <catch2/catch_test_macros.hpp>

#include "base/file_io.h"
#include "base/subprocess.h"

using namespace ballast;
using namespace ballast::vm;

TEST_CASE("the probe's disk is one that a BIOS starts from", "[vm]") {
    const std::string disk = probe_disk();
    CHECK(disk.size() == 1U << 20);
    CHECK(disk[510] == '\x55');
    CHECK(disk[511] == '\xaa');
}

TEST_CASE("the probe's guest says its word under an accelerator that works", "[vm]") {
    const auto directory = TemporaryDirectory::create("/tmp", "probe-test-");
    REQUIRE(directory.has_value());
    REQUIRE(write_file(directory->path() / "disk", probe_disk()).has_value());
    const auto ended = run({.arguments = {"qemu-system-x86_64",
                                          "-nodefaults",
                                          "-display",
                                          "none",
                                          "-machine",
                                          "q35",
                                          "-accel",
                                          "tcg",
                                          "-cpu",
                                          "max",
                                          "-m",
                                          "128M",
                                          "-drive",
                                          "if=none,id=disk,format=raw,readonly=on,file=disk",
                                          "-device",
                                          "virtio-blk-pci,drive=disk",
                                          "-debugcon",
                                          "file:answer",
                                          "-device",
                                          "isa-debug-exit,iobase=0xf4"},
                            .directory = directory->path(),
                            .timeout = std::chrono::seconds(60)});
    REQUIRE(ended.has_value());
    CHECK(ended->status == 67);
    CHECK(read_file(directory->path() / "answer").value_or("") == "ballast");
}

TEST_CASE("the probe is asked once per boot of the host", "[vm]") {
    const auto state = TemporaryDirectory::create("/tmp", "probe-test-");
    REQUIRE(state.has_value());
    const auto first = working_accelerator(state->path());
    REQUIRE(first.has_value());
    const auto known = read_file(state->path() / "accelerator");
    if (!known.has_value()) {
        SKIP("no /dev/kvm here, nothing to probe");
    }
    CHECK(known->ends_with(*first == Accelerator::kKvm ? "kvm\n" : "tcg\n"));
    // The other answer, as if it had been found: it is believed ...
    const std::string other = *first == Accelerator::kKvm ? "tcg\n" : "kvm\n";
    const std::string asked = known->substr(0, known->size() - other.size());
    REQUIRE(write_file(state->path() / "accelerator", asked + other).has_value());
    CHECK(working_accelerator(state->path()).value() != *first);
    // ... until the host has booted again.
    REQUIRE(write_file(state->path() / "accelerator", "another boot\n" + other).has_value());
    CHECK(working_accelerator(state->path()).value() == *first);
}
