// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

#include "runtime/image/digest.h"

namespace ballast::image {

// What happens to a layer, in the order in which it happens.
enum class Stage : std::uint8_t {
    kPulling,     // "Pulling fs layer"
    kWaiting,     // "Waiting"
    kDownloading, // "Downloading", with bytes
    kVerifying,   // "Verifying Checksum"
    kDownloaded,  // "Download complete"
    kExtracting,  // "Extracting", with bytes of the transferred form
    kComplete,    // "Pull complete"
    kExists,      // "Already exists"
    kLoading,     // "Loading layer", with bytes
    kPushing,     // "Pushing", with bytes
    kPushed,      // "Pushed"
    kPushExists,  // "Layer already exists"
    kRetrying,    // "Retrying in N seconds", `current` seconds
};

// As the docker client writes it.
std::string_view stage_text(Stage stage);

// Hears of progress, from any thread, and not more often than a client can draw. Must not call back into the store.
class ProgressSink {
  public:
    virtual ~ProgressSink() = default;
    // `layer` is the blob's digest (the diff id in `load`). `total` 0: unknown.
    virtual void layer(const Digest &layer, Stage stage, std::uint64_t current, std::uint64_t total) = 0;
    // A line of text: "Digest: sha256:…".
    virtual void message(std::string_view text) = 0;
};

} // namespace ballast::image
