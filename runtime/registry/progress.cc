// SPDX-License-Identifier: Apache-2.0
#include "runtime/registry/progress.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/quote.h"

namespace ballast::registry {
namespace {

constexpr std::chrono::milliseconds kBetweenBytes{100};

using Json = nlohmann::ordered_json;

std::string line_of(const Json &json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\r\n"; }

std::string padded(const std::string &size) {
    constexpr std::size_t kWidth = 8;
    return std::string(kWidth - std::min(size.size(), kWidth), ' ') + size;
}

// What dockerd draws for clients that do not draw themselves: a bar of 50 columns and the bytes.
std::string bar(std::uint64_t current, std::uint64_t total) {
    constexpr std::size_t kColumns = 50;
    if (total == 0) {
        return padded(human_size(current));
    }
    const double share = std::min(1.0, static_cast<double>(current) / static_cast<double>(total));
    const auto done = static_cast<std::size_t>(share * kColumns);
    const std::string text = "[" + std::string(done, '=') + ">" + std::string(kColumns - done, ' ') + "] ";
    return text + padded(human_size(current)) + (current <= total ? "/" + human_size(total) : "");
}

bool has_bytes(image::Stage stage) {
    using image::Stage;
    return stage == Stage::kDownloading || stage == Stage::kExtracting || stage == Stage::kPushing ||
           stage == Stage::kLoading;
}

} // namespace

std::string human_size(std::uint64_t bytes) {
    constexpr std::array<const char *, 7> kUnits{"B", "kB", "MB", "GB", "TB", "PB", "EB"};
    constexpr double kStep = 1000;
    auto size = static_cast<double>(bytes);
    std::size_t unit = 0;
    for (; size >= kStep && unit + 1 < kUnits.size(); ++unit) {
        size /= kStep;
    }
    std::array<char, 32> text{};
    (void)std::snprintf(text.data(), text.size(), "%.4g%s", size, kUnits[unit]); // cannot be longer
    return text.data();
}

std::string progress_line(const Progress &progress) {
    Json json = Json::object();
    if (!progress.status.empty()) {
        json["status"] = progress.status;
    }
    if (progress.is_step || !progress.aux.empty()) {
        Json detail = Json::object();
        if (progress.current > 0) {
            detail["current"] = progress.current;
        }
        if (progress.total > 0) {
            detail["total"] = progress.total;
        }
        if (!detail.empty()) {
            json["progressDetail"] = std::move(detail);
            json["progress"] = bar(progress.current, progress.total);
        } else {
            json["progressDetail"] = Json::object();
        }
    }
    if (!progress.id.empty()) {
        json["id"] = progress.id;
    }
    if (!progress.aux.empty()) {
        json["aux"] = Json::parse(progress.aux, nullptr, false);
    }
    return line_of(json);
}

std::string error_line(std::string_view message) {
    Json json = Json::object();
    json["errorDetail"] = Json{{"message", message}};
    json["error"] = message;
    return line_of(json);
}

void ProgressRelay::write(const Progress &progress) {
    if (output_) {
        output_(progress);
    }
}

ProgressRelay::Line &ProgressRelay::line(const image::Digest &layer) {
    Line &line = lines_[layer];
    if (line.id.empty()) {
        line.id = layer.shown();
    }
    return line;
}

void ProgressRelay::rename(const image::Digest &layer, const image::Digest &shown) {
    const std::lock_guard lock(mutex_);
    line(layer).id = shown.shown();
}

void ProgressRelay::layer(const image::Digest &layer, image::Stage stage, std::uint64_t current, std::uint64_t total) {
    const std::lock_guard lock(mutex_);
    Line &known = line(layer);
    const auto now = std::chrono::steady_clock::now();
    const bool is_same = known.stage == stage && known.told != std::chrono::steady_clock::time_point{};
    if (is_same && stage != image::Stage::kRetrying && (!has_bytes(stage) || now - known.told < kBetweenBytes)) {
        return;
    }
    known.stage = stage;
    known.told = now;
    Progress progress{.id = known.id, .status = std::string(image::stage_text(stage)), .is_step = true};
    if (stage == image::Stage::kRetrying) {
        progress.status = "Retrying in " + std::to_string(current) + (current == 1 ? " second" : " seconds");
    } else if (has_bytes(stage)) {
        progress.current = current;
        progress.total = total;
    }
    write(progress);
}

void ProgressRelay::say(const std::string &id, const std::string &text) {
    const std::lock_guard lock(mutex_);
    write({.id = id, .status = text});
}

void ProgressRelay::step(const image::Digest &layer, const std::string &text) {
    const std::lock_guard lock(mutex_);
    write({.id = line(layer).id, .status = text, .is_step = true});
}

void ProgressRelay::aux(const std::string &json) {
    const std::lock_guard lock(mutex_);
    write({.aux = json});
}

} // namespace ballast::registry
