// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/peer.h"

#include <algorithm>

#include "base/file_io.h"
#include "base/yaml.h"

namespace ballast::bench {
namespace {

constexpr long long kMostMib = 1LL << 16;

void replace_all(std::string &text, std::string_view from, const std::string &to) {
    for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) {
        text.replace(at, from.size(), to);
    }
}

bool leads_outside(const std::filesystem::path &path) {
    return path.empty() || path.is_absolute() || std::ranges::contains(path, std::filesystem::path(".."));
}

Status read_lists(const YamlNode &root, image_build::Manifest &manifest) {
    manifest.packages = TRY(root.strings_or_empty("packages"));
    manifest.boot_packages = TRY(root.strings_or_empty("boot_packages"));
    manifest.enable_units = TRY(root.strings_or_empty("enable_units"));
    manifest.remove_paths = TRY(root.strings_or_empty("remove_paths"));
    manifest.kernel_arguments = TRY(root.strings_or_empty("kernel_arguments"));
    for (const std::string &path : manifest.remove_paths) {
        if (leads_outside(path)) {
            return fail(EINVAL, root.where() + ": remove_paths: '" + path + "' leads out of the root file system");
        }
    }
    return {};
}

Status read_disk(const YamlNode &disk, image_build::Manifest &manifest) {
    TRY(disk.allow_only({"esp_mib", "boot_mib", "root_mib"}));
    manifest.esp_mib = TRY(disk.integer_or("esp_mib", 64, 34, kMostMib)); // mkfs.fat -F 32 needs 33 MiB
    manifest.boot_mib = TRY(disk.integer_or("boot_mib", 384, 64, kMostMib));
    manifest.root_mib = TRY(disk.integer_or("root_mib", 2048, 512, kMostMib));
    return {};
}

} // namespace

Result<Peer> Peer::load(const std::filesystem::path &file) {
    Peer peer;
    peer.text = TRY(read_file(file));
    const YamlNode root = TRY(YamlNode::parse(peer.text, file.string()));
    TRY(root.allow_only({"name", "suite", "packages", "boot_packages", "enable_units", "remove_paths",
                         "kernel_arguments", "files", "grub", "disk"}));
    peer.name = TRY(root.string("name"));
    peer.grub = TRY(root.string("grub"));
    peer.manifest.suite = TRY(root.string("suite"));
    TRY(read_lists(root, peer.manifest));
    TRY(read_disk(TRY(root.at("disk")), peer.manifest));
    for (const auto &[path, content] : TRY(TRY(root.at("files")).members())) {
        if (leads_outside(path)) {
            return fail(EINVAL, content.where() + ": '" + path + "' leads out of the root file system");
        }
        peer.files[path] = TRY(content.as_string());
    }
    return peer;
}

std::string Peer::grub_configuration(const std::string &release) const {
    std::string arguments;
    for (const std::string &argument : manifest.kernel_arguments) {
        arguments += (arguments.empty() ? "" : " ") + argument;
    }
    std::string configuration = grub;
    replace_all(configuration, "{release}", release);
    replace_all(configuration, "{arguments}", arguments);
    return configuration;
}

} // namespace ballast::bench
