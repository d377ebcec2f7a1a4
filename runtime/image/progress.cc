// SPDX-License-Identifier: Apache-2.0
#include "runtime/image/progress.h"

namespace ballast::image {

std::string_view stage_text(Stage stage) {
    switch (stage) {
    case Stage::kPulling:
        return "Pulling fs layer";
    case Stage::kWaiting:
        return "Waiting";
    case Stage::kDownloading:
        return "Downloading";
    case Stage::kVerifying:
        return "Verifying Checksum";
    case Stage::kDownloaded:
        return "Download complete";
    case Stage::kExtracting:
        return "Extracting";
    case Stage::kComplete:
        return "Pull complete";
    case Stage::kExists:
        return "Already exists";
    case Stage::kLoading:
        return "Loading layer";
    case Stage::kPushing:
        return "Pushing";
    case Stage::kPushed:
        return "Pushed";
    case Stage::kPushExists:
        return "Layer already exists";
    case Stage::kRetrying:
        return "Retrying";
    }
    return "";
}

} // namespace ballast::image
