// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <initializer_list>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

// Objects of the API as they come and go: JSON with members that we do not know. Nothing in here throws.
namespace ballast::agent {

using Json = nlohmann::json;
using JsonPath = std::initializer_list<const char *>;

// What stands there; null where it does not.
const Json &json_at(const Json &object, JsonPath path);
std::string json_text(const Json &object, JsonPath path); // empty when there is no text

// Of an object: "metadata.name" and the like.
std::string name_of(const Json &object);
std::string namespace_of(const Json &object);
std::string uid_of(const Json &object);
std::map<std::string, std::string> labels_of(const Json &object);

// As it is sent; what is not UTF-8 in it is replaced.
std::string json_body(const Json &object);

} // namespace ballast::agent
