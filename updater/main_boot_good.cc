// SPDX-License-Identifier: Apache-2.0
// ballast-boot-good: tells the boot loader that the running deployment is good. Run by ballast-boot-good.service once
// all health checks passed.
#include <cstdio>
#include <filesystem>
#include <string>

#include "base/file_io.h"
#include "base/log.h"
#include "updater/boot_result.h"
#include "updater/writable_mount.h"

namespace ballast::updater {
namespace {

const std::filesystem::path kGrubenv = "/boot/grub2/grubenv";

Result<GoodRecord> record(const std::string &id) {
    Result<GoodRecord> recorded = record_good(kGrubenv, id);
    if (recorded.has_value() || recorded.error().code != EROFS) {
        return recorded;
    }
    const WritableMount writable = TRY(WritableMount::acquire(kGrubenv.parent_path()));
    return record_good(kGrubenv, id);
}

Status run() {
    const std::string command_line = TRY(read_file("/proc/cmdline"));
    const std::string id = TRY(running_deployment(command_line));
    if (TRY(record(id)) == GoodRecord::kWritten) {
        log::notice("This deployment is good: the boot loader starts it from now on", {{"DEPLOYMENT", id}});
    } else {
        log::info("The boot loader knows this deployment as good already", {{"DEPLOYMENT", id}});
    }
    return {};
}

} // namespace
} // namespace ballast::updater

int main(int argc, char **) {
    if (argc != 1) {
        (void)std::fputs("usage: ballast-boot-good\n", stderr);
        return 2;
    }
    if (const ballast::Status status = ballast::updater::run(); !status.has_value()) {
        ballast::log::error("record the good deployment: " + status.error().message);
        return 1;
    }
    return 0;
}
