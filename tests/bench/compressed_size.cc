// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/compressed_size.h"

#include <charconv>
#include <string>

#include "base/subprocess.h"

namespace ballast::bench {
namespace {

// `script` runs in bash, $1 is the path, and prints a number.
Result<std::uint64_t> count(const char *script, const std::filesystem::path &path, const std::filesystem::path &log) {
    const std::string output =
        TRY(run_checked({.arguments = {"bash", "-o", "pipefail", "-c", script, "size", path.string()}, .log = log}));
    std::uint64_t bytes = 0;
    if (std::from_chars(output.data(), output.data() + output.size(), bytes).ec != std::errc() || bytes == 0) {
        return fail(EPROTO, "compress " + path.string() + ": wc(1) printed no size");
    }
    return bytes;
}

} // namespace

Result<std::uint64_t> compressed_tree(const std::filesystem::path &directory, const std::filesystem::path &log) {
    return count("tar --create --directory=\"$1\" --sort=name --numeric-owner . | zstd --quiet -19 -T0 | wc -c",
                 directory, log);
}

Result<std::uint64_t> compressed_file(const std::filesystem::path &file, const std::filesystem::path &log) {
    return count("zstd --quiet -19 -T0 --stdout -- \"$1\" | wc -c", file, log);
}

} // namespace ballast::bench
