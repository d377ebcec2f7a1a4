// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "tests/vm/updater/release.h"

// Versions of the image under test, most of them bad, as what is laid over its tree. Each says its name in kNameFile.
namespace ballast::vm {

inline constexpr const char *kNameFile = "/usr/share/ballast-test-version";

LayOver named(const std::string &name);
// It works, and its initramfs is another one: it does not share what it boots with the image.
LayOver with_own_initramfs(const Release &release, const std::string &name);
// The kernel panics: the first process of its initramfs ends.
LayOver panicking(const Release &release);
// A program of the initramfs never ends.
LayOver hanging(const Release &release);
// It boots, and its container engine does not start.
LayOver without_engine();

} // namespace ballast::vm
