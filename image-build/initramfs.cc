// SPDX-License-Identifier: Apache-2.0
#include "image-build/initramfs.h"

#include <format>

#include "base/file_io.h"
#include "image-build/rootfs.h"
#include "image-build/tree.h"

namespace ballast::image_build {
namespace {

constexpr const char *kModuleDirectory = "usr/lib/dracut/modules.d/99ballast";

std::string joined(const std::vector<std::string> &words) {
    std::string text;
    for (const std::string &word : words) {
        text += (text.empty() ? "" : " ") + word;
    }
    return text;
}

} // namespace

Status make_initramfs(const Manifest &manifest, const std::filesystem::path &own_module,
                      const std::filesystem::path &programs, const std::filesystem::path &tree, long long epoch,
                      const std::filesystem::path &output, const std::filesystem::path &log) {
    const std::string release = TRY(kernel_release(tree));
    // The archive is compressed as a whole; a second decompression of every module would only cost boot time.
    (void)TRY(decompress_modules(tree, log));
    TRY(run_in_tree(tree, {"depmod", "--all", release}, log));
    TRY(make_directories(tree / kModuleDirectory));
    TRY(lay_over(own_module, tree / kModuleDirectory));
    const std::filesystem::path program = programs / kInitramfsProgram;
    std::error_code error;
    if (std::filesystem::exists(program, error) &&
        !std::filesystem::copy_file(program, tree / kModuleDirectory / program.filename(), error)) {
        return fail(error.value(), "copy " + program.string() + ": " + error.message());
    }
    // The manifest alone says what goes in: packages bring settings for dracut that add modules (ostree-boot: systemd).
    const char *no_settings = "/var/no-settings";
    TRY(make_directories(tree / (no_settings + 1)));
    // Inside the tree, but not in /tmp: that is private to the command.
    const char *made = "/var/initramfs.img";
    TRY(run_in_tree(tree,
                    {"env",
                     std::format("SOURCE_DATE_EPOCH={}", epoch),
                     "dracut",
                     "--conf",
                     "/dev/null",
                     "--confdir",
                     no_settings,
                     "--force",
                     "--quiet",
                     "--reproducible",
                     "--no-hostonly",
                     "--no-hostonly-cmdline",
                     "--no-early-microcode",
                     "--zstd",
                     "--kver",
                     release,
                     "--modules",
                     joined(manifest.initramfs_modules),
                     "--drivers",
                     joined(manifest.initramfs_drivers),
                     made},
                    log));
    std::filesystem::copy_file(tree / (made + 1), output, std::filesystem::copy_options::overwrite_existing, error);
    if (error) {
        return fail(error.value(), "copy the initramfs to " + output.string() + ": " + error.message());
    }
    return {};
}

} // namespace ballast::image_build
