// SPDX-License-Identifier: Apache-2.0
#include "tests/vm/credentials.h"

#include <cstdint>

namespace ballast::vm {
namespace {

// `udevadm wait`: a shell redirection to a port that udev has not linked yet would make a plain file of that name.
// Reading the boot id with cat needs no quoting across systemd's and the shell's rules.
constexpr const char *kReadyUnit = R"([Unit]
Description=Report the completed boot to the test machine
After=multi-user.target ssh.service ssh.socket sshd.service
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStartPre=udevadm wait --timeout=60 /dev/virtio-ports/org.ballast.ready
ExecStart=/bin/sh -c "exec cat /proc/sys/kernel/random/boot_id >/dev/virtio-ports/org.ballast.ready"
)";

} // namespace

Credentials test_credentials(const std::string &ssh_public_key) {
    return {
        {"ssh.authorized_keys.root", ssh_public_key},
        {"systemd.extra-unit.ballast-test-ready.service", kReadyUnit},
        {"systemd.unit-dropin.multi-user.target", "[Unit]\nWants=ballast-test-ready.service\n"},
    };
}

Credentials console_login_credentials() { return {{"agetty.autologin", "root"}, {"login.noauth", "yes"}}; }

std::string smbios_option(const std::string &name, const std::string &value) {
    // Base64 has no comma, which QEMU would take for the start of the next property.
    return "type=11,value=io.systemd.credential.binary:" + name + "=" + base64(value);
}

std::string base64(std::string_view bytes) {
    constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string text;
    for (std::size_t at = 0; at < bytes.size(); at += 3) {
        const std::size_t count = std::min<std::size_t>(3, bytes.size() - at);
        std::uint32_t group = 0;
        for (std::size_t i = 0; i < 3; ++i) {
            group = group << 8 | (i < count ? static_cast<unsigned char>(bytes[at + i]) : 0U);
        }
        for (std::size_t i = 0; i < 4; ++i) {
            text += i <= count ? kAlphabet[group >> (18 - 6 * i) & 63U] : '=';
        }
    }
    return text;
}

} // namespace ballast::vm
