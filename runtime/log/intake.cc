// SPDX-License-Identifier: Apache-2.0
#include "runtime/log/intake.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace ballast::container_log {
namespace {

struct Held {
    std::size_t half = 0, first = 0, end = 0;
};

constexpr std::uint64_t kMask = (1ULL << 31U) - 1;

std::uint64_t packed(Held held) {
    return std::uint64_t{held.half} << 62U | std::uint64_t{held.first} << 31U | held.end;
}
Held unpacked(std::uint64_t word) { return {word >> 62U, (word >> 31U) & kMask, word & kMask}; }
bool possible(Held held) { return held.half <= 1 && held.first <= held.end && held.end <= kIntakeSize; }

// The compiler keeps the stores in their order; one thread needs nothing of the processor.
void in_order() { std::atomic_signal_fence(std::memory_order_seq_cst); }

} // namespace

Result<IntakeMemory> IntakeMemory::create() {
    Fd memory(memfd_create("ballast-monitor log", MFD_CLOEXEC));
    if (!memory.is_open() || ftruncate(memory.get(), sizeof(IntakeState)) != 0) {
        return fail_errno("make the memory of the log");
    }
    return map(std::move(memory));
}

Result<IntakeMemory> IntakeMemory::adopt(Fd memory) {
    struct stat status{};
    if (fstat(memory.get(), &status) != 0) {
        return fail_errno("stat the memory of the log");
    }
    if (status.st_size != sizeof(IntakeState)) {
        return fail(EINVAL, "the memory of the log is of another version");
    }
    return map(std::move(memory));
}

Result<IntakeMemory> IntakeMemory::map(Fd memory) {
    void *mapped = mmap(nullptr, sizeof(IntakeState), PROT_READ | PROT_WRITE, MAP_SHARED, memory.get(), 0);
    if (mapped == MAP_FAILED) {
        return fail_errno("map the memory of the log");
    }
    return IntakeMemory(std::move(memory), static_cast<IntakeState *>(mapped));
}

IntakeMemory::IntakeMemory(IntakeMemory &&other) noexcept
    : fd_(std::move(other.fd_)), state_(std::exchange(other.state_, nullptr)) {}

IntakeMemory &IntakeMemory::operator=(IntakeMemory &&other) noexcept {
    std::swap(fd_, other.fd_);
    std::swap(state_, other.state_);
    return *this;
}

IntakeMemory::~IntakeMemory() {
    if (state_ != nullptr) {
        (void)munmap(state_, sizeof(IntakeState)); // ours: cannot fail
    }
}

Status recover(IntakeState &state, std::optional<std::uint64_t> file_size) {
    if (state.writing > state.streams.size() || (state.writing != 0 && !possible(unpacked(state.held_after)))) {
        return fail(EINVAL, "the memory of the log is damaged");
    }
    if (state.writing != 0 && file_size && *file_size > state.file_size) {
        state.streams[state.writing - 1].held = state.held_after;
    }
    in_order();
    state.writing = 0;
    for (IntakeState::Stream &stream : state.streams) {
        Held held = unpacked(stream.held);
        if (!possible(held)) {
            return fail(EINVAL, "the memory of the log is damaged");
        }
        if (stream.reading != 0) { // whatever is not zero was read; a zero at its end is lost
            const std::array<char, kIntakeSize> &half = stream.halves[held.half];
            const auto last = std::find_if(half.rbegin(), half.rend() - static_cast<std::ptrdiff_t>(held.end),
                                           [](char byte) { return byte != '\0'; });
            held.end = static_cast<std::size_t>(half.rend() - last);
            stream.held = packed(held);
            in_order();
            stream.reading = 0;
        }
    }
    return {};
}

Intake::Intake(IntakeState &state, Stream stream)
    : shared_(state), state_(state.streams[stream == Stream::kStdout ? 0 : 1]), stream_(stream) {
    added_ = unpacked(state_.held).first;
}

// What is held goes to the start of the other half, with zeros behind it.
void Intake::turn() {
    const Held held = unpacked(state_.held);
    std::array<char, kIntakeSize> &other = state_.halves[1 - held.half];
    const std::size_t size = held.end - held.first;
    memcpy(other.data(), state_.halves[held.half].data() + held.first, size);
    memset(other.data() + size, 0, other.size() - size);
    in_order();
    state_.held = packed({1 - held.half, 0, size});
    added_ = 0;
}

std::span<char> Intake::room() {
    if (unpacked(state_.held).end > 0) {
        turn();
    }
    const Held held = unpacked(state_.held);
    state_.reading = 1;
    in_order();
    return std::span(state_.halves[held.half]).subspan(held.end);
}

std::string_view Intake::took(std::size_t bytes) {
    Held held = unpacked(state_.held);
    const std::string_view read(state_.halves[held.half].data() + held.end, bytes);
    held.end += bytes;
    in_order();
    state_.held = packed(held);
    in_order();
    state_.reading = 0;
    return read;
}

void Intake::add(Writer &writer, std::string_view text, bool ended, std::int64_t now_ns) {
    if (state_.part == 0) {
        state_.time_ns = now_ns;
    }
    if (!ended && state_.part == 0) {
        state_.line = static_cast<std::uint64_t>(now_ns);
    }
    state_.part += !ended || state_.part > 0 ? 1 : 0;
    writer.add({.stream = stream_,
                .time_ns = state_.time_ns,
                .text = text,
                .ended = ended,
                .part = state_.part,
                .line = state_.line},
               *this);
    added_ += text.size() + (ended ? 1 : 0);
    if (ended) {
        state_.part = 0;
    }
}

void Intake::split(Writer &writer, std::int64_t now_ns) {
    const Held held = unpacked(state_.held);
    const std::string_view all(state_.halves[held.half].data(), held.end);
    while (added_ < all.size()) {
        const std::string_view rest = all.substr(added_);
        const std::size_t end = rest.substr(0, kLongestLine).find('\n');
        if (end != std::string_view::npos) {
            add(writer, rest.substr(0, end), true, now_ns);
        } else if (rest.size() >= kLongestLine) {
            add(writer, rest.substr(0, kLongestLine), false, now_ns);
        } else {
            break;
        }
    }
    writer.flush(*this);
    if (const Held before = unpacked(state_.held); before.first != added_) { // no file: nobody has moved it on
        state_.held = packed({before.half, added_, before.end});
    }
}

void Intake::finish(Writer &writer, std::int64_t now_ns) {
    split(writer, now_ns);
    const Held held = unpacked(state_.held);
    if (held.first < held.end) {
        add(writer, std::string_view(state_.halves[held.half].data() + held.first, held.end - held.first), false,
            now_ns);
        writer.flush(*this);
        state_.held = packed({held.half, held.end, held.end});
    }
}

void Intake::before_write(std::uint64_t size) {
    const Held held = unpacked(state_.held);
    shared_.file_size = size;
    shared_.held_after = packed({held.half, added_, held.end});
    in_order();
    shared_.writing = stream_ == Stream::kStdout ? 1 : 2;
    in_order();
}

void Intake::after_write() {
    in_order();
    state_.held = shared_.held_after;
    in_order();
    shared_.writing = 0;
}

} // namespace ballast::container_log
