// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <filesystem>

#include "runtime/image/decompress.h"
#include "runtime/image/unpack.h"
#include "tests/fuzz/fuzzer.h"
#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::image;

namespace {

namespace fs = std::filesystem;

ByteSource source_of(std::string_view bytes) {
    return [bytes, at = 0UL](std::span<char> into) mutable -> Result<std::size_t> {
        const std::size_t size = std::min(into.size(), bytes.size() - at);
        std::ranges::copy(bytes.substr(at, size), into.begin());
        at += size;
        return size;
    };
}

// Unpacks below `directory`/root; what is beside it must stay as it is.
fuzz::Verdict judge(const fs::path &directory, std::string_view input) {
    must(remove_tree(directory / "root"));
    must(make_directories(directory / "root"));
    const RootDir root = must(RootDir::open(directory / "root"));
    UnpackOptions options{.whiteouts = true};
    options.limits.bytes = 1UL << 24;
    options.limits.entries = 1000;
    Result<TarReader> archive = TarReader::open(decompressed(source_of(input), "f"), "f");
    const Result<Unpacked> unpacked =
        archive.has_value() ? unpack(*archive, root, options) : Result<Unpacked>(std::unexpected(archive.error()));
    const bool alone = std::distance(fs::directory_iterator(directory), {}) == 2;
    if (!alone || must(read_file(directory / "outside")) != "untouched") {
        return {unpacked.has_value(), "something outside of the root changed"};
    }
    if (!unpacked.has_value()) {
        return {false, fuzz::bad_message(unpacked.error().message)};
    }
    return {true, unpacked->entries > 1000 || unpacked->bytes > 1UL << 24 ? "a limit was passed" : ""};
}

} // namespace

TEST_CASE("no archive writes outside of its directory", "[fuzz][root]") {
    const TemporaryDirectory scratch = must(TemporaryDirectory::create("/dev/shm", "ballast-fuzz-"));
    must(write_file(scratch.path() / "outside", "untouched"));
    const fuzz::Plan plan{.name = "layer",
                          .corpus = "tests/fuzz/corpus/layer",
                          .parse = [&](std::string_view input) { return judge(scratch.path(), input); },
                          .duration = std::chrono::seconds(8),
                          .words = {"../", "/outside", "..", ".wh.", ".wh..wh..opq", "0000000", "ustar", "path=", "5",
                                    "2", "1", "3", "L", "x", "SCHILY.xattr.",
                                    "GNU.sparse.size=", "linkpath=../outside"}};
    fuzz::check(plan, 200); // a header's checksum refuses most of what is changed in it
}
