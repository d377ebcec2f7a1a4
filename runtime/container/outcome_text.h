// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "runtime/isolate/namespaces.h"
#include "runtime/isolate/outcome.h"
#include "runtime/isolate/process.h"
#include "runtime/isolate/rootfs.h"

// Makes an Error of what a process could only report as a fixed record.
namespace ballast::container {

// For what launch() does itself.
Error launch_error(const isolate::Outcome &outcome, const isolate::NamespacePlan &namespaces);

// For the container's first process; `rootfs` is null for an exec.
Error outcome_error(const isolate::Outcome &outcome, const isolate::NamespacePlan &namespaces,
                    const isolate::ProcessPlan &process, const isolate::RootfsPlan *rootfs);

} // namespace ballast::container
