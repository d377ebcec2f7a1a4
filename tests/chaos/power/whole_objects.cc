// SPDX-License-Identifier: Apache-2.0
#include "tests/chaos/power/whole_objects.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <span>
#include <sys/ioctl.h>

#include "base/digest.h"
#include "base/fd.h"
#include "base/file_io.h"
#include "base/lines.h"
#include "base/subprocess.h"

namespace ballast::power {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostExtents = 64; // asked for at a time

Result<std::string> list(const fs::path &repository) {
    std::vector<std::string> lines =
        lines_of(TRY(run_checked({.arguments = {"find", "objects", "-type", "d", "-printf", "%p %y %m\\n", "-o",
                                                "-printf", "%p %y %i %m %U %G %s %C@ %l\\n"},
                                  .directory = repository})));
    std::ranges::sort(lines);
    std::string all;
    for (const std::string &line : lines) {
        all += line + '\n';
    }
    return sha256(all);
}

// Linux, Documentation/filesystems/fiemap.rst
Status add_places(const fs::path &file, std::uint64_t offset, std::vector<Range> &places) {
    const Fd opened = TRY(open_file(file, O_RDONLY | O_NOFOLLOW));
    alignas(fiemap) std::array<char, sizeof(fiemap) + kMostExtents * sizeof(fiemap_extent)> memory{};
    auto *map = reinterpret_cast<fiemap *>(memory.data());
    for (bool last = false; !last;) {
        map->fm_length = FIEMAP_MAX_OFFSET - map->fm_start;
        map->fm_extent_count = kMostExtents;
        if (::ioctl(opened.get(), FS_IOC_FIEMAP, map) != 0) {
            return fail_errno("ask where " + file.string() + " lies");
        }
        last = map->fm_mapped_extents == 0;
        for (const fiemap_extent &extent : std::span(map->fm_extents, map->fm_mapped_extents)) {
            places.push_back({offset + extent.fe_physical, extent.fe_length});
            map->fm_start = extent.fe_logical + extent.fe_length;
            last = last || (extent.fe_flags & FIEMAP_EXTENT_LAST) != 0;
        }
    }
    return {};
}

} // namespace

Result<WholeObjects> WholeObjects::of(const fs::path &repository, std::uint64_t offset) {
    WholeObjects objects;
    objects.listing_ = TRY(list(repository));
    std::error_code error;
    for (fs::recursive_directory_iterator file(repository / "objects", error), end; file != end && !error;
         file.increment(error)) {
        if (file->symlink_status().type() == fs::file_type::regular) {
            TRY(add_places(file->path(), offset, objects.places_));
        }
    }
    if (error) {
        return fail(error.value(), "walk through " + repository.string());
    }
    std::ranges::sort(objects.places_, {}, &Range::offset);
    return objects;
}

Result<bool> WholeObjects::are_left_alone(const fs::path &repository, const std::vector<Range> &written) const {
    const bool hit = std::ranges::any_of(written, [this](const Range &range) {
        // The first that ends behind its beginning; they do not overlap.
        const auto place = std::ranges::partition_point(
            places_, [&](const Range &candidate) { return candidate.offset + candidate.size <= range.offset; });
        return place != places_.end() && place->offset < range.offset + range.size;
    });
    return !hit && TRY(list(repository)) == listing_;
}

} // namespace ballast::power
