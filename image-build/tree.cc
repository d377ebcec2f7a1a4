// SPDX-License-Identifier: Apache-2.0
#include "image-build/tree.h"

#include <algorithm>
#include <format>
#include <sys/stat.h>

#include "base/file_io.h"
#include "base/root_dir.h"
#include "base/subprocess.h"
#include "image-build/accounts.h"
#include "image-build/rootfs.h"
#include "image-build/var_directories.h"

namespace ballast::image_build {
namespace {

namespace fs = std::filesystem;

struct Link {
    const char *path;
    const char *target;
};

// Where users look for their own files, and where those live.
constexpr Link kTopLevelLinks[] = {
    {"home", "var/home"},
    {"root", "var/roothome"},
    {"opt", "var/opt"},
    {"srv", "var/srv"},
    {"mnt", "var/mnt"},
    {"media", "var/media"},
    {"usr/local", "../var/usrlocal"},
    {"ostree", "sysroot/ostree"},
};

// Mount points, and what the kernel and systemd fill.
constexpr const char *kMountPoints[] = {"boot", "dev", "proc", "run", "sys", "sysroot", "tmp", "var"};

Status rename_path(const fs::path &from, const fs::path &to) {
    std::error_code error;
    fs::rename(from, to, error);
    if (error) {
        return fail(error.value(), "rename " + from.string() + " to " + to.string() + ": " + error.message());
    }
    return {};
}

Status write_os_release(const TreeInputs &inputs, const RootDir &root) {
    const Release &release = *inputs.release;
    const Manifest &manifest = *inputs.manifest;
    const std::string text =
        std::format(R"text(PRETTY_NAME="Ballast {} ({})"
NAME="Ballast"
ID=ballast
ID_LIKE=debian
VERSION="{}"
VERSION_ID={}
VERSION_CODENAME={}
VARIANT="{}"
VARIANT_ID={}
BUILD_ID={}
BALLAST_EPOCH={}
DEFAULT_HOSTNAME=ballast
)text",
                    release.version, manifest.variant_name, release.version, release.version, manifest.suite,
                    manifest.variant_name, manifest.variant, release.build_id, release.epoch);
    TRY(root.remove("usr/lib/os-release"));
    TRY(root.write("usr/lib/os-release", text));
    return root.make_symlink("../usr/lib/os-release", "etc/os-release");
}

// Units: ours alone decide what is enabled. The preset stays in the tree for an operator's `systemctl preset`.
Status set_units(const Manifest &manifest, const RootDir &root, const fs::path &log) {
    std::string preset = "# Made by the image build from the manifest's enable_units.\n";
    for (const std::string &unit : manifest.enable_units) {
        preset += "enable " + unit + "\n";
    }
    TRY(root.write("usr/lib/systemd/system-preset/00-ballast.preset", preset + "disable *\n"));
    // What the packages' scripts enabled goes; links that only give a unit a second name are made again by preset.
    TRY(root.remove("etc/systemd/system"));
    TRY(root.make_directories("etc/systemd/system"));
    const std::string root_option = "--root=" + root.path().string();
    (void)TRY(run_checked({.arguments = {"systemctl", root_option, "preset-all"}, .log = log}));
    Command mask{.arguments = {"systemctl", root_option, "mask"}, .log = log};
    mask.arguments.insert(mask.arguments.end(), manifest.mask_units.begin(), manifest.mask_units.end());
    if (!manifest.mask_units.empty()) {
        (void)TRY(run_checked(mask));
    }
    return {};
}

Status place_kernel(const TreeInputs &inputs, const RootDir &root, const fs::path &log) {
    const fs::path &tree = root.path();
    const std::string release = TRY(kernel_release(tree));
    const fs::path modules = tree / "usr/lib/modules" / release;
    TRY(rename_path(tree / "boot" / ("vmlinuz-" + release), modules / "vmlinuz"));
    TRY(rename_path(tree / "boot" / ("config-" + release), modules / "config")); // kubeadm and others look for it there
    TRY(root.write(fs::path("usr/lib/modules") / release / "initramfs.img",
                   TRY(read_file(inputs.initramfs, 1ULL << 30))));
    TRY(root.remove("boot"));
    // Modules were removed from below the index.
    (void)TRY(run_checked({.arguments = {"depmod", "--basedir", tree.string(), "--all", release}, .log = log}));
    return {};
}

Status empty_var(const RootDir &root) {
    TRY(root.write("usr/lib/tmpfiles.d/ballast-packages.conf", TRY(var_as_tmpfiles(root.path()))));
    // The list of packages stays readable for scanners; dpkg itself is gone.
    TRY(root.make_directories("usr/lib/sysimage/dpkg"));
    TRY(root.write("usr/lib/sysimage/dpkg/status", TRY(root.read("var/lib/dpkg/status"))));
    return root.remove("var");
}

Status lay_out_top_level(const RootDir &root) {
    for (const Link &link : kTopLevelLinks) {
        TRY(root.remove(link.path));
        TRY(root.make_symlink(link.target, link.path));
    }
    for (const char *directory : kMountPoints) {
        TRY(root.remove(directory));
        TRY(root.make_directories(directory));
    }
    // Empty: every machine gets its own, kept from then on. Not "uninitialized", for which systemd would preset all
    // units once more on the first boot: they are preset here, and it costs a second.
    TRY(root.write("etc/machine-id", "", 0444));
    TRY(root.remove("etc/resolv.conf"));
    TRY(root.make_symlink("../run/systemd/resolve/stub-resolv.conf", "etc/resolv.conf"));
    TRY(root.remove("etc/mtab"));
    TRY(root.make_symlink("../proc/self/mounts", "etc/mtab"));
    TRY(root.make_symlink("../usr/share/zoneinfo/Etc/UTC", "etc/localtime"));
    return rename_path(root.path() / "etc", root.path() / "usr/etc");
}

} // namespace

Status lay_over(const fs::path &from, const fs::path &tree) {
    const RootDir root = TRY(RootDir::open(tree));
    std::vector<fs::path> paths;
    std::error_code error;
    for (auto entry = fs::recursive_directory_iterator(from, error);
         !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
        paths.push_back(entry->path());
    }
    if (error) {
        return fail(error.value(), "list " + from.string() + ": " + error.message());
    }
    std::ranges::sort(paths);
    for (const fs::path &path : paths) {
        const fs::path inside = path.lexically_relative(from);
        const fs::file_status status = fs::symlink_status(path);
        if (fs::is_symlink(status)) {
            TRY(root.make_symlink(fs::read_symlink(path).string(), inside));
        } else if (fs::is_directory(status)) {
            TRY(root.make_directories(inside));
        } else {
            // Git keeps one bit of the mode; the umask of whoever checked out must not reach the image.
            const bool executable = (status.permissions() & fs::perms::owner_exec) != fs::perms::none;
            TRY(root.write(inside, TRY(read_file(path, 1ULL << 30)), executable ? 0755 : 0644));
        }
    }
    return {};
}

Result<std::string> kernel_release(const fs::path &tree) {
    std::vector<std::string> releases;
    std::error_code missing; // no directory, no kernel
    for (const auto &entry : fs::directory_iterator(tree / "usr/lib/modules", missing)) {
        releases.push_back(entry.path().filename().string());
    }
    if (releases.size() != 1) {
        return fail(EINVAL,
                    std::format("the package list brings {} kernels; a tree holds exactly one", releases.size()));
    }
    return releases.front();
}

Status make_tree(const TreeInputs &inputs, const fs::path &tree, const fs::path &log) {
    TRY(lay_over(inputs.overlay, tree));
    TRY(lay_over(inputs.programs, tree));
    TRY(make_directories(tree / "usr/lib/ballast/boot"));
    TRY(lay_over(inputs.boot_files, tree / "usr/lib/ballast/boot"));
    const RootDir root = TRY(RootDir::open(tree));
    TRY(check_accounts(tree, inputs.sysusers));
    // One declaration of every account: the packages' own would only repeat ours with floating numbers.
    TRY(root.remove("usr/lib/sysusers.d"));
    TRY(root.write("usr/lib/sysusers.d/ballast.conf", TRY(read_file(inputs.sysusers))));
    TRY(root.write("usr/share/ballast/packages.lock", TRY(read_file(inputs.lock))));
    TRY(write_os_release(inputs, root));
    TRY(set_units(*inputs.manifest, root, log));
    TRY(place_kernel(inputs, root, log));
    TRY(empty_var(root));
    return lay_out_top_level(root);
}

} // namespace ballast::image_build
