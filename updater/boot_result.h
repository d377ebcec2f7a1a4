// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.h"

// What userspace tells the boot loader: the deployment that runs is good. Variables of the environment block:
//   good   id of the deployment that passed its checks last
//   trial  id of the deployment that the tries belong to
//   tries  starts it has left, "0" to "2"; written by grub.cfg before each start
namespace ballast::updater {

// The value of ballast.deployment= in a kernel command line, the last one when repeated. ENOENT when there is none
// (the kernel was not started from our menu), EINVAL when it is no id.
Result<std::string> running_deployment(std::string_view command_line);

// "CHECKSUM.SERIAL" of the id "ostree-CHECKSUM.SERIAL-RECIPE": the deployment's directory. Empty when it is no such id.
std::string deployment_name(std::string_view id);

enum class GoodRecord { kWritten, kAlreadyThere };

// Makes `id` the good one in GRUBENV, in one durable write, and drops trial and tries if they are its own. Those of
// another deployment stay: a version that has used up its tries is not tried again because the one before it came up
// well. Nothing is written when `id` is good already. A corrupt block is replaced. EROFS when GRUBENV cannot be
// written.
Result<GoodRecord> record_good(const std::filesystem::path &grubenv, const std::string &id);

// Drops trial and tries, so that whatever is in front gets all its starts again. Nothing is written when there are
// none.
Status forget_trial(const std::filesystem::path &grubenv);

} // namespace ballast::updater
