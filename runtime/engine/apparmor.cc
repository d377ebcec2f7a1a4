// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/apparmor.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/file_io.h"

namespace ballast::engine {
namespace {

constexpr const char *kFolder = "/sys/kernel/security/apparmor/";
constexpr std::uint64_t kLargestPolicy = 8UL << 20;

} // namespace

bool apparmor_enabled() {
    return read_file("/sys/module/apparmor/parameters/enabled", 64).value_or("").starts_with('Y');
}

bool apparmor_loaded(const std::string &profile) {
    // "NAME (enforce)" a line.
    const std::string all = "\n" + read_file(std::string(kFolder) + "profiles").value_or("");
    return all.contains("\n" + profile + " (");
}

Status load_default_apparmor(const std::filesystem::path &compiled) {
    if (!apparmor_enabled() || apparmor_loaded(kDefaultApparmorProfile)) {
        return {};
    }
    const std::string context = std::string("load the AppArmor profile ") + kDefaultApparmorProfile;
    const std::string policy = TRY(read_file(compiled, kLargestPolicy).within(context));
    const Fd file = TRY(open_file(std::string(kFolder) + ".replace", O_WRONLY).within(context));
    // The kernel takes a policy by one write(2) or not at all.
    const ssize_t taken = ::write(file.get(), policy.data(), policy.size());
    if (taken < 0) {
        return fail_errno(context);
    }
    return static_cast<std::size_t>(taken) == policy.size() && apparmor_loaded(kDefaultApparmorProfile)
               ? Status()
               : fail(EIO, context + ": the kernel does not list it afterwards");
}

} // namespace ballast::engine
