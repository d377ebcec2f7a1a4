// SPDX-License-Identifier: Apache-2.0
#include "tests/vm/qemu_plan.h"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>

using namespace ballast;
using namespace ballast::vm;

namespace {

using Words = std::vector<std::string>;

const QemuFiles kFiles{.disk = "/run/disk.qcow2",
                       .disk_format = "qcow2",
                       .seed = "",
                       .variables = "/run/variables.fd",
                       .qmp_socket = "/run/qmp.sock",
                       .console_socket = "/run/console.sock",
                       .serial_log = "/logs/serial.log",
                       .ready = "/run/ready"};

Words plan(const MachineOptions &options, const QemuFiles &files = kFiles, bool restoring = false,
           Accelerator accelerator = Accelerator::kTcg) {
    return plan_qemu(options, accelerator, {{"name", "value"}}, files, restoring);
}

// The values of every `option`.
Words values(const Words &words, const std::string &option) {
    Words found;
    for (std::size_t i = 0; i + 1 < words.size(); ++i) {
        if (words[i] == option) {
            found.push_back(words[i + 1]);
        }
    }
    return found;
}

bool any_contains(const Words &words, const std::string &part) {
    return std::ranges::any_of(words, [&part](const std::string &word) { return word.contains(part); });
}

} // namespace

TEST_CASE("a plain machine is a paused BIOS q35 under TCG with a virtio disk and card", "[vm]") {
    const Words words = plan({.image = "/image"});
    CHECK(words.front() == "qemu-system-x86_64");
    CHECK(values(words, "-machine") == Words{"q35"});
    CHECK(values(words, "-accel") == Words{"tcg,thread=multi"});
    CHECK(values(words, "-cpu") == Words{"max"});
    CHECK(values(words, "-m") == Words{"2048M"});
    CHECK(any_contains(values(words, "-device"), "virtio-blk-pci,drive=disk"));
    CHECK(any_contains(values(words, "-device"), "virtio-net-pci"));
    CHECK(values(words, "-smbios") == Words{"type=11,value=io.systemd.credential.binary:name=dmFsdWU="});
    CHECK(std::ranges::count(words, "-S") == 1);
    CHECK_FALSE(any_contains(words, "pflash"));
    CHECK(values(words, "-incoming").empty());
    CHECK(values(words, "-kernel").empty());
}

TEST_CASE("nothing listens on any address but loopback", "[vm]") {
    const Words network = values(plan({.image = "/image", .forwarded_ports = {2376, 80}}), "-netdev");
    CHECK(network == Words{"user,id=net,hostfwd=tcp:127.0.0.1:0-:22,hostfwd=tcp:127.0.0.1:0-:2376,"
                           "hostfwd=tcp:127.0.0.1:0-:80"});
}

TEST_CASE("KVM comes with the host's own processor", "[vm]") {
    const Words words = plan({.image = "/image"}, kFiles, false, Accelerator::kKvm);
    CHECK(values(words, "-accel") == Words{"kvm"});
    CHECK(values(words, "-cpu") == Words{"host"});
}

TEST_CASE("UEFI gets its code read-only and variables of its own", "[vm]") {
    const Words drives = values(plan({.image = "/image", .firmware = Firmware::kUefi}), "-drive");
    CHECK(drives[0] == "if=pflash,unit=0,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd");
    CHECK(drives[1] == "if=pflash,unit=1,format=raw,file=/run/variables.fd");
}

TEST_CASE("Secure Boot turns on SMM and guards the variables", "[vm]") {
    const Words words = plan({.image = "/image", .firmware = Firmware::kSecureBoot});
    CHECK(values(words, "-machine") == Words{"q35,smm=on"});
    CHECK(any_contains(values(words, "-global"), "driver=cfi.pflash01,property=secure,value=on"));
    CHECK(any_contains(values(words, "-drive"), "OVMF_CODE_4M.ms.fd"));
}

TEST_CASE("an image that is written to keeps its flushes, an overlay does not need them", "[vm]") {
    CHECK(any_contains(values(plan({.image = "/image"}), "-drive"), "cache=unsafe"));
    CHECK(any_contains(values(plan({.image = "/image", .write_to_image = true}), "-drive"), "cache=writeback"));
}

TEST_CASE("a log of what is written stands between the guest and its disk", "[vm]") {
    const Words words = plan({.image = "/image", .write_log = "/a,b/log"});
    CHECK(values(words, "-blockdev") ==
          Words{"driver=qcow2,node-name=content,discard=unmap,cache.no-flush=on,file.driver=file,file.filename=/run/"
                "disk.qcow2",
                "driver=file,node-name=log,filename=/a,,b/log",
                "driver=blklogwrites,node-name=disk,file=content,log=log,log-sector-size=512"});
    CHECK_FALSE(any_contains(values(words, "-drive"), "id=disk"));
    CHECK(any_contains(values(words, "-device"), "virtio-blk-pci,drive=disk,"));
}

TEST_CASE("NVMe, e1000e, seed and extra disks appear as devices", "[vm]") {
    QemuFiles files = kFiles;
    files.seed = "/run/seed.iso";
    MachineOptions options{.image = "/image", .disk_bus = DiskBus::kNvme, .network_card = NetworkCard::kE1000e};
    options.disks = {{.file = "/data,1.raw", .format = "raw", .serial = "data", .read_only = true}};
    const Words words = plan(options, files);
    CHECK(any_contains(values(words, "-device"), "nvme,drive=disk"));
    CHECK(any_contains(values(words, "-device"), "e1000e,netdev=net"));
    CHECK(any_contains(values(words, "-drive"), "id=seed,format=raw,readonly=on,file=/run/seed.iso"));
    CHECK(any_contains(values(words, "-drive"), "readonly=on,format=raw,file=/data,,1.raw")); // doubled comma
}

TEST_CASE("a cable is a card of its own that ends in a TAP device", "[vm]") {
    MachineOptions options{.image = "/image"};
    options.cables = {{.tap = "tap-one", .mac = "52:54:00:ba:58:01"}};
    const Words words = plan(options);
    CHECK(values(words, "-netdev").back() == "tap,id=tap-one,ifname=tap-one,script=no,downscript=no");
    CHECK(any_contains(values(words, "-device"), "virtio-net-pci,netdev=tap-one,mac=52:54:00:ba:58:01"));
    CHECK(any_contains(values(words, "-device"), "virtio-net-pci,netdev=net"));
    CHECK(check_options(options).has_value());
    for (const Cable &wrong : {Cable{"", "52:54:00:ba:58:01"}, Cable{"a,b", "52:54:00:ba:58:01"}, Cable{"tap", ""},
                               Cable{"tap", "52:54:00:ba:58"}, Cable{"tap", "52:54:00:ba:58:0g"}}) {
        options.cables = {wrong};
        CHECK_FALSE(check_options(options).has_value());
    }
}

TEST_CASE("a restored machine has the same devices and waits for its state", "[vm]") {
    const Words fresh = plan({.image = "/image"});
    Words restored = plan({.image = "/image"}, kFiles, true);
    CHECK(values(restored, "-incoming") == Words{"defer"});
    restored.resize(restored.size() - 2);
    CHECK(restored == fresh);
}

TEST_CASE("a kernel started directly brings its command line", "[vm]") {
    const Words words = plan({.image = "/image", .direct_kernel = DirectKernel{"/k", "/i", "root=LABEL=root a,b"}});
    CHECK(values(words, "-kernel") == Words{"/k"});
    CHECK(values(words, "-initrd") == Words{"/i"});
    CHECK(values(words, "-append") == Words{"root=LABEL=root a,b"});
}

TEST_CASE("options that contradict each other are refused", "[vm]") {
    CHECK(check_options({.image = "/image"}).has_value());
    CHECK_FALSE(check_options({}).has_value());
    CHECK_FALSE(check_options({.image = "/image", .memory = 64}).has_value());
    CHECK_FALSE(check_options({.image = "/image", .cpus = 0}).has_value());
    CHECK_FALSE(check_options({.image = "/image", .write_to_image = true, .disk_size = 1}).has_value());
    CHECK_FALSE(check_options(
                    {.image = "/image", .firmware = Firmware::kSecureBoot, .direct_kernel = DirectKernel{"/k", "", ""}})
                    .has_value());
    MachineOptions disks{.image = "/image"};
    disks.disks = {{.file = "/d", .format = "raw", .serial = "a,b"}};
    CHECK_FALSE(check_options(disks).has_value());
}

TEST_CASE("forwarded ports are read from the monitor's table", "[vm]") {
    const auto ports =
        parse_forwards("Hub -1 (net):\r\n"
                       "  Protocol[State]    FD  Source Address  Port   Dest. Address  Port RecvQ SendQ\r\n"
                       "  TCP[HOST_FORWARD]  13       127.0.0.1 40213       10.0.2.15    22     0     0\r\n"
                       "  TCP[ESTABLISHED]   20       127.0.0.1 40213       10.0.2.15    23     0     0\r\n"
                       "  TCP[HOST_FORWARD]  12       127.0.0.1 38411       10.0.2.15  2376     0     0\r\n");
    CHECK(ports == std::map<std::uint16_t, std::uint16_t>{{22, 40213}, {2376, 38411}});
}
