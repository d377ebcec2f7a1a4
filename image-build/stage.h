// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "base/result.h"

namespace ballast::image_build {

// What a person sees of a build: one line per stage with its duration; a progress bar while a long one runs on a
// terminal; on failure the place of the log.
class Stage {
  public:
    // `log` is where the stage's programs write; it is emptied here.
    Stage(std::string name, std::filesystem::path log);
    const std::filesystem::path &log() const { return log_; }
    // Draws "name [####    ] 40%" on a terminal, at most ten times a second; elsewhere nothing.
    void progress(std::uint64_t done, std::uint64_t total);
    void done(const std::string &note = {}); // "packages  12 s (237 packages)"
    // The error with the log's place added.
    Error failed(Error error);

  private:
    std::string name_;
    std::filesystem::path log_;
    std::chrono::steady_clock::time_point start_;
    std::chrono::steady_clock::time_point drawn_;
    bool terminal_;
};

// Runs `body` as a stage: its line when it ends well, its error with the log's place when not.
template <typename T>
Result<T> stage(const std::string &name, const std::filesystem::path &log_directory,
                const std::function<Result<T>(Stage &)> &body) {
    Stage current(name, log_directory / (name + ".log"));
    Result<T> result = body(current);
    if (!result.has_value()) {
        return std::unexpected(current.failed(std::move(result).error()));
    }
    current.done();
    return result;
}

} // namespace ballast::image_build
