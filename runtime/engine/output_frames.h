// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace ballast::engine {

// Takes apart what comes from a stream of a program without a terminal: Docker's frames of standard output and errors.
class OutputFrames {
  public:
    using Take = std::function<void(bool is_error, std::string_view text)>;
    explicit OutputFrames(Take to) : to_(std::move(to)) {}

    // Frames may come in any pieces, and are handed on as they come.
    void take(std::string_view bytes);

  private:
    void begin();

    Take to_;
    std::string header_;
    std::size_t left_ = 0; // of the frame's text
    bool is_error_ = false;
};

} // namespace ballast::engine
