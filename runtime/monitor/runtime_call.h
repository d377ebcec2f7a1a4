// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace ballast::monitor {

// One execution of ballast-oci: a child whose --log is memory of ours.
class RuntimeCall {
  public:
    // stdin, stdout and stderr of the runtime; an open one that is missing is /dev/null, or for the last two a pipe of
    // ours, whose text stands in for a message that the log does not have.
    using Streams = std::array<Fd, 3>;
    // `runtime`: the program and its global options.
    static Result<RuntimeCall> start(const std::vector<std::string> &runtime, const std::vector<std::string> &words,
                                     Streams streams);

    pid_t pid() const { return pid_; }
    // What it said when it failed, one line; `output`: the container's stderr, where the runtime's went as well.
    std::string message(const Fd &output) const;

  private:
    RuntimeCall() = default;
    pid_t pid_ = -1;
    Fd log_, said_;
};

// The last line of a --log in text form whose level is error: its message, without quotes and escapes.
std::optional<std::string> logged_error(std::string_view log);

} // namespace ballast::monitor
