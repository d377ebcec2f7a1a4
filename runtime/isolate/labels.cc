// SPDX-License-Identifier: Apache-2.0
#include "runtime/isolate/labels.h"

#include <array>
#include <cstring>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/quote.h"
#include "runtime/isolate/proc_file.h"

namespace ballast::isolate {
namespace {

// Where there is no AppArmor everything is unconfined, so this one asks for nothing.
constexpr std::string_view kUnconfined = "unconfined";

constexpr std::string_view kOnExec = "exec ";
constexpr std::size_t kLongestProfile = 4096; // the kernel takes a page

bool apparmor_is_on() {
    const Fd file(open("/sys/module/apparmor/parameters/enabled", O_RDONLY | O_CLOEXEC));
    char answer = 'N';
    return file.is_open() && read(file.get(), &answer, 1) == 1 && answer == 'Y';
}

} // namespace

bool selinux_is_on() {
    struct statfs status{};
    return statfs("/sys/fs/selinux", &status) == 0 && status.f_type == SELINUX_MAGIC;
}

Result<std::string> plan_apparmor_profile(const std::string &profile) {
    if (profile.empty()) {
        return profile;
    }
    if (profile.size() + kOnExec.size() >= kLongestProfile) {
        return fail(EINVAL, "process.apparmorProfile: longer than any name of a profile");
    }
    if (apparmor_is_on()) {
        return profile;
    }
    if (profile == kUnconfined) {
        return std::string();
    }
    return fail(ENOTSUP, "process.apparmorProfile: " + quote(profile) + " is asked for, but AppArmor is not on");
}

Status check_selinux_label(const std::string &label) {
    if (!label.empty() && !selinux_is_on()) {
        return fail(ENOTSUP, "process.selinuxLabel: " + quote(label) + " is asked for, but SELinux is not on");
    }
    return {};
}

Outcome set_apparmor_profile(const std::string &profile, BorrowedFd proc) {
    if (profile.empty()) {
        return done();
    }
    std::array<char, kLongestProfile> command{};
    if (profile.size() + kOnExec.size() > command.size()) {
        return failed_at(Step::kApparmorLabel, -1, ENAMETOOLONG);
    }
    std::memcpy(command.data(), kOnExec.data(), kOnExec.size());
    std::memcpy(command.data() + kOnExec.size(), profile.data(), profile.size());
    const std::string_view text(command.data(), kOnExec.size() + profile.size());
    // attr/exec belongs to whichever module was built in first; kernels before 5.8 have only that one.
    if (write_proc_file(proc, 0, "attr/apparmor/exec", text) ||
        (errno == ENOENT && write_proc_file(proc, 0, "attr/exec", text))) {
        return done();
    }
    return failed_at(Step::kApparmorLabel);
}

Outcome set_selinux_label(const std::string &label, BorrowedFd proc) {
    if (label.empty() || write_proc_file(proc, 0, "attr/exec", label)) {
        return done();
    }
    return failed_at(Step::kSelinuxLabel);
}

} // namespace ballast::isolate
