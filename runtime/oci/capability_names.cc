// SPDX-License-Identifier: Apache-2.0
#include <linux/capability.h>

#include "runtime/oci/spec_names.h"
#include "runtime/oci/spec_reader.h"

namespace ballast::oci {
namespace {

constexpr std::string_view kCapabilities[] = {"CAP_CHOWN",
                                              "CAP_DAC_OVERRIDE",
                                              "CAP_DAC_READ_SEARCH",
                                              "CAP_FOWNER",
                                              "CAP_FSETID",
                                              "CAP_KILL",
                                              "CAP_SETGID",
                                              "CAP_SETUID",
                                              "CAP_SETPCAP",
                                              "CAP_LINUX_IMMUTABLE",
                                              "CAP_NET_BIND_SERVICE",
                                              "CAP_NET_BROADCAST",
                                              "CAP_NET_ADMIN",
                                              "CAP_NET_RAW",
                                              "CAP_IPC_LOCK",
                                              "CAP_IPC_OWNER",
                                              "CAP_SYS_MODULE",
                                              "CAP_SYS_RAWIO",
                                              "CAP_SYS_CHROOT",
                                              "CAP_SYS_PTRACE",
                                              "CAP_SYS_PACCT",
                                              "CAP_SYS_ADMIN",
                                              "CAP_SYS_BOOT",
                                              "CAP_SYS_NICE",
                                              "CAP_SYS_RESOURCE",
                                              "CAP_SYS_TIME",
                                              "CAP_SYS_TTY_CONFIG",
                                              "CAP_MKNOD",
                                              "CAP_LEASE",
                                              "CAP_AUDIT_WRITE",
                                              "CAP_AUDIT_CONTROL",
                                              "CAP_SETFCAP",
                                              "CAP_MAC_OVERRIDE",
                                              "CAP_MAC_ADMIN",
                                              "CAP_SYSLOG",
                                              "CAP_WAKE_ALARM",
                                              "CAP_BLOCK_SUSPEND",
                                              "CAP_AUDIT_READ",
                                              "CAP_PERFMON",
                                              "CAP_BPF",
                                              "CAP_CHECKPOINT_RESTORE"};
static_assert(std::size(kCapabilities) == CAP_LAST_CAP + 1);

} // namespace

std::span<const std::string_view> capability_names() { return kCapabilities; }

std::optional<int> capability_number(std::string_view name) {
    for (std::size_t number = 0; number < std::size(kCapabilities); number++) {
        if (kCapabilities[number] == name) {
            return static_cast<int>(number);
        }
    }
    return std::nullopt;
}

std::string capability_name(int number) {
    if (number >= 0 && number < static_cast<int>(std::size(kCapabilities))) {
        return std::string(kCapabilities[number]);
    }
    return "CAP_" + std::to_string(number);
}

} // namespace ballast::oci
