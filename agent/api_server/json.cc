// SPDX-License-Identifier: Apache-2.0
#include "agent/api_server/json.h"

namespace ballast::agent {

const Json &json_at(const Json &object, JsonPath path) {
    static const Json kNothing;
    const Json *at = &object;
    for (const char *name : path) {
        if (!at->is_object()) {
            return kNothing;
        }
        const auto found = at->find(name);
        if (found == at->end()) {
            return kNothing;
        }
        at = &*found;
    }
    return *at;
}

std::string json_text(const Json &object, JsonPath path) {
    const Json &value = json_at(object, path);
    return value.is_string() ? value.get<std::string>() : "";
}

std::string name_of(const Json &object) { return json_text(object, {"metadata", "name"}); }
std::string namespace_of(const Json &object) { return json_text(object, {"metadata", "namespace"}); }
std::string uid_of(const Json &object) { return json_text(object, {"metadata", "uid"}); }

std::map<std::string, std::string> labels_of(const Json &object) {
    std::map<std::string, std::string> labels;
    for (const auto &[name, value] : json_at(object, {"metadata", "labels"}).items()) {
        labels.emplace(name, value.is_string() ? value.get<std::string>() : "");
    }
    return labels;
}

std::string json_body(const Json &object) { return object.dump(-1, ' ', false, Json::error_handler_t::replace); }

} // namespace ballast::agent
