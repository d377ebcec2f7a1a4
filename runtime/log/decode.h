// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "runtime/log/reader.h"

// From the bytes of log files back to entries.
namespace ballast::container_log {

// What stands at the start of `bytes`: `size` bytes of it were used. 0: it is not whole yet. An entry that makes no
// sense is used up and not `good`.
struct Decoded {
    std::size_t size = 0;
    bool good = false;
};
using Decode = Decoded (*)(std::string_view bytes, Entry &entry);

Decoded decode_json_line(std::string_view bytes, Entry &entry); // `starts` is left to the caller
Decoded decode_cri_line(std::string_view bytes, Entry &entry);  // the same
// One that makes no sense uses up everything: where the next one starts cannot be known.
Decoded decode_local_record(std::string_view bytes, Entry &entry);

// nullptr: the driver has no files that can be read.
Decode decoder_of(std::string_view driver);

} // namespace ballast::container_log
