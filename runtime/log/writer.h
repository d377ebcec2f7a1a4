// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "runtime/log/line.h"
#include "runtime/log/settings.h"

// Where a container's lines go, for a program with one thread. Nothing here makes the container wait for long or end:
// what cannot be written is counted and lost, and that is said once when it begins and once when it is over.
namespace ballast::container_log {

// Told around each write to a file, so that a monitor that takes over finds out how much of it took place. `size`: of
// the file before it.
class WriteObserver {
  public:
    virtual ~WriteObserver() = default;
    virtual void before_write(std::uint64_t size) = 0;
    virtual void after_write() = 0;
};

class Writer {
  public:
    // EINVAL for options that check_log_options() refuses; otherwise what docker calls "failed to initialize logging
    // driver". Waits up to 5 s for a syslog server.
    static Result<std::unique_ptr<Writer>> open(const WriterSettings &settings);
    virtual ~Writer() = default;

    // Adds a line to what flush() writes; may write what was added before.
    virtual void add(const Line &line, WriteObserver &observer) = 0;
    virtual void flush(WriteObserver &observer) = 0;
    // The file by its name again, after somebody renamed it.
    virtual Status reopen() { return {}; }
    // How many lines, or parts of such, the file that is written to holds behind `place`; 0 for other drivers.
    virtual std::uint64_t lines_behind(std::uint64_t /*place*/) const { return 0; }

    // For poll(2): a connection that is being made or that has bytes waiting. -1: none.
    virtual int descriptor() const { return -1; }
    virtual short events() const { return 0; }
    // Something of the above is ready, or the time is over.
    virtual void progress() {}
    virtual int timeout_ms() const { return -1; }
    virtual bool idle() const { return true; } // nothing waits to be sent

    std::uint64_t lost_bytes() const { return lost_; } // of the container's output
    // What ballastd's log should say; empty: nothing new.
    std::string take_trouble() { return std::exchange(trouble_, {}); }

  protected:
    // Counts what could not be written; the first time `why` becomes trouble.
    void lose(std::uint64_t bytes, const std::string &why);
    // Something was written: if anything was lost since the last time, that is said.
    void wrote();

  private:
    std::uint64_t lost_ = 0;
    std::uint64_t lost_since_ = 0; // since something was written
    std::string trouble_;
};

// The drivers, for open().
Result<std::unique_ptr<Writer>> open_file_writer(const WriterSettings &settings);
Result<std::unique_ptr<Writer>> open_journal_writer(const WriterSettings &settings, const std::string &socket);
Result<std::unique_ptr<Writer>> open_syslog_writer(const WriterSettings &settings);

} // namespace ballast::container_log
