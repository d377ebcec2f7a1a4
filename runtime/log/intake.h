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
// has read and not yet written, and the next one goes on with exactly that. What it holds is right after each
// instruction: a change is one store of a word, or part of a write that recover() finishes.
namespace ballast::container_log {

inline constexpr std::size_t kIntakeSize = 2 * kLongestLine;

// How far a stream has been written. The last three: of the line under way, as in Line.
struct IntakePlace {
    std::uint64_t held = 0; // which half, and the bytes held in it: half << 62 | first << 31 | end
    std::uint64_t line = 0;
    std::int64_t time_ns = 0;
    std::uint64_t part = 0;
};

// Shared memory; all zero is a new one.
struct IntakeState {
    struct Stream {
        IntakePlace place;
        std::uint32_t reading; // a read behind `end` may have taken place; everything there was zero before
        std::array<std::array<char, kIntakeSize>, 2> halves;
    };
    std::array<Stream, 2> streams;
    // A write of lines to the log's file that may have taken place, or a part of it: then these are the number of the
    // stream that it belongs to, from 1 on, the stream's place before, the time of lines that start there, and the
    // file's size before.
    std::uint32_t writing;
    IntakePlace before;
    std::int64_t now_ns;
    std::uint64_t file_size;
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

// Finishes what the last owner had begun; before the first Intake is used. `lines`: how many the log's file has behind
// state.file_size, when state.writing says that something was being written: a process that is killed may have written
// any part of it (write(2) ends between two pages). EINVAL when the memory holds what cannot be.
Status recover(IntakeState &state, std::uint64_t lines);

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
    void give(Writer &writer, std::int64_t now_ns, bool is_end);
    void turn();

    IntakeState &shared_;
    IntakeState::Stream &state_;
    Stream stream_;
    IntakePlace added_; // up to which the writer has been given what is held
    std::int64_t now_ns_ = 0;
};

} // namespace ballast::container_log
