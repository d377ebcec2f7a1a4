#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# dracut module "ballast": takes out of the initramfs what a machine does again a moment later from its root file system.
# What is left finds one disk by its label, mounts it, and hands over.
# shellcheck disable=SC2154 # initdir, moddir and systemdsystemunitdir are dracut's

check() { return 0; }
depends() { echo "systemd-initrd ostree"; }

install() {
    local rule unit
    # The rules that name disks and load drivers; all others serve devices that the root file system does not hang on.
    for rule in "$initdir"/usr/lib/udev/rules.d/*.rules; do
        case ${rule##*/} in
        50-udev-default.rules | 60-block.rules | 60-persistent-storage.rules | 80-drivers.rules | 99-systemd.rules) ;;
        *) rm -f "$rule" ;;
        esac
    done
    for unit in systemd-sysctl systemd-tmpfiles-setup systemd-tmpfiles-setup-dev systemd-tmpfiles-setup-dev-early \
        systemd-modules-load kmod-static-nodes; do
        rm -f "$initdir$systemdsystemunitdir/sysinit.target.wants/$unit.service"
    done
    rm -f "$initdir"/usr/lib/systemd/system-generators/{systemd-gpt-auto-generator,systemd-debug-generator}
    # The name of a host that nobody named: asked for here first, and kept over the switch to the root file system.
    printf 'NAME=Ballast\nID=ballast\nDEFAULT_HOSTNAME=ballast\n' >"$initdir/usr/lib/os-release"
    # It looks for mounts in the real /etc/fstab that are meant for the initramfs, and then starts the clean-up: there are
    # none, and the target may do that itself.
    rm -f "$initdir$systemdsystemunitdir/initrd-parse-etc.service"
    inst_simple "$moddir/cleanup.conf" "$systemdsystemunitdir/initrd-cleanup.service.d/ballast.conf"
    mkdir -p "$initdir$systemdsystemunitdir/initrd.target.wants"
    ln -s ../initrd-cleanup.service "$initdir$systemdsystemunitdir/initrd.target.wants/"
    inst_simple "$moddir/trigger.conf" "$systemdsystemunitdir/systemd-udev-trigger.service.d/ballast.conf"
}
