// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "runtime/log/decode.h"
#include "runtime/log/reader.h"

// The readers, for Reader::open().
namespace ballast::container_log {

Result<std::unique_ptr<Reader>> open_file_reader(const Source &source, const Selection &selection, Decode decode);
Result<std::unique_ptr<Reader>> open_journal_reader(const Source &source, const Selection &selection);

} // namespace ballast::container_log
