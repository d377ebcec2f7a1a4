// SPDX-License-Identifier: Apache-2.0
#include "runtime/log/intake.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <optional>
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

struct Piece {
    std::string_view text = {};
    bool ended = false;
};

// What the next line of the log is made of; at the stream's end what is left is one, without end.
std::optional<Piece> next_piece(std::string_view rest, bool is_end) {
    const std::size_t end = rest.substr(0, kLongestLine).find('\n');
    if (end != std::string_view::npos) {
        return Piece{rest.substr(0, end), true};
    }
    if (rest.size() >= kLongestLine) {
        return Piece{rest.substr(0, kLongestLine), false};
    }
    return is_end && !rest.empty() ? std::optional(Piece{rest, false}) : std::nullopt;
}

std::string_view rest_of(const IntakeState::Stream &stream, const IntakePlace &place) {
    const Held held = unpacked(place.held);
    return {stream.halves[held.half].data() + held.first, held.end - held.first};
}

// The place's line has begun, or goes on, with this piece.
void take_up(IntakePlace &place, const Piece &piece, std::int64_t now_ns) {
    if (place.part == 0) {
        place.time_ns = now_ns;
        place.line = piece.ended ? place.line : static_cast<std::uint64_t>(now_ns);
    }
    place.part += !piece.ended || place.part > 0 ? 1 : 0;
}

// The piece is behind it.
void put_behind(IntakePlace &place, const Piece &piece) {
    Held held = unpacked(place.held);
    held.first += piece.text.size() + (piece.ended ? 1 : 0);
    place.held = packed(held);
    place.part = piece.ended ? 0 : place.part;
}

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

Status recover(IntakeState &state, std::uint64_t lines) {
    if (state.writing > state.streams.size() || (state.writing != 0 && !possible(unpacked(state.before.held)))) {
        return fail(EINVAL, "the memory of the log is damaged");
    }
    if (state.writing != 0) {
        IntakeState::Stream &stream = state.streams[state.writing - 1];
        IntakePlace place = state.before;
        for (; lines > 0; lines--) {
            const std::optional<Piece> piece = next_piece(rest_of(stream, place), true);
            if (!piece) {
                break;
            }
            take_up(place, *piece, state.now_ns);
            put_behind(place, *piece);
        }
        stream.place = place;
        in_order();
        state.writing = 0;
    }
    for (IntakeState::Stream &stream : state.streams) {
        Held held = unpacked(stream.place.held);
        if (!possible(held)) {
            return fail(EINVAL, "the memory of the log is damaged");
        }
        if (stream.reading != 0) { // whatever is not zero was read; a zero at its end is lost
            const std::array<char, kIntakeSize> &half = stream.halves[held.half];
            const auto last = std::find_if(half.rbegin(), half.rend() - static_cast<std::ptrdiff_t>(held.end),
                                           [](char byte) { return byte != '\0'; });
            held.end = static_cast<std::size_t>(half.rend() - last);
            stream.place.held = packed(held);
            in_order();
            stream.reading = 0;
        }
    }
    return {};
}

Intake::Intake(IntakeState &state, Stream stream)
    : shared_(state), state_(state.streams[stream == Stream::kStdout ? 0 : 1]), stream_(stream), added_(state_.place) {}

// What is held goes to the start of the other half, with zeros behind it.
void Intake::turn() {
    const Held held = unpacked(state_.place.held);
    std::array<char, kIntakeSize> &other = state_.halves[1 - held.half];
    const std::size_t size = held.end - held.first;
    memcpy(other.data(), state_.halves[held.half].data() + held.first, size);
    memset(other.data() + size, 0, other.size() - size);
    in_order();
    state_.place.held = packed({1 - held.half, 0, size});
    in_order();
}

std::span<char> Intake::room() {
    if (unpacked(state_.place.held).end > 0) {
        turn();
    }
    state_.reading = 1;
    in_order();
    const Held held = unpacked(state_.place.held);
    return std::span(state_.halves[held.half]).subspan(held.end);
}

std::string_view Intake::took(std::size_t bytes) {
    Held held = unpacked(state_.place.held);
    const std::string_view read(state_.halves[held.half].data() + held.end, bytes);
    held.end += bytes;
    in_order();
    state_.place.held = packed(held);
    in_order();
    state_.reading = 0;
    return read;
}

// Gives the writer what is complete, and has it written.
void Intake::give(Writer &writer, std::int64_t now_ns, bool is_end) {
    added_ = state_.place;
    now_ns_ = now_ns;
    while (const std::optional<Piece> piece = next_piece(rest_of(state_, added_), is_end)) {
        IntakePlace next = added_;
        take_up(next, *piece, now_ns);
        writer.add({.stream = stream_,
                    .time_ns = next.time_ns,
                    .text = piece->text,
                    .ended = piece->ended,
                    .part = static_cast<std::uint32_t>(next.part),
                    .line = next.line},
                   *this); // which may write what came before
        put_behind(next, *piece);
        added_ = next;
    }
    writer.flush(*this);
    state_.place = added_; // where there is no file, nobody has moved it on
    in_order();
}

void Intake::split(Writer &writer, std::int64_t now_ns) { give(writer, now_ns, false); }

void Intake::finish(Writer &writer, std::int64_t now_ns) { give(writer, now_ns, true); }

void Intake::before_write(std::uint64_t size) {
    shared_.before = state_.place;
    shared_.now_ns = now_ns_;
    shared_.file_size = size;
    in_order();
    shared_.writing = stream_ == Stream::kStdout ? 1 : 2;
    in_order();
}

void Intake::after_write() {
    in_order();
    state_.place = added_;
    in_order();
    shared_.writing = 0;
    in_order();
}

} // namespace ballast::container_log
