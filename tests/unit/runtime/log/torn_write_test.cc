// SPDX-License-Identifier: Apache-2.0
// A writer that is killed with any part of its write done: RLIMIT_FSIZE kills at a chosen byte.
#include <csignal>
#include <cstring>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/runtime/log/log_fixture.h"

using namespace ballast;
using namespace ballast::container_log;

namespace {

// More than one write holds; short lines, long ones and one without end.
std::string output() {
    std::string text;
    for (int i = 1; i <= 700; i++) {
        text += "line " + std::to_string(i) + "\n";
    }
    return text + std::string(kLongestLine + 700, 'x') + "\n\nend";
}

Status take(Intake &intake, const WriterSettings &settings, std::string_view bytes) {
    const std::unique_ptr<Writer> writer = TRY(Writer::open(settings));
    memcpy(intake.room().data(), bytes.data(), bytes.size());
    intake.took(bytes.size());
    intake.finish(*writer, 5);
    return {};
}

// True: it was killed.
bool killed_at(rlim_t size, const IntakeMemory &memory, const WriterSettings &settings, std::string_view bytes) {
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        const rlimit none{0, 0}, limit{size, size};
        Intake intake(memory.state(), Stream::kStdout);
        const bool ready = setrlimit(RLIMIT_CORE, &none) == 0 && setrlimit(RLIMIT_FSIZE, &limit) == 0 &&
                           signal(SIGXFSZ, SIG_DFL) != SIG_ERR;
        _exit(ready && take(intake, settings, bytes) ? 0 : 1);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    REQUIRE((WIFSIGNALED(status) ? WTERMSIG(status) == SIGXFSZ : WEXITSTATUS(status) == 0));
    return WIFSIGNALED(status);
}

void go_on(const IntakeMemory &memory, const WriterSettings &settings) {
    const std::unique_ptr<Writer> writer = must(Writer::open(settings));
    const IntakeState &state = memory.state();
    must(recover(memory.state(), state.writing != 0 ? writer->lines_behind(state.file_size) : 0));
    Intake intake(memory.state(), Stream::kStdout);
    intake.finish(*writer, 6);
}

std::vector<std::uint32_t> parts(const Source &source) {
    const auto reader = must(Reader::open(source, {}));
    std::vector<std::uint32_t> starts;
    Entry entry;
    while (must(reader->next(entry, std::chrono::milliseconds(0))) == Reader::Next::kEntry) {
        starts.push_back(entry.starts ? 1 : 0);
    }
    return starts;
}

} // namespace

TEST_CASE("whatever part of a write took place, its successor adds the rest and nothing else", "[log]") {
    const std::string all = output();
    for (const char *driver : {"json-file", "local", "cri"}) {
        DYNAMIC_SECTION(driver) {
            std::vector<std::uint32_t> whole;
            bool killed = true;
            int kills = 0;
            for (rlim_t size = 0; killed; size += 977) {
                CAPTURE(size);
                const TemporaryDirectory directory = scratch();
                const WriterSettings settings{.driver = driver, .path = directory.path() / "log"};
                const IntakeMemory memory = must(IntakeMemory::create());
                killed = killed_at(size, memory, settings, all);
                kills += killed ? 1 : 0;
                go_on(memory, settings);
                const Source source{driver, settings.path, ""};
                CHECK(read_log(source) == all);
                const std::vector<std::uint32_t> now = parts(source);
                whole = whole.empty() ? now : whole;
                CHECK(now == whole); // a long line is the same line
            }
            CHECK(kills > 10);
        }
    }
}
