// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/boot/scenario.h"

#include <stdexcept>
#include <utility>

#include "updater/boot_result.h"
#include "updater/boot_sysroot.h"
#include "updater/grub_environment.h"

namespace ballast::boot_test {
namespace {

namespace fs = std::filesystem;

const std::string kKernelChecksum(64, 'c');
constexpr const char *kFixedConfiguration = "rootfs/usr/lib/ballast/boot/grub.cfg";

// GRUB prefers its own commands to functions, so the menu's two commands get other names. A missing kernel fails as it
// fails with the real command.
constexpr const char *kStubs = R"(function test_linux {
    if [ ! -f "$1" ]; then
        echo "no such kernel: $1"
        return 1
    fi
    echo "STARTED-BEGIN lockdown=$lockdown"
    for word in "$@"; do
        echo "<$word>"
    done
    echo "STARTED-END"
    reboot
}
function test_initrd {
    return 0
}
source ($root)/grub2/grub.cfg
)";

template <typename T>
T must(Result<T> result) {
    if (!result.has_value()) {
        throw std::runtime_error(result.error().message);
    }
    if constexpr (!std::is_void_v<T>) {
        return std::move(*result);
    }
}

std::string replaced(std::string text, const std::string &from, const std::string &to) {
    for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) {
        text.replace(at, from.size(), to);
    }
    return text;
}

} // namespace

Scenario::Scenario(Firmware firmware)
    : scratch_(must(TemporaryDirectory::create(fs::temp_directory_path(), "ballast-boot-"))),
      disk_(must(BootDisk::make(scratch_.path()))) {
    machine_.firmware = firmware;
    must(make_directories(tree() / "grub2"));
    must(make_directories(tree() / "test"));
    must(write_file(tree() / "grub2/grub.cfg", must(read_file(kFixedConfiguration))));
    must(write_file(tree() / "grub2/grubenv", must(updater::GrubEnvironment().format())));
    must(write_file(tree() / "test/grub.cfg", kStubs));
    fs::create_directory_symlink("loader.0", tree() / "loader");
}

void Scenario::deploy(const std::vector<Deployment> &deployments) {
    if (!ids_.empty()) { // not the first: what GRUB and userspace wrote so far is on the disk
        must(write_file(tree() / "grub2/grubenv", must(disk_.read_block())));
    }
    ids_.clear();
    const fs::path loader = tree() / "loader.0";
    const fs::path links = scratch_.path() / "sysroot/ostree/boot.0/ballast" / kKernelChecksum;
    const fs::path kernels = tree() / "ostree";
    for (const fs::path &stale : {loader, links, kernels}) {
        must(remove_tree(stale));
        must(make_directories(stale));
    }
    must(make_directories(loader / "entries"));
    for (std::size_t index = 0; index < deployments.size(); ++index) {
        const Deployment &deployment = deployments[index];
        const std::string serial = std::to_string(index);
        const std::string version = std::to_string(deployments.size() - index);
        const std::string kernel = std::string("/ostree/vmlinuz-") + deployment.name;
        must(write_file(loader / "entries" / ("ostree-" + version + ".conf"),
                        "title It's \"$root\" " + std::string(1, deployment.name) + " (ostree:" + serial +
                            ")\nversion " + version + "\noptions " + deployment.arguments +
                            " ostree=/ostree/boot.0/ballast/" + kKernelChecksum + "/" + serial + "\nlinux " + kernel +
                            "\ninitrd /ostree/initramfs.img\n"));
        fs::create_symlink("../../../deploy/ballast/deploy/" + std::string(64, deployment.name) + ".0", links / serial);
        if (deployment.has_kernel) {
            must(write_file(tree() / fs::path(kernel).relative_path(), "kernel"));
        }
    }
    must(updater::write_boot_menu(loader / "grub.cfg"));
    const std::string menu = must(read_file(loader / "grub.cfg"));
    for (const Deployment &deployment : deployments) {
        const auto at = menu.find("--id ostree-" + std::string(64, deployment.name)) + std::string_view("--id ").size();
        ids_.emplace_back(deployment.name, menu.substr(at, menu.find(' ', at) - at));
    }
    must(write_file(loader / "grub.cfg", replaced(replaced(menu, "        linux ", "        test_linux "),
                                                  "        initrd ", "        test_initrd ")));
    install();
}

void Scenario::install() { must(disk_.install(tree())); }

char Scenario::boot() {
    console_ = must(power_cycle(disk_.path(), machine_));
    return started();
}

char Scenario::boot_choosing(const std::string &keys) {
    console_ = must(power_cycle_with_keys(disk_.path(), machine_, keys));
    return started();
}

char Scenario::started() const {
    if (!console_.contains("STARTED-END")) {
        return '?';
    }
    // A wide console may wrap lines; the id is looked for with the breaks taken out.
    const std::string text = replaced(replaced(console_, "\r", ""), "\n", "");
    for (const auto &[name, id] : ids_) {
        if (text.contains("<ballast.deployment=" + id + ">")) {
            return name;
        }
    }
    return '?';
}

std::string Scenario::id(char name) const {
    for (const auto &[known, id] : ids_) {
        if (known == name) {
            return id;
        }
    }
    throw std::runtime_error(std::string("no deployment ") + name);
}

void Scenario::record_good(char name) {
    const fs::path copy = scratch_.path() / "grubenv";
    must(write_file(copy, must(disk_.read_block())));
    (void)must(updater::record_good(copy, id(name)));
    must(disk_.write_block(must(read_file(copy))));
}

std::optional<std::string> Scenario::variable(const std::string &name) { return must(disk_.environment()).get(name); }

} // namespace ballast::boot_test
