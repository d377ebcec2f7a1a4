// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ballast::agent {

// What a request to this node is in the eyes of the cluster's authorisation: a verb on a part of its Node. Whoever has
// one of `subresources` may; the first is the narrowest.
struct Attributes {
    std::string verb;
    std::vector<std::string> subresources;
    bool operator==(const Attributes &) const = default;
};

// As kubelet maps them, but for one thing: what runs something in a container or reaches into a pod is "create" by
// whatever method it is asked for, as WebSockets begin with GET. `path`: decoded.
Attributes attributes_of(std::string_view method, std::string_view path);

} // namespace ballast::agent
