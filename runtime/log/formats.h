// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "runtime/log/line.h"
#include "runtime/log/settings.h"

// How lines become the bytes of log files.
namespace ballast::container_log {

// Docker's json-file: {"log":"text\n","stream":"stdout","attrs":{…},"time":"…"} and a line end. What is not UTF-8
// becomes U+FFFD. `attributes`: json_attributes(), or empty.
void append_json_line(std::string &to, const Line &line, std::string_view attributes);
// "attrs":{…}, of the pairs; empty when there are none.
std::string json_attributes(const Pairs &attributes);

// The kubelet's: "TIME stdout F text", P in place of F when the line goes on.
void append_cri_line(std::string &to, const Line &line);

// `local`: a record of our own that can be read from both ends: size (32 bits, big-endian) of what follows up to the
// second size; stream, flags (1: ended), time (64 bits), part (32 bits), text; size again.
void append_local_record(std::string &to, const Line &line);
inline constexpr std::size_t kLocalHeader = 14; // between the size and the text
inline constexpr std::size_t kLargestLocalRecord = kLocalHeader + kLongestLine;

} // namespace ballast::container_log
