// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "runtime/isolate/outcome.h"
#include "runtime/oci/spec.h"

// Steps that change a process for good are tested in children.
namespace ballast::isolate {

// What a child wrote into a pipe before it ended.
struct Report {
    Outcome outcome;
    std::string text;
};

// Runs `body` in a child. An Outcome that it returns comes back as it is; what it writes to descriptor 1 as text.
Report in_child(const std::function<Outcome()> &body);

// `program` without arguments in "/", with a PATH.
oci::Process process_of(std::string program);

// The value of a line of /proc/PID/status.
std::string status_line(const std::string &status, const std::string &name);

constexpr std::uint64_t bit(int capability) { return 1ULL << static_cast<unsigned>(capability); }

void need_root();

} // namespace ballast::isolate
