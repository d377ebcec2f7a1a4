// SPDX-License-Identifier: Apache-2.0
#include "runtime/monitor/detach_keys.h"

#include <utility>

namespace ballast::monitor {
namespace {

// The byte of one key, or -1.
int byte_of(std::string_view key) {
    if (key.size() == 1) {
        return static_cast<unsigned char>(key[0]);
    }
    if (key.size() != 6 || !key.starts_with("ctrl-")) {
        return -1;
    }
    const char letter = key[5];
    if (letter >= 'a' && letter <= 'z') {
        return letter - 'a' + 1;
    }
    constexpr std::string_view others = "@[\\]^_";
    return others.contains(letter) ? letter - '@' : -1;
}

} // namespace

Result<std::string> parse_detach_keys(std::string_view text) {
    std::string keys;
    while (!text.empty()) {
        const std::string_view key = text.substr(0, text.find(','));
        const int byte = byte_of(key);
        if (byte < 0) {
            return fail(EINVAL, "Unknown character: '" + std::string(key.substr(0, 64)) + "'");
        }
        keys += static_cast<char>(byte);
        if (key.size() + 1 == text.size()) { // a comma and nothing behind it
            return fail(EINVAL, "Unknown character: ''");
        }
        text.remove_prefix(std::min(text.size(), key.size() + 1));
    }
    if (keys.size() > kMostDetachKeys) {
        return fail(EINVAL, "detach keys: more than " + std::to_string(kMostDetachKeys));
    }
    return keys;
}

bool DetachFilter::feed(std::string_view typed, std::string &passed) {
    if (keys_.empty()) {
        passed += typed;
        return false;
    }
    for (const char byte : typed) {
        // After a mismatch the longest end of what was typed that is a start of the keys remains held back.
        while (matched_ > 0 && keys_[matched_] != byte) {
            std::size_t keep = matched_ - 1;
            while (keep > 0 && !std::string_view(keys_).substr(0, matched_).ends_with(keys_.substr(0, keep))) {
                --keep;
            }
            passed.append(keys_, 0, matched_ - keep);
            matched_ = keep;
        }
        if (keys_[matched_] != byte) {
            passed += byte;
        } else if (++matched_ == keys_.size()) {
            matched_ = 0;
            return true;
        }
    }
    return false;
}

std::string DetachFilter::take_rest() { return keys_.substr(0, std::exchange(matched_, 0)); }

} // namespace ballast::monitor
