// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

// Strict reading of our own configuration, YAML or JSON: unknown keys, wrong types and missing values are errors that
// name file, line, column and key. The one place that includes yaml-cpp.
namespace ballast {

// Of YAML we take the part that reads the same to everybody: booleans are true and false, integers are decimal, a plain
// scalar's text is a string as it stands; one document a file, keys are scalars and unique. An empty value is no value.
// A node of a parsed document that knows where it stands. Cheap to copy.
class YamlNode {
  public:
    // EINVAL with "FILE:LINE:COLUMN: what" when it does not parse, ENOENT when the file is missing.
    static Result<YamlNode> load(const std::filesystem::path &file);
    static Result<YamlNode> parse(const std::string &text, const std::string &name_in_messages);

    // Fails on the first key of this mapping that is not in `known`; the message lists the known ones.
    Status allow_only(std::initializer_list<std::string_view> known) const;

    bool has(std::string_view key) const;
    Result<YamlNode> at(std::string_view key) const; // EINVAL when missing
    Result<std::string> string(std::string_view key) const;
    Result<std::string> string_or(std::string_view key, std::string fallback) const;
    Result<bool> boolean_or(std::string_view key, bool fallback) const;
    Result<long long> integer_or(std::string_view key, long long fallback, long long least, long long most) const;
    // A sequence of strings; empty when the key is missing.
    Result<std::vector<std::string>> strings_or_empty(std::string_view key) const;

    // This node itself.
    Result<std::string> as_string() const;
    Result<std::vector<YamlNode>> items() const;                           // must be a sequence
    Result<std::vector<std::pair<std::string, YamlNode>>> members() const; // must be a mapping; document order

    // This node as JSON (RFC 8259), for formats that are JSON and may be written as YAML: plain scalars that look like
    // numbers, true or false are those, a whole number with a leading zero is octal, as Kubernetes reads it. Members
    // are sorted by name. EFBIG when it is longer than `largest` bytes: aliases multiply.
    Result<std::string> json(std::size_t largest = 8UL << 20) const;

    // "os/manifest.yaml:12:3" (line and column from 1), for the caller's own messages.
    std::string where() const;

  private:
    struct Data;
    explicit YamlNode(std::shared_ptr<const Data> data) : data_(std::move(data)) {}
    std::shared_ptr<const Data> data_;
};

} // namespace ballast
