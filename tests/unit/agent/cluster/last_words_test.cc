// SPDX-License-Identifier: Apache-2.0
#include "agent/cluster/last_words.h"

#include "agent/cri_client/labels.h"
#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::agent;
namespace fs = std::filesystem;

namespace {

struct Ended {
    TemporaryDirectory directory = scratch();
    ObservedContainer container;
    fs::path file = directory.path() / "message";

    Ended() {
        container.exit_code = 1;
        container.annotations[labels::kTerminationPolicy] = "FallbackToLogsOnError";
        container.log_path = (directory.path() / "logs/0.log").string();
        must(make_directories(directory.path() / "logs"));
        must(write_file(file, ""));
    }
    void log(const std::string &text) const { must(write_file(container.log_path, text)); }
    std::string words() const { return last_words(container, file, directory.path() / "logs"); }
};

const std::string kTime = "2026-01-02T03:04:05.000000006Z ";

} // namespace

TEST_CASE_METHOD(Ended, "a container's last words are those of its file before its log's", "[agent]") {
    log(kTime + "stdout F from the log\n" + kTime + "stderr P in two " + "\n" + kTime + "stderr F parts\n");
    CHECK(words() == "from the log\nin two parts\n");
    container.exit_code = 0;
    CHECK(words().empty());
    container.exit_code = 1;
    container.annotations[labels::kTerminationPolicy] = "File";
    CHECK(words().empty());
    must(write_file(file, "from the file" + std::string(5000, '.')));
    CHECK(words().starts_with("from the file."));
    CHECK(words().size() == 4096);
}

TEST_CASE_METHOD(Ended, "of a long log the end is told", "[agent]") {
    std::string text;
    for (int line = 0; line < 200'000; line++) {
        text += kTime + "stdout F " + std::to_string(line) + "\n";
    }
    log(text);
    CHECK(words().starts_with("199920\n"));
    CHECK(words().ends_with("\n199999\n"));
    log(kTime + "stdout F " + std::string(5000, 'x') + "\n");
    CHECK(words() == std::string(2047, 'x') + "\n");
}

TEST_CASE_METHOD(Ended, "a log that is a link says nothing", "[agent]") {
    must(write_file(directory.path() / "secret", kTime + "stdout F secret\n"));
    fs::create_symlink(directory.path() / "secret", container.log_path);
    CHECK(words().empty());
    container.log_path = (directory.path() / "secret").string(); // nor is one elsewhere
    CHECK(words().empty());
}
