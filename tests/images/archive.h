// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ctime>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tests/images/entry.h"

// Tar, ar and compression in memory. The one place that includes libarchive. What is written depends on the arguments
// alone: no clock, no names or ids of this machine.
namespace ballast::images {

enum class Compression { kNone, kGzip, kZstd };

// A pax archive of the entries in the order given, all with modification time `time`. Extended attributes are written
// as SCHILY.xattr records, which is what the OCI image specification's implementations read.
Result<std::string> write_tar(const std::vector<Entry> &entries, std::time_t time);

// The members of a tar archive under any compression. EINVAL when it is damaged or holds a device node.
Result<std::vector<Entry>> read_tar(std::string_view bytes);

// Gzip with a header without time and name, or zstd, or the bytes as they are.
Result<std::string> compress(std::string_view bytes, Compression compression);

// The one stream in `bytes`, under any compression or none.
Result<std::string> decompress(std::string_view bytes);

// The first member of an ar archive whose name begins with `prefix`. ENOENT when there is none.
Result<std::string> read_ar_member(std::string_view bytes, std::string_view prefix);

} // namespace ballast::images
