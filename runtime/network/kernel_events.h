// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace ballast::network {

// Hears of links that go away and of nftables that others change.
class KernelEvents {
  public:
    static Result<KernelEvents> open();
    KernelEvents(KernelEvents &&other) noexcept;
    KernelEvents &operator=(KernelEvents &&other) noexcept;
    ~KernelEvents();

    BorrowedFd links() const;
    BorrowedFd tables() const;
    // Names of links that are gone since the last call. Nothing: too many to tell them all.
    std::optional<std::vector<std::string>> take_links();
    // Whether a part of the table `name` was taken away since the last call, other than elements by us; true when that
    // is not known.
    bool take_tables(const std::string &name);

  private:
    struct Sockets;
    explicit KernelEvents(std::unique_ptr<Sockets> sockets);
    std::unique_ptr<Sockets> sockets_;
};

} // namespace ballast::network
