// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "runtime/image/progress.h"

// What a client of the Engine API is told while images move: a stream of JSON objects, one a line, which the docker
// command draws.
namespace ballast::registry {

struct Progress {
    std::string id = {};     // of the line that it is about: 12 digits of a layer, a tag, or nothing
    std::string status = {}; // "Downloading"
    bool is_step = false;    // of a line that changes: has "progressDetail", empty unless `current` or `total` is set
    std::uint64_t current = 0, total = 0; // bytes
    std::string aux = {};                 // JSON for programs, in place of a status
};
using ProgressOutput = std::function<void(const Progress &)>; // called from several threads, one at a time

// {"status":…,"progressDetail":{…},"progress":"[==> ] 1MB/2MB","id":…} and CR LF, as dockerd writes it.
std::string progress_line(const Progress &progress);
// {"errorDetail":{"message":…},"error":…} and CR LF: how a stream says that it failed after it began.
std::string error_line(std::string_view message);
// 1536 is "1.536kB", as go-units has it.
std::string human_size(std::uint64_t bytes);

// Progress of layers for a client: each layer under a name of 12 digits. Bytes are told at most ten times a second and
// layer, everything else once and at once. Thread-safe; calls `output` one at a time. An empty output hears nothing.
class ProgressRelay final : public image::ProgressSink {
  public:
    explicit ProgressRelay(ProgressOutput output) : output_(std::move(output)) {}

    void layer(const image::Digest &layer, image::Stage stage, std::uint64_t current, std::uint64_t total) override;
    void message(std::string_view text) override { say("", std::string(text)); }

    // Shows a layer under another digest's digits from now on: pushes name layers by their diff ids.
    void rename(const image::Digest &layer, const image::Digest &shown);
    void say(const std::string &id, const std::string &text);       // "latest: Pulling from library/busybox"
    void step(const image::Digest &layer, const std::string &text); // "Mounted from library/busybox"
    void aux(const std::string &json);

  private:
    struct Line {
        std::string id;
        image::Stage stage = image::Stage::kPulling;
        std::chrono::steady_clock::time_point told = {};
    };
    void write(const Progress &progress);
    Line &line(const image::Digest &layer);

    ProgressOutput output_;
    std::mutex mutex_;
    std::map<image::Digest, Line> lines_;
};

} // namespace ballast::registry
