// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <string_view>

// systemd system credentials (systemd.system-credentials(7)) handed to the guest through SMBIOS: how a machine learns
// the key that may log in and how it tells us that it is up, without anything in the image being made for tests.
namespace ballast::vm {

using Credentials = std::map<std::string, std::string>;

// The virtio-serial port on which the guest writes its boot id, a line for each boot, once it is up.
inline constexpr std::string_view kReadyPort = "org.ballast.ready";

// Root's ssh key and the unit that reports on kReadyPort after multi-user.target and sshd.
Credentials test_credentials(const std::string &ssh_public_key);

// The serial console logs root in without a password: only whoever runs the hypervisor can ask for it.
Credentials console_login_credentials();

// The value of QEMU's -smbios option that hands over one credential.
std::string smbios_option(const std::string &name, const std::string &value);

// RFC 4648 section 4, padded.
std::string base64(std::string_view bytes);

} // namespace ballast::vm
