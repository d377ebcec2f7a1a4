// SPDX-License-Identifier: Apache-2.0
#include "base/stream/spdy.h"

#include <algorithm>

namespace ballast::stream {
namespace {

constexpr std::size_t kHeader = 8;
constexpr std::size_t kWord = 4;
constexpr std::size_t kLargestData = (1UL << 24) - 1;
constexpr unsigned kVersion = 3;
constexpr unsigned kByte = 8;
constexpr std::uint32_t kStreamMask = 0x7fffffff;

constexpr std::uint8_t kFin = 1;
constexpr std::uint8_t kUnidirectional = 2;

enum Type : unsigned {
    kSynStream = 1,
    kSynReply = 2,
    kRstStream = 3,
    kSettings = 4,
    kPing = 6,
    kGoAway = 7,
    kHeaders = 8,
    kWindowUpdate = 9
};

std::uint32_t number_in(std::string_view bytes) {
    std::uint32_t number = 0;
    for (const char c : bytes) {
        number = number << kByte | static_cast<unsigned char>(c);
    }
    return number;
}

std::string number_of(std::uint32_t number, std::size_t size) {
    std::string bytes(size, '\0');
    for (std::size_t place = size; place-- > 0; number >>= kByte) {
        bytes[place] = static_cast<char>(number & 0xff);
    }
    return bytes;
}

} // namespace

Result<Spdy> Spdy::make(Side side, Events &events, const Limits &limits) {
    FieldsPacker packer = TRY(FieldsPacker::make());
    FieldsUnpacker unpacker = TRY(FieldsUnpacker::make());
    return Spdy(side, events, limits, std::move(packer), std::move(unpacker));
}

Status Spdy::refuse(int error, const std::string &why) {
    failed_ = true;
    output_ += number_of(0x80000000U | kVersion << 16U | kGoAway, kWord) + number_of(2 * kWord, kWord) +
               number_of(last_there_, kWord) + number_of(1, kWord); // a protocol error
    return fail(error, "SPDY: " + why);
}

void Spdy::write_control(unsigned type, std::uint8_t flags, std::string_view payload) {
    output_ += number_of(0x80000000U | kVersion << 16U | type, kWord);
    output_ += static_cast<char>(flags);
    output_ += number_of(static_cast<std::uint32_t>(payload.size()), 3);
    output_ += payload;
}

// A piece of a frame of data, as much as is there; how much that was.
Result<std::size_t> Spdy::take_data(std::string_view bytes) {
    const std::size_t count = std::min(bytes.size(), data_left_);
    data_left_ -= count;
    const auto found = streams_.find(data_of_);
    // What comes behind a reset was under way already.
    if (found != streams_.end() && !found->second.ended_there && count != 0) {
        events_->on_data(data_of_, bytes.substr(0, count));
    }
    if (data_left_ == 0) {
        in_data_ = false;
        if (data_ends_) {
            end_there(data_of_);
        }
    }
    return count;
}

Status Spdy::feed(std::string_view bytes) {
    if (failed_) {
        return {};
    }
    input_ += bytes;
    std::size_t done = 0;
    while (true) {
        const std::string_view left = std::string_view(input_).substr(done);
        if (in_data_) {
            if (left.empty()) {
                break;
            }
            done += TRY(take_data(left));
            continue;
        }
        if (left.size() < kHeader) {
            break;
        }
        const std::uint32_t first = number_in(left.substr(0, kWord));
        const auto flags = static_cast<std::uint8_t>(left[kWord]);
        const std::size_t size = number_in(left.substr(kWord + 1, 3));
        if ((first & ~kStreamMask) == 0) {
            if (!streams_.contains(first) && (first == 0 || (is_ours(first) ? first >= next_ : first > last_there_))) {
                return refuse(EPROTO, "data of a stream that was never opened");
            }
            data_of_ = first;
            data_left_ = size;
            data_ends_ = (flags & kFin) != 0;
            in_data_ = true;
            done += kHeader;
            if (size == 0) {
                (void)TRY(take_data({}));
            }
            continue;
        }
        if ((first >> 16U & 0x7fffU) != kVersion) {
            return refuse(EPROTO, "a frame of another version");
        }
        if (size > limits_.control) {
            return refuse(EFBIG, "a frame of " + std::to_string(size) + " bytes");
        }
        if (left.size() < kHeader + size) {
            break;
        }
        TRY(take_control(first & 0xffffU, flags, left.substr(kHeader, size)));
        done += kHeader + size;
    }
    input_.erase(0, done);
    return {};
}

Status Spdy::take_control(unsigned type, std::uint8_t flags, std::string_view payload) {
    switch (type) {
    case kSynStream:
        return take_stream(flags, payload);
    case kSynReply:
    case kHeaders:
        return take_fields(type, flags, payload);
    case kRstStream:
        if (payload.size() != 2 * kWord) {
            return refuse(EPROTO, "a reset of another length");
        }
        take_reset(payload);
        return {};
    case kPing:
        if (payload.size() != kWord) {
            return refuse(EPROTO, "a ping of another length");
        }
        if (!is_ours(number_in(payload))) {
            write_control(kPing, 0, payload);
        }
        return {};
    case kGoAway:
        events_->on_go_away();
        return {};
    default: // settings, window updates, and what later versions know
        return {};
    }
}

Status Spdy::take_stream(std::uint8_t flags, std::string_view payload) {
    constexpr std::size_t kBefore = 2 * kWord + 2;
    if (payload.size() < kBefore) {
        return refuse(EPROTO, "a stream without fields");
    }
    const Stream stream = number_in(payload.substr(0, kWord)) & kStreamMask;
    // Unpacked in any case: the next block is packed on top of it.
    Result<Fields> fields = unpacker_.unpack(payload.substr(kBefore), limits_.field_bytes);
    if (!fields.has_value()) {
        (void)refuse(fields.error().code, "");
        return std::unexpected(fields.error());
    }
    if (stream == 0 || is_ours(stream) || stream <= last_there_) {
        return refuse(EPROTO, "a stream with a number that is not the next");
    }
    last_there_ = stream;
    if (streams_.size() >= limits_.streams || (flags & kUnidirectional) != 0) {
        write_control(kRstStream, 0, number_of(stream, kWord) + number_of(kRefused, kWord));
        return {};
    }
    const bool ended = (flags & kFin) != 0;
    streams_[stream] = {.ended_here = false, .ended_there = ended};
    events_->on_stream(stream, *fields, ended);
    return {};
}

Status Spdy::take_fields(unsigned type, std::uint8_t flags, std::string_view payload) {
    if (payload.size() < kWord) {
        return refuse(EPROTO, "an answer without a stream");
    }
    const Stream stream = number_in(payload.substr(0, kWord)) & kStreamMask;
    Result<Fields> fields = unpacker_.unpack(payload.substr(kWord), limits_.field_bytes);
    if (!fields.has_value()) {
        (void)refuse(fields.error().code, "");
        return std::unexpected(fields.error());
    }
    if (type == kSynReply && streams_.contains(stream) && is_ours(stream)) {
        events_->on_accepted(stream, *fields);
    }
    if ((flags & kFin) != 0) {
        end_there(stream);
    }
    return {};
}

void Spdy::take_reset(std::string_view payload) {
    const Stream stream = number_in(payload.substr(0, kWord)) & kStreamMask;
    if (streams_.erase(stream) != 0) {
        events_->on_reset(stream, number_in(payload.substr(kWord)));
    }
}

void Spdy::end_there(Stream stream) {
    const auto found = streams_.find(stream);
    if (found == streams_.end() || found->second.ended_there) {
        return;
    }
    found->second.ended_there = true;
    const bool over = found->second.ended_here;
    if (over) {
        streams_.erase(found);
    }
    events_->on_end(stream);
}

Spdy::Stream Spdy::open(const Fields &fields) {
    const Stream stream = next_;
    next_ += 2;
    streams_[stream] = {};
    write_control(kSynStream, 0,
                  number_of(stream, kWord) + number_of(0, kWord) + number_of(0, 2) + packer_.pack(fields));
    return stream;
}

void Spdy::accept(Stream stream, const Fields &fields) {
    if (streams_.contains(stream)) {
        write_control(kSynReply, 0, number_of(stream, kWord) + packer_.pack(fields));
    }
}

void Spdy::write(Stream stream, std::string_view bytes) {
    const auto found = streams_.find(stream);
    if (found == streams_.end() || found->second.ended_here) {
        return;
    }
    while (!bytes.empty()) {
        const std::string_view piece = bytes.substr(0, kLargestData);
        output_ += number_of(stream, kWord);
        output_ += number_of(static_cast<std::uint32_t>(piece.size()), kWord);
        output_ += piece;
        bytes.remove_prefix(piece.size());
    }
}

void Spdy::end(Stream stream) {
    const auto found = streams_.find(stream);
    if (found == streams_.end() || found->second.ended_here) {
        return;
    }
    output_ += number_of(stream, kWord);
    output_ += static_cast<char>(kFin);
    output_ += number_of(0, 3);
    found->second.ended_here = true;
    if (found->second.ended_there) {
        streams_.erase(found);
    }
}

void Spdy::reset(Stream stream, std::uint32_t status) {
    if (streams_.erase(stream) != 0) {
        write_control(kRstStream, 0, number_of(stream, kWord) + number_of(status, kWord));
    }
}

void Spdy::ping() {
    write_control(kPing, 0, number_of(next_ping_, kWord));
    next_ping_ += 2;
}

void Spdy::go_away() { write_control(kGoAway, 0, number_of(last_there_, kWord) + number_of(0, kWord)); }

} // namespace ballast::stream
