// SPDX-License-Identifier: Apache-2.0
#include "agent/upkeep/image_upkeep.h"

#include <algorithm>
#include <format>
#include <sys/statvfs.h>

#include "base/file_io.h"
#include "base/log.h"
#include "base/timestamp.h"

namespace ballast::agent {
namespace {

constexpr long long kAll = 100; // percent

} // namespace

bool ImageUpkeep::wanted() const {
    const UpkeepConfig &config = world_.options.config.upkeep;
    return config.image_high < kAll || config.image_most_age.count() > 0;
}

// As kubelet: what fails once may be a beginning.
void ImageUpkeep::tend(const std::stop_token &stop) {
    const Status done = remove_some(stop);
    if (!done.has_value() && failed_) {
        world_.note_node({.warning = true, .reason = "ImageGCFailed", .message = done.error().message});
    } else if (!done.has_value()) {
        log::notice("images: " + done.error().message + "; tried again");
    }
    failed_ = !done.has_value();
}

Status ImageUpkeep::remove_some(const std::stop_token &stop) {
    const std::int64_t now = now_ns();
    std::vector<Runtime::ImageOnNode> all = TRY(look(now));
    std::vector<Runtime::ImageOnNode> images = unused_images(*uses_, std::move(all), now);
    Freed freed;
    std::erase_if(images, [&](const Runtime::ImageOnNode &image) {
        const bool old = is_too_old(uses_->at(image.id), world_.options.config.upkeep.image_most_age, now);
        return old && !stop.stop_requested() && remove(image, "nobody has used it for long", freed);
    });
    const Status space = check_space(std::move(images), now, stop);
    TRY(keep());
    TRY(space);
    return freed.trouble.empty() ? Status() : fail(EBUSY, freed.trouble);
}

// Images first: one that a container gets meanwhile is seen to be in use.
Result<std::vector<Runtime::ImageOnNode>> ImageUpkeep::look(std::int64_t now) {
    if (!uses_) {
        uses_ = read_image_uses(read_file(file()).value_or("")); // there is none at first
    }
    std::vector<Runtime::ImageOnNode> images = TRY(world_.runtime.images());
    note_images(*uses_, images, TRY(world_.runtime.images_in_use()), now);
    return images;
}

Status ImageUpkeep::check_space(std::vector<Runtime::ImageOnNode> images, std::int64_t now,
                                const std::stop_token &stop) {
    const UpkeepConfig &config = world_.options.config.upkeep;
    const std::filesystem::path place = TRY(world_.runtime.image_files());
    struct statvfs disk{};
    if (::statvfs(place.c_str(), &disk) != 0) {
        return fail_errno("images: statvfs " + place.string());
    }
    const auto capacity = static_cast<std::int64_t>(disk.f_blocks * disk.f_frsize);
    if (capacity == 0) {
        const std::string what = "invalid capacity 0 on image filesystem";
        world_.note_node({.warning = true, .reason = "InvalidDiskCapacity", .message = what});
        return fail(EIO, what);
    }
    const auto available = static_cast<std::int64_t>(disk.f_bavail * disk.f_frsize);
    const std::int64_t wanted = bytes_to_free(capacity, available, config.image_high, config.image_low);
    Freed freed;
    for (const Runtime::ImageOnNode &image : images) {
        if (freed.bytes >= wanted || stop.stop_requested()) {
            break;
        }
        if (now - uses_->at(image.id).seen >= config.image_least_age.count()) {
            (void)remove(image, "the disk is full", freed); // what cannot be removed is told when it is missing
        }
    }
    if (freed.bytes >= wanted || stop.stop_requested()) {
        return {};
    }
    const std::string what =
        std::format("Failed to garbage collect required amount of images. Attempted to free {} bytes, but only found "
                    "{} bytes eligible to free.{}",
                    wanted, freed.bytes, freed.trouble.empty() ? "" : " " + freed.trouble);
    world_.note_node({.warning = true, .reason = "FreeDiskSpaceFailed", .message = what});
    return fail(ENOSPC, what);
}

bool ImageUpkeep::remove(const Runtime::ImageOnNode &image, const std::string &why, Freed &freed) {
    const std::string name = image.names.empty() ? image.id : image.names.front();
    if (const Status removed = world_.runtime.remove_image(image.id); !removed.has_value()) {
        freed.trouble = freed.trouble.empty() ? removed.error().message : freed.trouble;
        return false;
    }
    log::info("image " + name + " removed: " + why, {{"IMAGE", name}});
    uses_->erase(image.id);
    freed.bytes += image.size;
    return true;
}

Status ImageUpkeep::keep() const {
    TRY(make_directories(world_.options.root_directory));
    return replace_file(file(), image_uses_text(*uses_), 0600);
}

} // namespace ballast::agent
