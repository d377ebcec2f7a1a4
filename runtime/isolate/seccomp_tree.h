// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <linux/filter.h>
#include <vector>

// libseccomp answers with long chains of comparisons, a block for each architecture. The kernel checks, translates and
// tries out every instruction when it loads a filter, which for a container's usual profile takes longer than exec(2).
namespace ballast::isolate {

// A filter for seccomp(2) with the same answer to every system call: numbers with one answer become ranges, and the
// ranges leaves of a balanced tree of comparisons. What looks at arguments is kept as it is and entered from the tree.
// A filter with instructions that are not understood comes back unchanged.
std::vector<sock_filter> as_search_tree(const std::vector<sock_filter> &filter);

} // namespace ballast::isolate
