// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/fd.h"
#include "base/result.h"

namespace ballast::monitor {

// The socket that ballast-oci sends a terminal to. Its name is gone with it.
class ConsoleListener {
  public:
    static Result<ConsoleListener> create(const std::string &path);
    ConsoleListener(ConsoleListener &&other) noexcept = default;
    ConsoleListener &operator=(ConsoleListener &&other) noexcept = default;
    ~ConsoleListener();

    const std::string &path() const { return path_; }
    // The terminal's master side, once the runtime has sent it and ended.
    Result<Fd> receive() const;

  private:
    ConsoleListener(Fd socket, std::string path) : socket_(std::move(socket)), path_(std::move(path)) {}
    Fd socket_;
    std::string path_;
};

// A listening socket with mode 0600 at `path`; one that is there already is replaced.
Result<Fd> listen_at(const std::string &path);

} // namespace ballast::monitor
