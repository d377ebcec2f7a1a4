// SPDX-License-Identifier: Apache-2.0
#include "tests/vm/updater/bad_versions.h"

#include <format>

#include "base/file_io.h"

namespace ballast::vm {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kWord = 4; // what the parts of an initramfs are aligned to

Status put(const fs::path &file, const std::string &text) {
    TRY(make_directories(file.parent_path()));
    return write_file(file, text);
}

void align(std::string &text) { text.resize((text.size() + kWord - 1) / kWord * kWord, '\0'); }

// Linux, Documentation/driver-api/early-userspace/buffer-format.rst
void add_to_archive(std::string &archive, const std::string &name, const std::string &content) {
    constexpr unsigned kExecutable = 0100755;
    archive +=
        std::format("070701{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}", 0,
                    content.empty() ? 0 : kExecutable, 0, 0, 1, 0, content.size(), 0, 0, 0, 0, name.size() + 1, 0);
    archive += name + '\0';
    align(archive);
    archive += content;
    align(archive);
}

// A file of the image's initramfs is another one, or there is one more.
LayOver with_file(const Release &release, const std::string &name, const std::string &file,
                  const Result<std::string> &content) {
    return [&release, name, file, content](const fs::path &root) -> Status {
        TRY(named(name)(root));
        const std::string image = TRY(release.initramfs());
        std::string initramfs = TRY(release.content(image));
        align(initramfs);
        // Later archives win.
        add_to_archive(initramfs, file, TRY(content));
        add_to_archive(initramfs, "TRAILER!!!", "");
        return put(root.string() + image, initramfs);
    };
}

// A program that ends at once where it is the first, and never elsewhere.
Result<std::string> stand_in() { return read_file(BALLAST_STAND_IN); }

} // namespace

LayOver named(const std::string &name) {
    return [name](const fs::path &root) { return put(root.string() + kNameFile, name); };
}

LayOver with_own_initramfs(const Release &release, const std::string &name) {
    return with_file(release, name, "ballast-test", name);
}

LayOver panicking(const Release &release) { return with_file(release, "panicking", "init", stand_in()); }

LayOver hanging(const Release &release) {
    return with_file(release, "hanging", "usr/lib/ostree/ostree-prepare-root", stand_in());
}

LayOver without_engine() {
    return [](const fs::path &root) -> Status {
        TRY(named("without engine")(root));
        return put(root / "usr/lib/systemd/system/ballastd.service.d/90-test.conf",
                   "[Service]\nExecStart=\nExecStart=false\n");
    };
}

} // namespace ballast::vm
