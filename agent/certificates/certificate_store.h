// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "base/result.h"

namespace ballast::agent {

// PEM: the certificate, and those between it and its authority; its key.
struct KeyPair {
    std::string certificate = {}, key = {};
    bool operator==(const KeyPair &) const = default;
};

// Certificates of one use on disk, as kubelet has them: PREFIX-current.pem is a link to PREFIX-TIME.pem, which holds a
// certificate and its key and is its owner's alone; PREFIX.key.tmp is the key of one that is asked for. After a power
// cut there is the old one or the new one, whole.
class CertificateStore {
  public:
    // `prefix`: "kubelet-client". The directory is made when it is needed.
    CertificateStore(std::filesystem::path directory, std::string prefix)
        : directory_(std::move(directory)), prefix_(std::move(prefix)) {}

    std::filesystem::path current_file() const { return directory_ / (prefix_ + "-current.pem"); }
    // Nothing: there is none. EINVAL when certificate and key are none, or not each other's.
    Result<std::optional<KeyPair>> current() const;
    // `now`: nanoseconds since 1970. The one before is removed.
    Status store(const KeyPair &pair, std::int64_t now) const;

    // The key that the next certificate is for: the one that was begun with, or a new one.
    Result<std::string> next_key() const;
    void drop_next_key() const;

  private:
    std::filesystem::path next_key_file() const { return directory_ / (prefix_ + ".key.tmp"); }

    std::filesystem::path directory_;
    std::string prefix_;
};

// Certificate and key in one text, as the files above. EINVAL as current().
Result<KeyPair> parse_key_pair(const std::string &text);

} // namespace ballast::agent
