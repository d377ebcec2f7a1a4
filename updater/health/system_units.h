// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "updater/health/surroundings.h"

// systemd's units and journal, asked by systemctl(1) and journalctl(1): each call is a process of its own with a time
// limit, so a manager that hangs cannot take the judgement along.
namespace ballast::updater::health {

// The output of `systemctl list-units --output=json`.
Result<std::vector<Unit>> parse_units(const std::string &list);
// To those of `units` that are in it: the output of `systemctl show` with the properties Id, NRestarts, FragmentPath
// and UnitFileState, a block a unit.
void take_details(std::vector<Unit> &units, std::string_view text);

// What `systemctl show` says of a service with the properties Result, ExecMainCode, ExecMainStatus and Restart: whether
// its program has ended by itself with status 0, and systemd does not run it again. One that is always to run can only
// have been stopped.
bool tells_of_finished(std::string_view text);

Result<std::vector<Unit>> all_units();
// False for units that are not there, disabled or masked.
Result<bool> is_unit_enabled(const std::string &unit);
bool has_unit_finished(const std::string &unit); // false, too, when systemd does not say
// Units that a job waits for, "name (start, waiting)".
Result<std::vector<std::string>> queued_jobs();
// Asks for an orderly restart and returns at once.
Status request_restart();

// Newest last, at most kMostLines; empty when the journal cannot be read.
std::vector<std::string> unit_journal(const std::string &unit);
// Errors of the boot with this id, or the last lines of all it logged when there are none.
std::vector<std::string> boot_journal(const std::string &boot);
// The newest boot whose kernel command line holds `word`; empty: there is none.
std::string boot_with(const std::string &word);

} // namespace ballast::updater::health
