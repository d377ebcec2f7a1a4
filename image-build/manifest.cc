// SPDX-License-Identifier: Apache-2.0
#include "image-build/manifest.h"

#include <regex>

#include "base/yaml.h"

namespace ballast::image_build {
namespace {

constexpr long long kMostMib = 1LL << 20;

struct ListKey {
    std::string_view key;
    std::vector<std::string> Manifest::*member;
};

// Lists that a variant adds to.
constexpr ListKey kLists[] = {
    {"packages", &Manifest::packages},
    {"boot_packages", &Manifest::boot_packages},
    {"remove_packages", &Manifest::remove_packages},
    {"remove_paths", &Manifest::remove_paths},
    {"initramfs_modules", &Manifest::initramfs_modules},
    {"initramfs_drivers", &Manifest::initramfs_drivers},
    {"kernel_arguments", &Manifest::kernel_arguments},
    {"enable_units", &Manifest::enable_units},
    {"mask_units", &Manifest::mask_units},
};

Status append_lists(const YamlNode &node, Manifest &manifest) {
    for (const ListKey &list : kLists) {
        for (std::string &item : TRY(node.strings_or_empty(list.key))) {
            (manifest.*list.member).push_back(std::move(item));
        }
    }
    return {};
}

Status read_sizes(const YamlNode &disk, Manifest &manifest) {
    TRY(disk.allow_only({"esp_mib", "boot_mib", "root_mib"}));
    manifest.esp_mib = TRY(disk.integer_or("esp_mib", 64, 34, kMostMib)); // mkfs.fat -F 32 needs 33 MiB
    manifest.boot_mib = TRY(disk.integer_or("boot_mib", 384, 64, kMostMib));
    manifest.root_mib = TRY(disk.integer_or("root_mib", 2048, 512, kMostMib));
    return {};
}

// Names that become command-line words of apt: nothing that it would take for an option or a pattern.
Status check_package_names(const Manifest &manifest) {
    static const std::regex grammar("[a-z0-9][a-z0-9+.-]+");
    for (const auto *list : {&manifest.packages, &manifest.boot_packages, &manifest.remove_packages}) {
        for (const std::string &name : *list) {
            if (!std::regex_match(name, grammar)) {
                return fail(EINVAL, "'" + name + "' is not a Debian package name");
            }
        }
    }
    return {};
}

Status apply_variant(const YamlNode &variants, const std::string &name, Manifest &manifest, int depth = 0) {
    std::string known;
    for (auto &[key, node] : TRY(variants.members())) {
        known += (known.empty() ? "" : ", ") + key;
        if (key != name) {
            continue;
        }
        TRY(node.allow_only({"name", "extends", "shipped", "packages", "boot_packages", "remove_packages",
                             "remove_paths", "initramfs_modules", "initramfs_drivers", "kernel_arguments",
                             "enable_units", "mask_units", "disk"}));
        if (node.has("extends")) {
            if (depth > 0) {
                return fail(EINVAL, node.where() + ": a variant extends another one level deep at the most");
            }
            TRY(apply_variant(variants, TRY(node.string("extends")), manifest, depth + 1));
        }
        manifest.variant = name;
        manifest.variant_name = TRY(node.string("name"));
        manifest.shipped = TRY(node.boolean_or("shipped", true));
        if (node.has("disk")) {
            TRY(read_sizes(TRY(node.at("disk")), manifest));
        }
        return append_lists(node, manifest);
    }
    return fail(EINVAL, variants.where() + ": there is no variant '" + name + "'; there are: " + known);
}

} // namespace

Result<Manifest> Manifest::load(const std::filesystem::path &file, const std::string &variant) {
    YamlNode root = TRY(YamlNode::load(file));
    TRY(root.allow_only({"suite", "version", "stateroot", "ref", "packages", "boot_packages", "remove_packages",
                         "remove_paths", "initramfs_modules", "initramfs_drivers", "kernel_arguments", "enable_units",
                         "mask_units", "disk", "variants"}));
    Manifest manifest;
    manifest.suite = TRY(root.string("suite"));
    manifest.version_scheme = TRY(root.string("version"));
    manifest.stateroot = TRY(root.string("stateroot"));
    manifest.ref = TRY(root.string("ref"));
    TRY(append_lists(root, manifest));
    TRY(read_sizes(TRY(root.at("disk")), manifest));
    TRY(apply_variant(TRY(root.at("variants")), variant, manifest));
    TRY(check_package_names(manifest).within(file.string()));
    if (manifest.packages.empty()) {
        return fail(EINVAL, file.string() + ": 'packages' is empty, so there is nothing to build");
    }
    return manifest;
}

} // namespace ballast::image_build
