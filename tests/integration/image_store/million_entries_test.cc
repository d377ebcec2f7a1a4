// SPDX-License-Identifier: Apache-2.0
// An archive of a million names, none of them twice: minutes of the disk's time, so not among the hostile layers.
#include <algorithm>

#include "base/root_dir.h"
#include "runtime/image/unpack.h"
#include "tests/integration/image_store/fixture.h"
#include "tests/integration/image_store/memory.h"

using namespace ballast;
using namespace ballast::image;

namespace {

constexpr int kDirectories = 1000, kEach = 1000;

std::string name_of(int directory) { return "d" + std::to_string(directory); }

// A directory and what is in it. Whoever remembers names needs much for them.
std::string piece(int number) {
    std::vector<TarEntry> entries = {directory(name_of(number))};
    for (int count = 1; count < kEach; count++) {
        const std::string name = name_of(number) + "/" + std::string(100, 'n') + std::to_string(count);
        // Every fifth goes to where others went long before.
        const bool link = count % 5 == 0 && number > 0;
        entries.push_back(link ? hard_link(name, name_of(number / 2) + "/" + std::string(100, 'n') + "1") : file(name));
    }
    return without_end(tar_of(entries));
}

} // namespace

TEST_CASE("a million entries are unpacked in memory that does not grow with them", "[hostile][root]") {
    std::string now;
    std::size_t place = 0;
    int next = 0;
    const ByteSource source = [&](std::span<char> into) -> Result<std::size_t> {
        if (place == now.size() && next < kDirectories) {
            now = piece(next++);
            place = 0;
        }
        const std::size_t size = std::min(into.size(), now.size() - place);
        std::copy_n(now.begin() + static_cast<std::ptrdiff_t>(place), size, into.begin());
        place += size;
        return size;
    };
    const TemporaryDirectory jail = must(TemporaryDirectory::create("/tmp", "million-"));
    const RootDir inside = must(RootDir::open(jail.path()));
    (void)piece(0); // what making them takes is no matter
    const std::uint64_t before = most_memory();
    TarReader reader = must(TarReader::open(source, "layer"));
    CHECK(must(unpack(reader, inside, {.whiteouts = true})).entries == std::uint64_t{kDirectories} * kEach);
    CHECK(most_memory() - before < 16UL << 20);
    const std::filesystem::path last = jail.path() / name_of(kDirectories - 1);
    CHECK(std::distance(std::filesystem::directory_iterator(last), {}) == kEach - 1);
}
