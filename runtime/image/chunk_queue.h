// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

#include "base/result.h"

namespace ballast::image {

// A few chunks of bytes between a thread that makes them and one that uses them; whoever is faster waits.
class ChunkQueue {
  public:
    static constexpr std::size_t kChunk = 512UL << 10;
    static constexpr std::size_t kMostChunks = 4;

    // A chunk that was used up, so that memory is not taken for each.
    std::vector<char> spare() {
        const std::lock_guard lock(mutex_);
        if (spares_.empty()) {
            return {};
        }
        std::vector<char> chunk = std::move(spares_.back());
        spares_.pop_back();
        return chunk;
    }

    // False: the reader wants no more.
    bool push(std::vector<char> chunk) {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return closed_ || chunks_.size() < kMostChunks; });
        if (!closed_) {
            chunks_.push_back(std::move(chunk));
            changed_.notify_all();
        }
        return !closed_;
    }

    // Nothing more comes, for this reason when it is one.
    void end(Status status) {
        const std::lock_guard lock(mutex_);
        ended_ = true;
        status_ = std::move(status);
        changed_.notify_all();
    }

    void close() {
        const std::lock_guard lock(mutex_);
        closed_ = true;
        changed_.notify_all();
    }

    // As ByteSource, for one thread.
    Result<std::size_t> read(std::span<char> into) {
        if (position_ == current_.size() && !TRY(pop())) {
            return 0UL;
        }
        const std::size_t size = std::min(into.size(), current_.size() - position_);
        std::memcpy(into.data(), current_.data() + position_, size);
        position_ += size;
        return size;
    }

    // Uses up the rest.
    Status drain() {
        while (TRY(pop())) {
        }
        return {};
    }

  private:
    Result<bool> pop() {
        std::unique_lock lock(mutex_);
        if (current_.capacity() > 0) {
            spares_.push_back(std::exchange(current_, {}));
        }
        position_ = 0;
        changed_.wait(lock, [&] { return ended_ || !chunks_.empty(); });
        if (chunks_.empty()) {
            if (!status_.has_value()) {
                return std::unexpected(status_.error());
            }
            return false;
        }
        current_ = std::move(chunks_.front());
        chunks_.pop_front();
        changed_.notify_all();
        return true;
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::vector<char>> chunks_;
    std::vector<std::vector<char>> spares_;
    bool ended_ = false;
    bool closed_ = false;
    Status status_;
    std::vector<char> current_; // the reader's own
    std::size_t position_ = 0;
};

} // namespace ballast::image
