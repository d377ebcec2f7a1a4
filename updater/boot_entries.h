// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

// Boot Loader Specification entries (type 1) as libostree writes them, and the GRUB menu made of them.
// Pure: text in, text out. docs/design/boot.md says what the variables mean.
namespace ballast::updater {

struct BootEntry {
    std::string title;   // "(untitled)" when the file has none
    std::string version; // libostree: number of entries - index of the deployment, so the newest is highest
    std::string kernel;  // absolute inside the boot file system
    std::vector<std::string> initrds; // likewise, in loading order
    std::string options;              // kernel arguments as one line

    bool operator==(const BootEntry &) const = default;
};

// `name` is the file's, for messages. Unknown keys are ignored, as the specification asks; EINVAL when `linux` is
// missing, a path is not absolute or the text holds control characters.
Result<BootEntry> parse_boot_entry(std::string_view text, const std::string &name);

// libostree's own order: strverscmp(3) of `version`, highest first; entries without one come last.
void sort_newest_first(std::vector<BootEntry> &entries);

// The kernel argument ostree= : "/ostree/boot.1/STATEROOT/BOOTCSUM/0", a link to the deployment. EINVAL when it is
// missing, given twice or not of that form.
Result<std::filesystem::path> boot_link(const BootEntry &entry);

// The id of the deployment that `entry` starts: "ostree-CHECKSUM.SERIAL-RECIPE". `link_target` is where boot_link()
// points; its last component names the deployment. RECIPE is eight digits of a hash over stateroot, kernel arguments
// and added initrds, so that new kernel arguments are a new trial. The same for one deployment whatever the boot
// version, its place in the menu and its title; different for two that share a kernel. The leading letters matter: GRUB
// takes a `default` that starts with a digit for an index.
Result<std::string> deployment_id(const BootEntry &entry, const std::filesystem::path &link_target);

// Letters, digits, '.', '_' and '-', a letter first, at most 128: safe in GRUB scripts, kernel arguments and the
// environment block.
bool is_deployment_id(std::string_view text);

// Name of the kernel argument that carries the id to userspace.
inline constexpr std::string_view kDeploymentArgument = "ballast.deployment";

struct IdentifiedEntry {
    BootEntry entry;
    std::string id;
};

// loader.N/grub.cfg for the fixed grub.cfg to source. `entries` newest first. EINVAL when there are none, ids repeat,
// or GRUB has no way to hand an argument to the kernel unchanged (a backslash, a single quote, a quote inside a word).
Result<std::string> grub_menu(const std::vector<IdentifiedEntry> &entries);

} // namespace ballast::updater
