// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>

#include "base/result.h"

namespace CLI {
class App;
}

namespace ballast::image_build::release {

// Adds "release" with its subcommands to `app`. What comes back holds their options; once the command line is read it
// runs the one that was named, or is nothing when it was another command.
class Commands {
  public:
    explicit Commands(CLI::App &app);
    Commands(const Commands &) = delete;
    Commands &operator=(const Commands &) = delete;
    ~Commands();

    bool named() const;
    Status run() const;

  private:
    struct Options;
    CLI::App *release_;
    std::unique_ptr<Options> options_;
};

} // namespace ballast::image_build::release
