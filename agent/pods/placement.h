// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

// What a pod says of the nodes where it may be (Kubernetes' tolerations and required node affinity).
namespace ballast {
class JsonCursor;
}
namespace ballast::agent {

struct Toleration {
    std::string key = {}; // empty: every one
    std::string op = {};  // Exists, or Equal, which it is when it is empty
    std::string value = {};
    std::string effect = {}; // empty: every one
};
bool tolerates(const std::vector<Toleration> &tolerations, std::string_view key, std::string_view value,
               std::string_view effect);

struct NodeRequirement {
    std::string key = {};
    std::string op = {}; // In, NotIn, Exists, DoesNotExist, Gt, Lt
    std::vector<std::string> values = {};
};
// All of them; none is said: no node.
struct NodeTerm {
    std::vector<NodeRequirement> labels = {};
    std::vector<NodeRequirement> fields = {}; // metadata.name
};
bool is_met(const NodeTerm &term, const std::string &node_name, const std::map<std::string, std::string> &labels);

void read_toleration(const JsonCursor &from, Toleration &to);
void read_node_term(const JsonCursor &from, NodeTerm &to);

} // namespace ballast::agent
