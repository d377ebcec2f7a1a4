// SPDX-License-Identifier: Apache-2.0
#include "agent/logs/gzip.h"

#include <array>
#include <memory>
#include <unistd.h>
#include <zlib.h>

namespace ballast::agent {
namespace {

constexpr std::size_t kBlock = 64UL << 10;

std::unexpected<Error> failed(gzFile file) {
    int code = 0;
    const char *text = gzerror(file, &code);
    return code == Z_ERRNO ? fail_errno("compress") : fail(EIO, std::string("compress: ") + text);
}

} // namespace

Status gzip(BorrowedFd from, BorrowedFd to) {
    const int copy = ::dup(to.get()); // gzclose() closes it
    if (copy < 0) {
        return fail_errno("dup");
    }
    gzFile file = gzdopen(copy, "wb");
    if (file == nullptr) {
        (void)::close(copy);
        return fail(ENOMEM, "compress");
    }
    std::array<char, kBlock> block{};
    while (true) {
        const ssize_t got = ::read(from.get(), block.data(), block.size());
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            const Status read = got == 0 ? Status() : Status(fail_errno("read"));
            return gzclose(file) == Z_OK || !read.has_value() ? read : fail_errno("compress");
        }
        if (gzwrite(file, block.data(), static_cast<unsigned>(got)) != got) {
            const Status wrote = failed(file);
            (void)gzclose(file); // it has failed before
            return wrote;
        }
    }
}

} // namespace ballast::agent
