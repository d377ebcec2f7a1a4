// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "base/result.h"

namespace ballast::network {

// nft(8) as a library, in the network namespace of the thread that opened it. The one place that includes libnftables.
// Not for several threads at a time.
class Nftables {
  public:
    static Result<Nftables> open();
    Nftables(Nftables &&other) noexcept;
    Nftables &operator=(Nftables &&other) noexcept;
    ~Nftables();

    // All of the commands or none. The error is the library's first line.
    Status run(const std::string &commands);

  private:
    struct Context;
    explicit Nftables(std::unique_ptr<Context> context);
    std::unique_ptr<Context> context_;
};

} // namespace ballast::network
