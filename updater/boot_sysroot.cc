// SPDX-License-Identifier: Apache-2.0
#include "updater/boot_sysroot.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <system_error>
#include <vector>

#include "base/file_io.h"
#include "updater/boot_entries.h"

namespace ballast::updater {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kEntryLimit = 64ULL << 10; // bytes; the kernel takes 2 KiB of arguments

Result<std::vector<BootEntry>> read_entries(const fs::path &directory) {
    std::vector<fs::path> files;
    std::error_code error;
    for (fs::directory_iterator file(directory, error); !error && file != fs::directory_iterator();
         file.increment(error)) {
        const std::string name = file->path().filename();
        if (name.starts_with("ostree-") && name.ends_with(".conf")) {
            files.push_back(file->path());
        }
    }
    if (error) {
        return fail_errno("read the boot entries in " + directory.string(), error.value());
    }
    std::ranges::sort(files);
    std::vector<BootEntry> entries;
    for (const fs::path &file : files) {
        const std::string text = TRY(read_file(file, kEntryLimit));
        entries.push_back(TRY(parse_boot_entry(text, file)));
    }
    if (entries.empty()) {
        return fail(ENOENT, directory.string() + ": no boot entries (ostree-*.conf)");
    }
    sort_newest_first(entries);
    return entries;
}

Result<std::string> identify(const BootEntry &entry, const fs::path &sysroot) {
    const fs::path link = sysroot / TRY(boot_link(entry)).relative_path();
    std::error_code error;
    const fs::path target = fs::read_symlink(link, error);
    if (error) {
        return fail_errno("read the boot link " + link.string(), error.value());
    }
    return deployment_id(entry, target);
}

} // namespace

Status write_boot_menu(const fs::path &output) {
    const fs::path loader = fs::absolute(output).lexically_normal().parent_path();
    const fs::path boot = loader.parent_path();
    if (!loader.filename().string().starts_with("loader.") || boot.filename() != "boot") {
        return fail(EINVAL, output.string() + ": expected SYSROOT/boot/loader.N/grub.cfg");
    }
    std::vector<IdentifiedEntry> identified;
    for (BootEntry &entry : TRY(read_entries(loader / "entries"))) {
        std::string id = TRY(identify(entry, boot.parent_path()));
        identified.push_back({std::move(entry), std::move(id)});
    }
    return replace_file(output, TRY(grub_menu(identified)));
}

} // namespace ballast::updater
