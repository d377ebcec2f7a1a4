// SPDX-License-Identifier: Apache-2.0
#include "base/directory_names.h"

#include <algorithm>
#include <dirent.h>
#include <fcntl.h>
#include <memory>

namespace ballast {

Result<std::vector<std::string>> names_in(BorrowedFd directory) {
    Fd again(::openat(directory.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)); // with an offset of its own
    const std::unique_ptr<DIR, int (*)(DIR *)> listing(again.is_open() ? ::fdopendir(again.get()) : nullptr,
                                                       &::closedir);
    if (!listing) {
        return fail_errno("list directory");
    }
    (void)again.release(); // the listing closes it
    std::vector<std::string> names;
    while (true) {
        errno = 0;
        const dirent *found = ::readdir(listing.get()); // NOLINT(concurrency-mt-unsafe): the listing is ours alone
        if (found == nullptr) {
            break;
        }
        if (const std::string_view name = found->d_name; name != "." && name != "..") {
            names.emplace_back(name);
        }
    }
    if (errno != 0) {
        return fail_errno("list directory");
    }
    std::ranges::sort(names);
    return names;
}

} // namespace ballast
