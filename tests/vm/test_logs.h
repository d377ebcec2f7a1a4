// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

namespace ballast::vm {

// out/vm-logs/TESTNAME/ of the test case that runs: give it to MachineOptions::log_directory. Emptied when the test
// starts, removed when it has passed and kept when it has failed.
std::filesystem::path test_log_directory();

} // namespace ballast::vm
