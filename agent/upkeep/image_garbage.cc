// SPDX-License-Identifier: Apache-2.0
#include "agent/upkeep/image_garbage.h"

#include <algorithm>
#include <sstream>
#include <tuple>

namespace ballast::agent {
namespace {

ImageUse use_of(const ImageUses &uses, const Runtime::ImageOnNode &image) {
    const auto found = uses.find(image.id);
    return found == uses.end() ? ImageUse() : found->second;
}

bool is_used(const Runtime::ImageOnNode &image, const std::set<std::string> &in_use) {
    return in_use.contains(image.id) ||
           std::ranges::any_of(image.names, [&](const std::string &name) { return in_use.contains(name); });
}

} // namespace

ImageUses read_image_uses(const std::string &text) {
    ImageUses uses;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::string id;
        ImageUse use;
        if (words >> id >> use.seen >> use.used) {
            uses.insert_or_assign(id, use);
        }
    }
    return uses;
}

std::string image_uses_text(const ImageUses &uses) {
    std::string text;
    for (const auto &[id, use] : uses) {
        text += id + " " + std::to_string(use.seen) + " " + std::to_string(use.used) + "\n";
    }
    return text;
}

void note_images(ImageUses &uses, const std::vector<Runtime::ImageOnNode> &images, const std::set<std::string> &in_use,
                 std::int64_t now) {
    std::erase_if(uses, [&](const auto &entry) {
        return !std::ranges::contains(images, entry.first, &Runtime::ImageOnNode::id);
    });
    for (const Runtime::ImageOnNode &image : images) {
        ImageUse &use = uses.try_emplace(image.id, ImageUse{.seen = now}).first->second;
        use.seen = std::min(use.seen, now); // a clock that was set back
        use.used = is_used(image, in_use) ? now : std::min(use.used, now - 1);
    }
}

std::vector<Runtime::ImageOnNode> unused_images(const ImageUses &uses, std::vector<Runtime::ImageOnNode> images,
                                                std::int64_t now) {
    std::erase_if(images, [&](const Runtime::ImageOnNode &image) {
        return image.pinned || !uses.contains(image.id) || use_of(uses, image).used >= now;
    });
    std::ranges::stable_sort(images, {}, [&](const Runtime::ImageOnNode &image) {
        const ImageUse use = use_of(uses, image);
        return std::tuple(use.used, use.seen);
    });
    return images;
}

std::int64_t bytes_to_free(std::int64_t capacity, std::int64_t available, long long high, long long low) {
    constexpr std::int64_t kAll = 100;
    const std::int64_t part = capacity / kAll; // no product can overflow
    const std::int64_t free = std::clamp<std::int64_t>(available, 0, capacity);
    const std::int64_t used = part == 0 ? kAll : kAll - free / part;
    return used < high ? 0 : std::max<std::int64_t>(part * (kAll - low) - free, 0);
}

bool is_too_old(const ImageUse &use, std::chrono::nanoseconds most_age, std::int64_t now) {
    return most_age.count() > 0 && now - std::max(use.used, use.seen) > most_age.count();
}

} // namespace ballast::agent
