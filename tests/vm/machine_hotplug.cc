// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "tests/vm/disk_image.h"
#include "tests/vm/machine_state.h"

// What is plugged into a running machine: disks and network cards.
namespace ballast::vm {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::chrono::seconds kDetachTime{60};

// A command that says the name of the guest's interface with that hardware address, once it has the one that it keeps.
std::string await_interface(const std::string &mac) {
    const std::string find = "grep -lsx " + mac + " /sys/class/net/*/address";
    return "for i in $(seq 300); do " + find + " >/dev/null && break; sleep 0.2; done; udevadm settle --timeout=60; " +
           "basename \"$(dirname \"$(" + find + ")\")\"";
}

} // namespace

Result<unsigned> Machine::State::free_port(const std::string &what) const {
    if (!qmp) {
        return fail(ENOTCONN, what + ": the machine's power is off");
    }
    unsigned port = 0;
    while (std::ranges::any_of(attached, [port](const auto &one) { return one.second == port; })) {
        ++port;
    }
    return port < kHotplugPorts ? Result<unsigned>(port)
                                : fail(ENOSPC, what + ": all " + std::to_string(kHotplugPorts) + " ports are taken");
}

Result<std::string> Machine::attach_disk(const fs::path &file, const std::string &serial) {
    MachineOptions asked = state_->options;
    asked.disks.push_back({.file = file, .format = "", .serial = serial});
    TRY(check_options(asked));
    if (state_->attached.contains(serial)) {
        return fail(EEXIST, "attach a disk: serial " + serial + " is taken");
    }
    const unsigned port = TRY(state_->free_port("attach a disk"));
    const std::string id = "hot-" + serial;
    TRY(state_->qmp->execute("blockdev-add",
                             {{"node-name", id},
                              {"driver", TRY(inspect_disk(file)).format},
                              {"discard", "unmap"},
                              {"file", {{"driver", "file"}, {"filename", fs::absolute(file).string()}}}}));
    const Result<json> added = state_->qmp->execute("device_add", {{"driver", "virtio-blk-pci"},
                                                                   {"id", id},
                                                                   {"drive", id},
                                                                   {"serial", serial},
                                                                   {"bus", "hotplug" + std::to_string(port)}});
    if (!added.has_value()) {
        (void)state_->qmp->execute("blockdev-del", {{"node-name", id}}); // the first error is the one to tell
        return std::unexpected(added.error());
    }
    state_->attached[serial] = port;
    std::string device = "/dev/disk/by-id/virtio-" + serial;
    TRY(run_checked("udevadm wait --timeout=60 " + device).within("attach disk " + serial));
    return device;
}

Status Machine::detach_disk(const std::string &serial) {
    if (!state_->qmp || !state_->attached.contains(serial)) {
        return fail(ENOENT, "detach disk " + serial + ": it is not attached");
    }
    const std::string id = "hot-" + serial;
    state_->qmp->forget_events();
    TRY(state_->qmp->execute("device_del", {{"id", id}}));
    const auto deadline = std::chrono::steady_clock::now() + kDetachTime;
    for (std::string gone; gone != id;) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
        gone = TRY(state_->qmp->wait_event("DEVICE_DELETED", left).within("detach disk " + serial)).value("device", "");
    }
    TRY(state_->qmp->execute("blockdev-del", {{"node-name", id}}));
    state_->attached.erase(serial);
    return {};
}

Result<std::string> Machine::attach_card(const std::string &tap) {
    const std::string what = "attach a network card with " + tap;
    const unsigned port = TRY(state_->free_port(what));
    const std::string id = "card" + std::to_string(port);
    const std::string mac = "52:54:00:ba:57:0" + std::to_string(port);
    TRY(state_->qmp
            ->execute("netdev_add",
                      {{"type", "tap"}, {"id", id}, {"ifname", tap}, {"script", "no"}, {"downscript", "no"}})
            .within(what));
    const Result<json> added = state_->qmp->execute("device_add", {{"driver", "virtio-net-pci"},
                                                                   {"id", id},
                                                                   {"netdev", id},
                                                                   {"mac", mac},
                                                                   {"romfile", ""},
                                                                   {"bus", "hotplug" + std::to_string(port)}});
    if (!added.has_value()) {
        (void)state_->qmp->execute("netdev_del", {{"id", id}}); // the first error is the one to tell
        return std::unexpected(added.error());
    }
    state_->attached["card:" + tap] = port; // what no disk's serial is
    std::string name = TRY(run_checked(await_interface(mac)).within(what));
    name.pop_back();
    return name;
}

} // namespace ballast::vm
