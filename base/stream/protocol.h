// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"

namespace ballast::stream {

// One side of a protocol without its socket: bytes in, bytes out.
class Protocol {
  public:
    virtual ~Protocol() = default;
    // EPROTO, EFBIG: close the connection once the output was sent.
    virtual Status feed(std::string_view bytes) = 0;
    virtual std::string take_output() = 0;
    virtual std::size_t waiting() const = 0; // bytes of output: above some size, give it no more to send
    virtual void ping() = 0;
};

} // namespace ballast::stream
