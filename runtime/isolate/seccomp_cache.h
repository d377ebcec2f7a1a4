// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <linux/filter.h>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "runtime/oci/spec.h"

// Compiled filters, kept by the content of their profile:
//
//   DIRECTORY/0123456789abcdef    named by a hash of the key; holds a header (what made it, sizes, a hash of the
//                                 filter), the whole key, the filter
//
// The key stands there in full and is compared in full: two profiles with one hash are told apart, and which filter a
// container gets never hangs on a hash. A file is replaced by a rename and not synced; what a crash leaves does not
// match its header and counts as missing.
namespace ballast::isolate {

// All of a profile that the filter depends on: not its flags and its listener. Different profiles never have the same.
std::string seccomp_key(const oci::Seccomp &profile);

class SeccompCache {
  public:
    static constexpr std::size_t kMostEntries = 64; // the newest stay

    // Made 0700 when missing. Without one that is ours and that nobody else can write to, nothing is found or kept.
    static SeccompCache open(const std::filesystem::path &directory);

    // nullopt: not there, damaged, or of another libseccomp.
    std::optional<std::vector<sock_filter>> find(std::string_view key) const;
    // What cannot be written (disk full, read-only) is not kept.
    void store(std::string_view key, const std::vector<sock_filter> &filter) const;

    static std::string file_name(std::string_view key);

  private:
    explicit SeccompCache(Fd directory) : directory_(std::move(directory)) {}
    Fd directory_; // not open: no cache
};

} // namespace ballast::isolate
