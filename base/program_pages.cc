// SPDX-License-Identifier: Apache-2.0
#include "base/program_pages.h"

#include <cstddef>
#include <cstdint>
#include <link.h>
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

namespace ballast {
namespace {

int give_back(dl_phdr_info *object, std::size_t, void *) {
    const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
    for (std::size_t i = 0; i < object->dlpi_phnum; ++i) {
        const ElfW(Phdr) &part = object->dlpi_phdr[i];
        if (part.p_type != PT_LOAD || (part.p_flags & PF_W) != 0) {
            continue;
        }
        const std::uintptr_t start = (object->dlpi_addr + part.p_vaddr) / page * page;
        const std::uintptr_t end = object->dlpi_addr + part.p_vaddr + part.p_memsz;
        // Never written to, so the file has all of it. Where that is refused the pages simply stay.
        (void)madvise(reinterpret_cast<void *>(start), end - start, MADV_DONTNEED);
    }
    return 0; // the next one
}

} // namespace

void give_back_pages() {
    (void)malloc_trim(0); // nothing to give back is as good
    (void)dl_iterate_phdr(give_back, nullptr);
}

} // namespace ballast
