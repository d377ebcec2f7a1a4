// SPDX-License-Identifier: Apache-2.0
#include "base/positioned_io.h"

#include <cerrno>
#include <unistd.h>

namespace ballast {

Result<std::string> read_at(BorrowedFd file, std::uint64_t offset, std::size_t size, const std::string &what) {
    std::string bytes(size, '\0');
    std::size_t have = 0;
    while (have < size) {
        const ssize_t count = ::pread(file.get(), bytes.data() + have, size - have, static_cast<off_t>(offset + have));
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count < 0) {
            return fail_errno(what);
        }
        if (count == 0) {
            break;
        }
        have += static_cast<std::size_t>(count);
    }
    bytes.resize(have);
    return bytes;
}

Status write_at(BorrowedFd file, std::uint64_t offset, std::string_view bytes, const std::string &what) {
    while (!bytes.empty()) {
        const ssize_t count = ::pwrite(file.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count <= 0) {
            return count < 0 ? fail_errno(what) : fail(EIO, what + ": nothing is taken");
        }
        bytes.remove_prefix(static_cast<std::size_t>(count));
        offset += static_cast<std::uint64_t>(count);
    }
    return {};
}

} // namespace ballast
