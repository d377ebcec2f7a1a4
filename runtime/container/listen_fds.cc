// SPDX-License-Identifier: Apache-2.0
#include "runtime/container/listen_fds.h"

#include <charconv>
#include <cstdlib>
#include <string_view>

namespace ballast::container {
namespace {

constexpr unsigned kMost = 1024;

std::string_view variable(const char *name) {
    const char *value = getenv(name); // NOLINT(concurrency-mt-unsafe): one thread
    return value != nullptr ? value : "";
}

} // namespace

unsigned pass_listen_fds(oci::Process &process) {
    const std::string_view text = variable("LISTEN_FDS");
    unsigned count = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
    if (text.empty() || error != std::errc{} || end != text.data() + text.size() || count > kMost) {
        return 0;
    }
    process.env.push_back("LISTEN_FDS=" + std::to_string(count));
    process.env.emplace_back("LISTEN_PID=1");
    if (const std::string_view names = variable("LISTEN_FDNAMES"); !names.empty()) {
        process.env.push_back("LISTEN_FDNAMES=" + std::string(names));
    }
    return count;
}

} // namespace ballast::container
