// SPDX-License-Identifier: Apache-2.0
#include "tests/chaos/power/disk_states.h"

#include <set>

#include "base/file_io.h"
#include "tests/unit/chaos/power/write_log_file.h"
#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::power;

namespace {

// A disk of four sectors, and what was written to it.
class Written4 {
  public:
    explicit Written4(const std::vector<Written> &requests) : directory_(scratch()) {
        must(write_file(directory_.path() / "log", log_of(requests)));
        must(write_file(disk(), std::string(2048, '.')));
        log_.emplace(must(WriteLog::open(directory_.path() / "log")));
    }
    const WriteLog &log() const { return *log_; }
    std::filesystem::path disk() const { return directory_.path() / "disk"; }
    // A character for each sector; '?' for one that was cut.
    std::string picture() const {
        const std::string bytes = must(read_file(disk()));
        std::string picture;
        for (std::size_t at = 0; at < 2048; at += 512) {
            picture += bytes.substr(at, 512) == sector(bytes[at]) ? bytes[at] : '?';
        }
        return picture;
    }

  private:
    TemporaryDirectory directory_;
    std::optional<WriteLog> log_;
};

} // namespace

TEST_CASE("a log is cut at its flushes, and marks name the steps", "[power]") {
    const Written4 written({{.sector = 0, .data = sector('a')},
                            {.sector = kMarkSector, .data = std::string("fetch\0junk", 10) + std::string(502, '\0')},
                            {.flags = kFlushFlag},
                            {.sector = 1, .data = sector('b')},
                            {.sector = 2, .data = sector('c'), .flags = kFlushFlag},
                            {.flags = kMarkFlag, .mark = "stage"}});
    const std::vector<Interval> intervals = must(intervals_of(written.log()));
    REQUIRE(intervals.size() == 3);
    CHECK((intervals[0].first == 0 && intervals[0].last == 2 && intervals[0].step == "fetch"));
    CHECK((intervals[1].first == 2 && intervals[1].last == 4 && intervals[1].step == "fetch"));
    CHECK((intervals[2].first == 4 && intervals[2].last == 6 && intervals[2].step == "stage"));
}

TEST_CASE("what was flushed is there, and of the rest nothing, all, or some", "[power]") {
    const Written4 written({{.sector = 0, .data = sector('a') + sector('b')},
                            {.flags = kFlushFlag},
                            {.sector = 1, .data = sector('c') + sector('d')},
                            {.sector = 2, .data = sector('e')},
                            {.flags = kFlushFlag},
                            {.sector = 3, .data = sector('f'), .flags = kFuaFlag}});
    const std::vector<Interval> intervals = must(intervals_of(written.log()));
    DiskStates states = must(DiskStates::open(written.log(), written.disk()));
    must(states.show_dropped(intervals[1]));
    CHECK(written.picture() == "ab..");
    std::set<std::string> torn;
    for (std::uint64_t seed = 0; seed < 200; seed++) {
        must(states.show_torn(intervals[1], seed));
        torn.insert(written.picture());
    }
    CHECK(torn == std::set<std::string>{"ab..", "abe.", "ac..", "acd.", "ace."});
    must(states.show_dropped(intervals[1])); // what was torn is taken back
    CHECK(written.picture() == "ab..");
    must(states.show_torn(intervals[2], 1));
    CHECK(written.picture() == "acef"); // by itself on the disk
    CHECK(error_of(states.show_dropped(intervals[1])).code == EINVAL);
}
