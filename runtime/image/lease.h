// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "runtime/image/digest.h"

namespace ballast::image {

struct LeaseHeld;
class StoreState;

// Keeps what it names from the garbage collection while somebody works with it: blobs by their digest, layers by their
// chain id. Move-only; lets go on destruction. The store must outlive it.
class Lease {
  public:
    Lease(Lease &&) noexcept;
    Lease &operator=(Lease &&) noexcept;
    Lease(const Lease &) = delete;
    Lease &operator=(const Lease &) = delete;
    ~Lease();
    // From now on, whether it is there yet or not.
    void keep(const Digest &blob_or_chain);

  private:
    friend class StoreState;
    explicit Lease(std::unique_ptr<LeaseHeld> held);
    std::unique_ptr<LeaseHeld> held_;
};

} // namespace ballast::image
