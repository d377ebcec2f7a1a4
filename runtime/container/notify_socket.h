// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

#include "base/fd.h"
#include "base/result.h"
#include "runtime/container/state.h"
#include "runtime/oci/spec.h"

// sd_notify(3) out of a container. Whoever starts the runtime with NOTIFY_SOCKET=PATH wants to know when the
// container's program is ready. The program gets a directory at PATH and NOTIFY_SOCKET=PATH/notify; `run` and `start`
// listen there, pass READY=1 on to the caller's socket, and return only then. Nothing else is passed on: the main
// process of the caller's service is the caller's affair.
namespace ballast::container {

// $NOTIFY_SOCKET; empty when it is not set or is no absolute path: an abstract socket has no place in a file system.
std::string caller_notify_socket();

// The directory beside a container's record that is bound at PATH.
std::filesystem::path notify_directory(const std::filesystem::path &root, const std::string &id);

// Adds the mount and the variable to what config.json says.
void add_notify(oci::Spec &spec, const std::string &path, const std::filesystem::path &directory);

class NotifySocket {
  public:
    // Not open when the container's record names no caller's socket. The directory is made by make_directory().
    static Result<NotifySocket> listen(const ContainerDir &directory, const State &state);
    static Status make_directory(const ContainerDir &directory);

    bool is_open() const { return fd_.is_open(); }
    BorrowedFd fd() const { return fd_; }
    // Reads one message. Once that is READY=1 it is passed on, and the socket closed.
    void relay();
    // Until READY=1 was passed on or the process of `pidfd` has ended.
    Status wait(BorrowedFd pidfd);

  private:
    Fd fd_;
    std::string to_;
};

} // namespace ballast::container
