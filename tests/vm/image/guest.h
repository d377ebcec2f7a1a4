// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "base/lines.h"
#include "tests/unit/check.h"
#include "tests/vm/machine.h"

// Machines of the image under test, and short questions to them.
namespace ballast::vm {

// The image under test, with its logs kept when the test fails. `logs` tells several machines of one test apart.
MachineOptions image_options(const std::string &logs = "");

// A machine from the snapshot, for all that needs no boot of its own.
Machine booted();

// What a command says, without the newline at the end. The test fails when the command does.
std::string said(Machine &machine, const std::string &command);
std::vector<std::string> said_lines(Machine &machine, const std::string &command);
// A check that the command says nothing; what it does say is in the report.
void check_says_nothing(Machine &machine, const std::string &command);

// The deployment `id` has one start to prove itself, as after two that failed: a test need not wait for all three.
void leave_one_start(Machine &machine, const std::string &id);

// A file of the checkout, by its path there.
std::string checkout_file(const std::string &path);

// What ballast-build wrote down about the image under test.
struct BuildRecord {
    std::string version, build_id, ref, commit;
};
BuildRecord build_record();

} // namespace ballast::vm
