// SPDX-License-Identifier: Apache-2.0
#pragma once

// Processes that a test leaves behind when it fails half-way: monitors, and programs of containers. They would hold the
// pipe that the test's output is read from, and who waits for its end would wait for them.
namespace ballast::testing {

// From here on such processes become children of this one when their parents die.
void adopt_orphans();
// Kills and reaps all children in a session of their own, and then theirs, until there are none: a monitor makes itself
// one, and so does a container's first process, while programs that a test starts itself are in the test's.
void end_orphans();
// Reaps those of them that have ended, as the first process of a machine does: until then they keep the namespace of
// processes that they were in.
void reap_orphans();

} // namespace ballast::testing
