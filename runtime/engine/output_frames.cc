// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/output_frames.h"

#include <algorithm>

namespace ballast::engine {
namespace {

constexpr std::size_t kFrameHeader = 8; // stream, three zeros, length in big-endian order
constexpr char kErrors = 2;             // the stream

} // namespace

void OutputFrames::take(std::string_view bytes) {
    while (!bytes.empty()) {
        const bool in_header = left_ == 0;
        const std::size_t more = std::min(in_header ? kFrameHeader - header_.size() : left_, bytes.size());
        if (in_header) {
            header_.append(bytes.substr(0, more));
            begin();
        } else {
            to_(is_error_, bytes.substr(0, more));
            left_ -= more;
        }
        bytes.remove_prefix(more);
    }
}

void OutputFrames::begin() {
    if (header_.size() < kFrameHeader) {
        return;
    }
    is_error_ = header_[0] == kErrors;
    for (std::size_t byte = 4; byte < kFrameHeader; byte++) {
        left_ = left_ << 8U | static_cast<unsigned char>(header_[byte]);
    }
    header_.clear();
}

} // namespace ballast::engine
