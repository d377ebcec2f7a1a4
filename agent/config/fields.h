// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/yaml.h"

// Fields of Kubernetes' configuration into fields of ours. What is missing or has no value keeps what is there.
namespace ballast::agent {

// One field: what it is called and what is done with its value.
struct Field {
    std::string_view name;
    std::function<Status(const YamlNode &value)> read;
};

// EINVAL "FILE:LINE:COLUMN: WHAT".
std::unexpected<Error> wrong(const YamlNode &node, const std::string &what);

// Fields into those places.
Field text_field(std::string_view name, std::string &to);
Field texts_field(std::string_view name, std::vector<std::string> &to);
Field flag_field(std::string_view name, bool &to);
Field number_field(std::string_view name, long long &to, long long least, long long most);
Field duration_field(std::string_view name, std::chrono::nanoseconds &to); // 0 keeps what is there, as in Kubernetes
Field map_field(std::string_view name, std::map<std::string, std::string> &to);
// One of those words.
Field word_field(std::string_view name, std::string &to, std::vector<std::string_view> words);
// An object of fields.
Field object_field(std::string_view name, std::vector<Field> fields);

// Reads every member of a mapping by the field of its name; `otherwise` has the others.
Status read_fields(const YamlNode &mapping, std::span<const Field> fields,
                   const std::function<Status(const std::string &name, const YamlNode &value)> &otherwise);

// "unknown field NAME", and which one was probably meant.
Error unknown_field(const YamlNode &value, const std::string &name, std::span<const std::string_view> known);

// Says nothing: no value, "", 0, a time of 0, false, an empty list, a mapping of such. What a program wrote that writes
// every field.
bool is_empty(const YamlNode &value);

} // namespace ballast::agent
