// SPDX-License-Identifier: Apache-2.0
#include "tests/chaos/power/write_log.h"

#include "base/file_io.h"
#include "tests/unit/chaos/power/write_log_file.h"
#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::power;

namespace {

Error refused(const std::string &content) {
    const TemporaryDirectory directory = scratch();
    must(write_file(directory.path() / "log", content));
    return error_of(WriteLog::open(directory.path() / "log"));
}

} // namespace

TEST_CASE("a log of writes tells places, bytes, flushes, discards and marks", "[power]") {
    const TemporaryDirectory directory = scratch();
    must(write_file(directory.path() / "log",
                    log_of({{.sector = 8, .data = sector('a') + sector('b')},
                            {.flags = kFlushFlag},
                            {.sector = 4, .flags = kDiscardFlag, .sectors = 1000},
                            {.flags = kMarkFlag, .mark = "fetch"},
                            {.sector = 1, .data = sector('c'), .flags = kFlushFlag | kFuaFlag}})));
    const WriteLog log = must(WriteLog::open(directory.path() / "log"));
    REQUIRE(log.requests().size() == 5);
    CHECK(log.requests()[0].offset == 4096);
    CHECK(must(log.data(log.requests()[0])) == sector('a') + sector('b'));
    CHECK_FALSE(log.requests()[0].flush);
    CHECK(log.requests()[1].flush);
    CHECK(log.requests()[1].size == 0);
    CHECK(log.requests()[2].discard);
    CHECK(log.requests()[2].size == 512'000);
    CHECK(must(log.data(log.requests()[2])).empty());
    CHECK(log.requests()[3].mark == "fetch");
    CHECK(log.requests()[4].fua);
    CHECK(log.requests()[4].flush);
    CHECK(must(log.data(log.requests()[4])) == sector('c'));
}

TEST_CASE("what is no log of writes, or not a whole one, is refused with its place", "[power]") {
    const std::string whole = log_of({{.sector = 8, .data = sector('a')}, {.sector = 9, .data = sector('b')}});
    CHECK(refused("").code == EBADMSG);
    CHECK(refused(std::string(4096, 'x')).message.contains("no log of writes"));
    std::string other = whole;
    other[8] = 2;
    CHECK(refused(other).message.contains("version 2"));
    other = whole;
    other[24] = 1;
    CHECK(refused(other).message.contains("sectors of 513 bytes"));
    other = whole;
    other[512 + 16] = 64; // a flag that nobody knows
    CHECK(refused(other).message.contains("request 0 at byte 512 makes no sense"));
    other = whole;
    other[512 + 14] = 1; // of 2^48 sectors
    CHECK(refused(other).message.contains("makes no sense"));
    CHECK(refused(whole.substr(0, whole.size() - 1)).message.contains("request 1 at byte 1536 has more data"));
    CHECK(refused(whole.substr(0, 1540)).message.contains("request 1 at byte 1536"));
}
