// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/result.h"

// How messages between ballastd and a monitor become bytes: whole numbers little-endian, texts and lists behind a
// 32-bit count, nothing between the fields. A message is a struct whose member `each(archive)` names its fields once,
// for both directions. Reading is strict: every bound is checked, no byte may be left, an enumeration holds a value
// that it has (`last_of()` is its greatest).
namespace ballast::monitor {

inline constexpr std::size_t kLongestText = 64UL << 10;
inline constexpr std::size_t kMostItems = 4096;

class Encoder {
  public:
    template <typename... Field>
    void operator()(const Field &...field) {
        (put(field), ...);
    }
    std::string take() && { return std::move(bytes_); }

  private:
    void number(std::uint64_t value, std::size_t size);
    template <typename Number>
        requires std::is_arithmetic_v<Number> || std::is_enum_v<Number>
    void put(Number value) {
        number(static_cast<std::uint64_t>(value), sizeof value);
    }
    void put(std::string_view text);
    void put(const std::string &text) { put(std::string_view(text)); }
    template <typename Item>
    void put(const std::vector<Item> &items) {
        number(items.size(), sizeof(std::uint32_t));
        for (const Item &item : items) {
            put(item);
        }
    }
    template <typename First, typename Second>
    void put(const std::pair<First, Second> &pair) {
        put(pair.first);
        put(pair.second);
    }
    template <typename Message>
        requires std::is_class_v<Message>
    void put(const Message &message) {
        message.each(*this);
    }

    std::string bytes_;
};

class Decoder {
  public:
    explicit Decoder(std::string_view bytes) : rest_(bytes) {}
    template <typename... Field>
    void operator()(Field &...field) {
        (get(field), ...);
    }
    // EINVAL when a field was wrong or bytes are left.
    Status finish(std::string_view what) const;

  private:
    std::uint64_t number(std::size_t size);
    void refuse() {
        failed_ = true;
        rest_ = {};
    }
    template <typename Number>
        requires std::is_arithmetic_v<Number> || std::is_enum_v<Number>
    void get(Number &value) {
        const std::uint64_t raw = number(sizeof value);
        if constexpr (std::is_same_v<Number, bool>) {
            value = raw == 1;
            if (raw > 1) {
                refuse();
            }
        } else if constexpr (std::is_enum_v<Number>) {
            value = static_cast<Number>(raw);
            if (raw > static_cast<std::uint64_t>(last_of(Number{}))) {
                refuse();
            }
        } else {
            value = static_cast<Number>(raw);
        }
    }
    void get(std::string &text);
    template <typename Item>
    void get(std::vector<Item> &items) {
        const std::uint64_t count = number(sizeof(std::uint32_t));
        if (count > kMostItems || count > rest_.size()) { // an item has at least one byte
            refuse();
            return;
        }
        items.clear();
        for (std::uint64_t i = 0; i < count && !failed_; ++i) {
            get(items.emplace_back());
        }
    }
    template <typename First, typename Second>
    void get(std::pair<First, Second> &pair) {
        get(pair.first);
        get(pair.second);
    }
    template <typename Message>
        requires std::is_class_v<Message>
    void get(Message &message) {
        message.each(*this);
    }

    std::string_view rest_;
    bool failed_ = false;
};

template <typename Message>
std::string encode(const Message &message) {
    Encoder encoder;
    message.each(encoder);
    return std::move(encoder).take();
}

// `what` names the message in the error.
template <typename Message>
Result<Message> decode(std::string_view bytes, std::string_view what) {
    Message message;
    Decoder decoder(bytes);
    message.each(decoder);
    TRY(decoder.finish(what));
    return message;
}

} // namespace ballast::monitor
