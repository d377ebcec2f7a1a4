// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "base/fd.h"
#include "base/result.h"
#include "runtime/log/line.h"
#include "runtime/log/writer.h"

// From a program's output to lines, in memory that outlives this process: a monitor that is killed leaves in it what it
// has read and not yet written, and the next one goes on with exactly that. Every change of it is one store of a word,
// so that it is right after each instruction.
namespace ballast::container_log {

inline constexpr std::size_t kIntakeSize = 2 * kLongestLine;

// Shared memory; all zero is a new one.
struct IntakeState {
    struct Stream {
        // Which half, and the bytes held in it: half << 62 | first << 31 | end.
        volatile std::uint64_t held;
        volatile std::uint32_t reading; // a read behind `end` may have taken place; everything there was zero before
        std::uint32_t part;             // as in Line, of the line under way
        std::uint64_t line;
        std::int64_t time_ns;
        std::array<std::array<char, kIntakeSize>, 2> halves;
    };
    std::array<Stream, 2> streams;
    // A write to the log's file that may have taken place: then `file_size` was its size before, and `held` of stream
    // `writing` - 1 becomes `held_after`.
    volatile std::uint32_t writing;
    volatile std::uint64_t held_after;
    volatile std::uint64_t file_size;
};

// The memory, behind a memfd.
class IntakeMemory {
  public:
    static Result<IntakeMemory> create();
    // One that was handed over. EINVAL when its size is another.
    static Result<IntakeMemory> adopt(Fd memory);
    IntakeMemory(IntakeMemory &&other) noexcept;
    IntakeMemory &operator=(IntakeMemory &&other) noexcept;
    IntakeMemory(const IntakeMemory &) = delete;
    IntakeMemory &operator=(const IntakeMemory &) = delete;
    ~IntakeMemory();

    IntakeState &state() const { return *state_; }
    BorrowedFd fd() const { return fd_; }

  private:
    static Result<IntakeMemory> map(Fd memory);
    IntakeMemory(Fd fd, IntakeState *state) : fd_(std::move(fd)), state_(state) {}
    Fd fd_;
    IntakeState *state_ = nullptr;
};

// Finishes what the last owner had begun; before the first Intake is used. `file_size`: of the log's file now.
// EINVAL when the memory holds what cannot be.
Status recover(IntakeState &state, std::optional<std::uint64_t> file_size);

// One of the two streams.
class Intake : private WriteObserver {
  public:
    Intake(IntakeState &state, Stream stream);

    // Where the next read goes; at least kLongestLine bytes. Then took() with what it gave, even when that is nothing.
    std::span<char> room();
    // The bytes read, valid until the next room().
    std::string_view took(std::size_t bytes);
    // Writes all that is complete; `now_ns` is the time of lines that start here.
    void split(Writer &writer, std::int64_t now_ns);
    // The same at the stream's end: what is left is a line without end.
    void finish(Writer &writer, std::int64_t now_ns);

  private:
    void before_write(std::uint64_t size) override;
    void after_write() override;
    void add(Writer &writer, std::string_view text, bool ended, std::int64_t now_ns);
    void turn();

    IntakeState &shared_;
    IntakeState::Stream &state_;
    Stream stream_;
    std::size_t added_ = 0; // end of what the writer has been given, in the half
};

} // namespace ballast::container_log
