// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>

#include "updater/ostree.h"

namespace ballast::updater::cli {

// One line of a download: "1.20260701.0  [#####     ]  51%  120 MiB of 240 MiB  8.1 MiB/s". Pure.
std::string progress_line(const std::string &version, const PullProgress &progress, std::size_t columns);

// Progress on stderr: a bar that moves on a terminal, a plain line now and then for logs.
class Progress {
  public:
    Progress();
    void show(const std::string &version, const PullProgress &progress);
    void finish(); // the bar stands, and what follows begins a new line

  private:
    bool terminal_;
    bool shown_ = false;
    std::chrono::steady_clock::time_point last_;
};

} // namespace ballast::updater::cli
