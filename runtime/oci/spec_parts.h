// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "base/json/json_cursor.h"
#include "runtime/oci/spec.h"

// The parts of the reader (spec_reader.h), one for each object of a config.json. What is wrong goes to the cursor's
// document.
namespace ballast::oci {

// The highest id that a process, file or mapping may have: 4294967295 means "no change" to setresuid(2) and chown(2).
inline constexpr std::uint32_t kHighestId = 4294967294U;
// Lists whose items a failure names by a number of 16 bits (isolate/outcome.h).
inline constexpr std::size_t kMostPlanned = 16384;

void read_process(const JsonCursor &from, Process &process);
void read_linux(const JsonCursor &from, Linux &linux_part);
void read_resources(const JsonCursor &from, Resources &resources);
void read_seccomp(const JsonCursor &from, Seccomp &seccomp);
// After the namespaces. `domainname` is the specification's own field, which kernel.domainname must not contradict.
void read_sysctls(const JsonCursor &from, const std::string &domainname, Linux &linux_part);

std::vector<IdMapping> read_id_mappings(const JsonCursor &from);
std::string read_number_list(const JsonCursor &from, unsigned highest);
bool has_namespace(const Linux &linux_part, NamespaceType type);

} // namespace ballast::oci
