// SPDX-License-Identifier: Apache-2.0
#include "tests/vm/image/guest.h"

#include <chrono>
#include <nlohmann/json.hpp>

#include "tests/vm/image_under_test.h"
#include "tests/vm/test_logs.h"

namespace ballast::vm {
namespace {

// Emulated, with a seed, on a machine that others use as well.
constexpr std::chrono::minutes kSlowestBoot{10};

} // namespace

MachineOptions image_options(const std::string &logs) {
    MachineOptions options = image_under_test();
    options.log_directory = test_log_directory() / logs;
    options.ready_timeout = kSlowestBoot;
    return options;
}

Machine booted() { return must(Machine::from_snapshot(image_options())); }

std::string said(Machine &machine, const std::string &command) {
    std::string output = must(machine.run_checked(command).within(command));
    while (output.ends_with('\n')) {
        output.pop_back();
    }
    return output;
}

std::vector<std::string> said_lines(Machine &machine, const std::string &command) {
    return lines_of(said(machine, command));
}

void check_says_nothing(Machine &machine, const std::string &command) {
    const std::string output = said(machine, command);
    INFO(command << " says " << output);
    CHECK(output.empty());
}

void leave_one_start(Machine &machine, const std::string &id) {
    must(machine.run_checked("mount -o remount,rw /boot && cd /boot/grub2 && { echo '# GRUB Environment Block'; "
                             "grep ^good= grubenv; echo trial=" +
                             id +
                             "; echo tries=1; } >/tmp/env && "
                             "head -c $((1024 - $(stat -c %s /tmp/env))) /dev/zero | tr '\\0' '#' >>/tmp/env && "
                             "dd if=/tmp/env of=grubenv conv=notrunc,fsync status=none && mount -o remount,ro /boot"));
}

// Tests run in the checkout: ballast_tests() says so.
std::string checkout_file(const std::string &path) { return must(read_file(path)); }

BuildRecord build_record() {
    std::filesystem::path file = image_under_test().image;
    const auto record = nlohmann::json::parse(must(read_file(file.replace_extension(".build.json"))));
    return {record.at("version"), record.at("build_id"), record.at("ref"), record.at("commit")};
}

} // namespace ballast::vm
