// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <list>
#include <memory>
#include <mutex>
#include <stop_token>
#include <thread>

#include "base/fd.h"
#include "base/result.h"

namespace ballast::http {

// For handlers that block in something else than their connection: one thread that watches many sockets and asks a
// handler to stop when its client hangs up, or the server stops.
class HangupWatch {
  private:
    struct Entry {
        int socket;
        std::stop_source source;
    };

  public:
    // `stop_event`, readable once everything is to stop, outlives it.
    static Result<std::unique_ptr<HangupWatch>> start(BorrowedFd stop_event);
    ~HangupWatch();
    HangupWatch(const HangupWatch &) = delete;
    HangupWatch &operator=(const HangupWatch &) = delete;

    // While it lives, its socket is watched.
    class Watched {
      public:
        ~Watched();
        Watched(const Watched &) = delete;
        Watched &operator=(const Watched &) = delete;
        std::stop_token token() const { return entry_->source.get_token(); }

      private:
        friend class HangupWatch;
        Watched(HangupWatch &watch, std::list<Entry>::iterator entry) : watch_(watch), entry_(entry) {}
        HangupWatch &watch_;
        std::list<Entry>::iterator entry_;
    };
    Watched watch(BorrowedFd socket);

  private:
    HangupWatch(BorrowedFd stop_event, Fd wake) : stop_event_(stop_event), wake_(std::move(wake)) {}
    void run(const std::stop_token &ended);
    void look_at_sockets(const std::stop_token &ended);
    void wake() const;

    BorrowedFd stop_event_;
    Fd wake_;
    std::mutex mutex_;
    std::list<Entry> entries_;
    std::jthread thread_; // last: it ends before what it uses
};

} // namespace ballast::http
