// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "agent/cri_client/runtime.h"

// Which images go, as kubelet decides it. Times are nanoseconds since 1970.
namespace ballast::agent {

// What is known of an image besides what the runtime says.
struct ImageUse {
    std::int64_t seen = 0; // for the first time
    std::int64_t used = 0; // by a container, for the last time; 0: never
    bool operator==(const ImageUse &) const = default;
};
using ImageUses = std::map<std::string, ImageUse>; // by ID

// "ID SEEN USED" in every line; what is no such line is passed over.
ImageUses read_image_uses(const std::string &text);
std::string image_uses_text(const ImageUses &uses);

// Notes which are there and which of them are `in_use` (by ID or name); forgets the others.
void note_images(ImageUses &uses, const std::vector<Runtime::ImageOnNode> &images, const std::set<std::string> &in_use,
                 std::int64_t now);

// Those that may go, the one that was used longest ago first: neither pinned nor in use as of `now`.
std::vector<Runtime::ImageOnNode> unused_images(const ImageUses &uses, std::vector<Runtime::ImageOnNode> images,
                                                std::int64_t now);

// Bytes that are to become free so that no more than `low` percent are used; 0 while no more than `high` are.
std::int64_t bytes_to_free(std::int64_t capacity, std::int64_t available, long long high, long long low);

// Nobody used it for that long, or since it came.
bool is_too_old(const ImageUse &use, std::chrono::nanoseconds most_age, std::int64_t now);

} // namespace ballast::agent
