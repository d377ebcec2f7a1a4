// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/fuzzer.h"

#include <algorithm>
#include <csignal>
#include <fcntl.h>
#include <unistd.h>

#include "tests/unit/check.h"
#include "tests/unit/setting.h"

namespace ballast::fuzz {
namespace {

namespace fs = std::filesystem;

constexpr unsigned kLongestRun = 20;       // seconds: an input that takes longer is a hang
constexpr std::uint64_t kAlarmEvery = 256; // runs
constexpr std::size_t kLargestPool = 200;  // accepted inputs that are mutated further
constexpr std::size_t kLargestInput = 1UL << 20;
constexpr int kFatalSignals[] = {SIGSEGV, SIGABRT, SIGFPE, SIGBUS, SIGILL, SIGALRM};

// For the signal handler, which may only use what is there already.
std::string input_path;
std::string_view current_input;

void save_input(std::string_view input) {
    int fd = ::open(input_path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0) {
        return; // the seed still leads to it
    }
    for (std::string_view rest = input; !rest.empty();) {
        ssize_t written = ::write(fd, rest.data(), rest.size());
        if (written <= 0) {
            break;
        }
        rest.remove_prefix(static_cast<std::size_t>(written));
    }
    ::close(fd);
}

void on_fatal_signal(int number) {
    save_input(current_input);
    constexpr std::string_view kText = "fuzz: crash or hang; the input is in out/fuzz\n";
    (void)!::write(STDERR_FILENO, kText.data(), kText.size()); // nobody to tell when stderr is gone
    ::signal(number, SIG_DFL);
    ::raise(number);
}

// Signal handlers for the time of a run, and what was there before afterwards.
class CrashWatch {
  public:
    CrashWatch() {
        for (std::size_t place = 0; place < std::size(kFatalSignals); place++) {
            before_[place] = ::signal(kFatalSignals[place], on_fatal_signal);
        }
    }
    CrashWatch(const CrashWatch &) = delete;
    CrashWatch &operator=(const CrashWatch &) = delete;
    ~CrashWatch() {
        ::alarm(0);
        for (std::size_t place = 0; place < std::size(kFatalSignals); place++) {
            ::signal(kFatalSignals[place], before_[place]);
        }
    }

  private:
    sighandler_t before_[std::size(kFatalSignals)]{};
};

// Sorted: the order of a directory's entries is the file system's.
std::vector<std::string> read_corpus(const fs::path &directory) {
    std::vector<fs::path> files;
    for (const fs::directory_entry &entry : fs::directory_iterator(directory)) {
        files.push_back(entry.path());
    }
    std::ranges::sort(files);
    std::vector<std::string> corpus;
    for (const fs::path &file : files) {
        corpus.push_back(must(read_file(file)));
    }
    return corpus;
}

// One run; false when a promise was broken.
bool try_input(const Plan &plan, std::string_view input, Report &report, bool must_accept = false) {
    if (report.runs++ % kAlarmEvery == 0) {
        ::alarm(kLongestRun);
    }
    current_input = input;
    Verdict verdict = plan.parse(input);
    current_input = {};
    report.accepted += verdict.accepted ? 1 : 0;
    if (must_accept && !verdict.accepted && verdict.broken_promise.empty()) {
        verdict.broken_promise = "refused a text of the corpus";
    }
    if (!verdict.broken_promise.empty()) {
        save_input(input);
        report.problem = verdict.broken_promise + "; the input is in " + input_path;
        return false;
    }
    return true;
}

} // namespace

Report run(const Plan &plan) {
    fs::path directory = fs::absolute("out/fuzz");
    must(make_directories(directory));
    input_path = (directory / (plan.name + ".input")).string();
    std::vector<std::string> pool = read_corpus(plan.corpus);
    const std::size_t originals = pool.size();
    Random random(setting("BALLAST_FUZZ_SEED", 1));
    std::chrono::seconds duration(setting("BALLAST_FUZZ_SECONDS", static_cast<std::uint64_t>(plan.duration.count())));
    auto end = std::chrono::steady_clock::now() + duration;

    CrashWatch watch;
    Report report;
    for (const std::string &text : pool) {
        if (!try_input(plan, text, report, true)) {
            return report;
        }
    }
    while (std::chrono::steady_clock::now() < end) {
        std::string input = mutate_json(pool[random() % pool.size()], pool, plan.words, random);
        if (random() % 8 == 0) {
            input = mutate_bytes(std::move(input), plan.words, random);
        }
        input.resize(std::min(input.size(), kLargestInput));
        std::uint64_t accepted = report.accepted;
        if (!try_input(plan, input, report)) {
            return report;
        }
        // What was accepted leads deeper than the corpus does; a full pool changes slowly.
        if (report.accepted > accepted && input.size() < kLargestInput / 16) {
            if (pool.size() < kLargestPool) {
                pool.push_back(std::move(input));
            } else if (random() % 16 == 0) {
                pool[originals + random() % (pool.size() - originals)] = std::move(input);
            }
        }
    }
    return report;
}

std::string bad_message(std::string_view message) {
    constexpr std::size_t kLongest = 2000;
    if (message.empty()) {
        return "an empty message";
    }
    if (message.size() > kLongest) {
        return "a message of " + std::to_string(message.size()) + " bytes";
    }
    if (std::ranges::any_of(message, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f; })) {
        return "a control character in a message";
    }
    return "";
}

void check(const Plan &plan, std::uint64_t one_in) {
    const Report report = run(plan);
    CAPTURE(plan.name, report.runs, report.accepted, report.problem);
    REQUIRE(report.problem.empty());
    REQUIRE(report.accepted > report.runs / one_in);
}

} // namespace ballast::fuzz
