// SPDX-License-Identifier: Apache-2.0
#include "boot/drivers.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <libkmod.h>

#include "base/file_io.h"
#include "base/quote.h"

namespace ballast::boot {
namespace {

namespace fs = std::filesystem;

// acpi has the bus of Hyper-V, usb and mmc have disks of machines that start from such.
constexpr std::array kBuses = {"virtio", "vmbus", "xen", "pci", "nvme", "scsi", "mmc", "usb", "platform", "acpi"};

} // namespace

std::vector<std::string> device_aliases(const std::string &sysfs) {
    std::vector<std::string> aliases;
    for (const char *bus : kBuses) {
        std::error_code none; // a bus that this kernel or machine does not have
        std::vector<std::string> found;
        for (const fs::directory_entry &device :
             fs::directory_iterator(fs::path(sysfs) / "bus" / bus / "devices", none)) {
            // A device may go while we look.
            if (Result<std::string> alias = read_file(device.path() / "modalias"); alias && !alias->empty()) {
                found.push_back(alias->substr(0, alias->find('\n')));
            }
        }
        std::ranges::sort(found);
        aliases.insert(aliases.end(), found.begin(), found.end());
    }
    return aliases;
}

Result<Drivers> Drivers::open() {
    Context context(kmod_new(nullptr, nullptr), [](kmod_ctx *opened) { kmod_unref(opened); });
    if (context == nullptr) {
        return fail_errno("look for kernel modules");
    }
    kmod_set_log_fn(context.get(), [](void *, int, const char *, int, const char *, const char *, va_list) {}, nullptr);
    if (const int error = kmod_load_resources(context.get()); error < 0) {
        return fail(-error, std::string("read the list of kernel modules: ") + std::strerror(-error));
    }
    return Drivers(std::move(context));
}

void Drivers::load(const std::string &alias, const std::function<void(const std::string &)> &complain) {
    kmod_list *list = nullptr;
    if (kmod_module_new_from_lookup(context_.get(), alias.c_str(), &list) < 0) {
        return; // an alias that no module of the initramfs has
    }
    for (kmod_list *entry = list; entry != nullptr; entry = kmod_list_next(list, entry)) {
        kmod_module *module = kmod_module_get_module(entry);
        const int error =
            kmod_module_probe_insert_module(module, KMOD_PROBE_APPLY_BLACKLIST, nullptr, nullptr, nullptr, nullptr);
        if (error < 0 && error != -EEXIST) { // another device's driver is this one, too
            complain("kernel module " + quote(kmod_module_get_name(module)) + ": " + std::strerror(-error));
        }
        kmod_module_unref(module);
    }
    kmod_module_unref_list(list);
}

void Drivers::load(const std::function<bool()> &enough, const std::function<void(const std::string &)> &complain) {
    for (;;) {
        bool any = false;
        for (const std::string &alias : device_aliases("/sys")) {
            if (!seen_.insert(alias).second) {
                continue;
            }
            any = true;
            load(alias, complain);
            if (enough()) {
                return;
            }
        }
        if (!any) { // a driver brings devices of its own
            return;
        }
    }
}

} // namespace ballast::boot
