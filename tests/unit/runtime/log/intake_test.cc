// SPDX-License-Identifier: Apache-2.0
#include "runtime/log/intake.h"

#include <cstring>
#include <fcntl.h>

#include "tests/unit/runtime/log/log_fixture.h"

using namespace ballast;
using namespace ballast::container_log;

namespace {

void feed(Intake &intake, Writer &writer, std::string_view bytes, std::int64_t now = 1) {
    while (!bytes.empty()) {
        const std::span<char> room = intake.room();
        REQUIRE(room.size() >= kLongestLine);
        const std::size_t size = std::min(room.size(), bytes.size());
        memcpy(room.data(), bytes.data(), size);
        CHECK(intake.took(size) == bytes.substr(0, size));
        intake.split(writer, now);
        bytes.remove_prefix(size);
    }
}

std::string joined(const ListWriter &writer) {
    std::string text;
    for (const ListWriter::Kept &line : writer.lines) {
        text += line.text + (line.ended ? "\n" : "");
    }
    return text;
}

} // namespace

TEST_CASE("lines are cut at their ends, and what has none yet waits", "[log]") {
    const IntakeMemory memory = must(IntakeMemory::create());
    Intake intake(memory.state(), Stream::kStderr);
    ListWriter writer;
    feed(intake, writer, "one\ntw", 1);
    feed(intake, writer, "o\n\nrest", 2);
    using Kept = ListWriter::Kept;
    const std::vector<Kept> expected{
        {Stream::kStderr, 1, "one", true, 0}, {Stream::kStderr, 2, "two", true, 0}, {Stream::kStderr, 2, "", true, 0}};
    CHECK(writer.lines == expected);
    intake.finish(writer, 3);
    CHECK(writer.lines.back() == Kept{Stream::kStderr, 3, "rest", false, 1});
}

TEST_CASE("long lines come in parts of 16 KiB with the first one's time", "[log]") {
    const IntakeMemory memory = must(IntakeMemory::create());
    Intake intake(memory.state(), Stream::kStdout);
    ListWriter writer;
    feed(intake, writer, std::string(kLongestLine, 'a'), 5);
    feed(intake, writer, std::string(kLongestLine + 10, 'b') + "\nnext\n", 6);
    REQUIRE(writer.lines.size() == 4);
    CHECK(writer.lines[0] == ListWriter::Kept{Stream::kStdout, 5, std::string(kLongestLine, 'a'), false, 1});
    CHECK(writer.lines[1] == ListWriter::Kept{Stream::kStdout, 5, std::string(kLongestLine, 'b'), false, 2});
    CHECK(writer.lines[2] == ListWriter::Kept{Stream::kStdout, 5, std::string(10, 'b'), true, 3});
    CHECK(writer.lines[3] == ListWriter::Kept{Stream::kStdout, 6, "next", true, 0});
}

TEST_CASE("any sizes of reads give the same output", "[log]") {
    std::string all;
    for (int i = 0; i < 3000; ++i) {
        all += std::string(static_cast<std::size_t>(i * 37 % 211), static_cast<char>('a' + i % 26)) + "\n";
    }
    all += std::string(50'000, 'z') + "\nend";
    for (const std::size_t size : {1UL, 7UL, 4096UL, 32768UL}) {
        const IntakeMemory memory = must(IntakeMemory::create());
        Intake intake(memory.state(), Stream::kStdout);
        ListWriter writer;
        for (std::size_t place = 0; place < all.size(); place += size) {
            feed(intake, writer, std::string_view(all).substr(place, size));
        }
        intake.finish(writer, 1);
        CHECK(joined(writer) == all);
    }
}

TEST_CASE("a successor goes on with what was read and not written", "[log]") {
    const IntakeMemory first = must(IntakeMemory::create());
    {
        Intake intake(first.state(), Stream::kStdout);
        ListWriter writer;
        feed(intake, writer, "done\nhalf a li");
        CHECK(joined(writer) == "done\n");
    }
    const IntakeMemory memory = must(IntakeMemory::adopt(Fd(dup(first.fd().get()))));
    must(recover(memory.state(), 0));
    Intake intake(memory.state(), Stream::kStdout);
    ListWriter writer;
    feed(intake, writer, "ne\n");
    CHECK(joined(writer) == "half a line\n");
}

TEST_CASE("bytes of a read that nobody has accounted for are found", "[log]") {
    const IntakeMemory memory = must(IntakeMemory::create());
    {
        Intake intake(memory.state(), Stream::kStdout);
        ListWriter writer;
        feed(intake, writer, "start ");
        const std::span<char> room = intake.room();
        memcpy(room.data(), "of a line\n", 10); // the kernel has; we are killed here
    }
    must(recover(memory.state(), 0));
    Intake intake(memory.state(), Stream::kStdout);
    ListWriter writer;
    intake.split(writer, 1);
    CHECK(joined(writer) == "start of a line\n");
}

TEST_CASE("memory that cannot be ours is refused", "[log]") {
    CHECK(error_of(IntakeMemory::adopt(must(open_file("/dev/null", O_RDWR)))).code == EINVAL);
    const IntakeMemory memory = must(IntakeMemory::create());
    memory.state().streams[0].place.held = ~0ULL;
    CHECK(error_of([&]() -> Result<int> {
              TRY(recover(memory.state(), 0));
              return 0;
          }())
              .code == EINVAL);
    memory.state().streams[0].place.held = 0;
    memory.state().writing = 7;
    CHECK_FALSE(recover(memory.state(), 0).has_value());
}
