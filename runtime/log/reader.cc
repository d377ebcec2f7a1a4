// SPDX-License-Identifier: Apache-2.0
#include "runtime/log/reader.h"

#include "runtime/log/decode.h"
#include "runtime/log/readers.h"

namespace ballast::container_log {

Result<std::unique_ptr<Reader>> Reader::open(const Source &source, const Selection &selection) {
    if (const Decode decode = decoder_of(source.driver)) {
        return open_file_reader(source, selection, decode);
    }
    if (source.driver == "journald") {
        return open_journal_reader(source, selection);
    }
    return fail(EINVAL, "configured logging driver does not support reading");
}

} // namespace ballast::container_log
