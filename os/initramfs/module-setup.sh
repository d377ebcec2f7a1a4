#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# dracut module "ballast": one program that finds the root file system and hands over (boot/), and what it runs.
# shellcheck disable=SC2154 # initdir and moddir are dracut's

check() { return 0; }
depends() { :; }

install() {
    inst_binary "$moddir/ballast-initramfs" /init
    inst_binary /usr/lib/ostree/ostree-prepare-root
    inst_simple /usr/lib/ostree/prepare-root.conf
    inst_multiple /usr/sbin/fsck.ext4
    mkdir -p "$initdir"/{dev,proc,sys,run,sysroot}
}
