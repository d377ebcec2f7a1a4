// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "runtime/image/digest.h"
#include "runtime/image/platform.h"

// An image's configuration (image specification, config.md, and Docker's additions to it): what a container of it runs,
// and which layers it is made of. Its digest is the image's id.
namespace ballast::image {

inline constexpr std::uint64_t kLargestConfig = 4UL << 20; // bytes

// Docker's health check; durations in nanoseconds, 0: the default.
struct Healthcheck {
    std::vector<std::string> test = {}; // {"NONE"}, {"CMD", …}, {"CMD-SHELL", "…"}; empty: inherit
    std::int64_t interval = 0;
    std::int64_t timeout = 0;
    std::int64_t start_period = 0;
    std::int64_t start_interval = 0;
    std::int64_t retries = 0;

    bool operator==(const Healthcheck &) const = default;
};

// The "config" member: what a container gets unless its creator says otherwise. Absent lists and empty ones differ.
struct RunConfig {
    std::string user = {};
    std::set<std::string> exposed_ports = {}; // "80/tcp"
    std::vector<std::string> env = {};        // "NAME=VALUE"
    std::optional<std::vector<std::string>> entrypoint = {};
    std::optional<std::vector<std::string>> cmd = {};
    std::set<std::string> volumes = {}; // paths in the container
    std::string working_dir = {};
    std::map<std::string, std::string> labels = {};
    std::string stop_signal = {};
    std::optional<std::int64_t> stop_timeout = {}; // seconds
    std::optional<Healthcheck> healthcheck = {};
    std::vector<std::string> on_build = {};
    std::vector<std::string> shell = {};
    bool args_escaped = false;

    bool operator==(const RunConfig &) const = default;
};

struct HistoryEntry {
    std::string created = {}; // RFC 3339, or empty
    std::string created_by = {};
    std::string author = {};
    std::string comment = {};
    bool empty_layer = false;

    bool operator==(const HistoryEntry &) const = default;
};

struct ImageConfig {
    std::string created = {}; // RFC 3339, or empty
    std::string author = {};
    std::string comment = {};
    std::string docker_version = {};
    Platform platform = {};
    RunConfig config = {};
    std::vector<Digest> diff_ids = {}; // lowest first
    std::vector<HistoryEntry> history = {};

    // One for each layer, lowest first; the last one names the whole stack.
    std::vector<Digest> chain_ids() const;
};

// EINVAL with "NAME: PLACE: PROBLEM", EFBIG beyond kLargestConfig or kMostLayers.
Result<ImageConfig> parse_image_config(std::string_view text, const std::string &name);

// As text, equal for equal input.
std::string image_config_text(const ImageConfig &config);

// Seconds since 1970 of a time in RFC 3339, as images have it; 0 when it does not read.
std::int64_t seconds_of(std::string_view created);

} // namespace ballast::image
