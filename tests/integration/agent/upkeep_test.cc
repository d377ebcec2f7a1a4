// SPDX-License-Identifier: Apache-2.0
// What a node keeps does not grow without end.
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <set>

#include "base/lines.h"
#include "tests/integration/agent/cluster_fixture.h"

using namespace ballast;
using ballast::agent_tests::ClusterFixture;
using ballast::agent_tests::NodeFixture;
namespace cri = ::runtime::v1;
namespace fs = std::filesystem;

namespace {

class LogFixture : public NodeFixture {
  public:
    LogFixture() : NodeFixture("containerLogMaxSize: 4Ki\ncontainerLogMaxFiles: 3\ncontainerLogMonitorInterval: 3s\n") {
        start_agent();
    }

    // The container's logs by their names, which begin with the number of its start; the oldest first.
    std::set<fs::path> logs(const std::string &name) {
        std::set<fs::path> files;
        for (const fs::directory_entry &pod : fs::directory_iterator(path("pod-logs"))) {
            std::error_code none; // it has not started yet
            for (const fs::directory_entry &file : fs::directory_iterator(pod.path() / name, none)) {
                files.insert(file.path());
            }
        }
        return files;
    }
    // The numbers that its program has counted, as far as they are kept.
    std::vector<int> counted(const std::string &name) {
        std::vector<int> numbers;
        std::set<fs::path> files = logs(name);
        const auto newest = std::ranges::find(files, "0.log", [](const fs::path &file) { return file.filename(); });
        REQUIRE(newest != files.end());
        std::string text;
        for (const fs::path &file : files) {
            if (file != *newest) {
                text += file.extension() == ".gz" ? must(run_checked({.arguments = {"zcat", file.string()}}))
                                                  : must(read_file(file));
            }
        }
        for (const std::string &line : lines_of(text + must(read_file(*newest)))) {
            numbers.push_back(std::stoi(line.substr(line.rfind(' '))));
        }
        return numbers;
    }
};

class OldImageFixture : public NodeFixture {
  public:
    OldImageFixture() : NodeFixture("imageMinimumGCAge: 1ms\nimageMaximumGCAge: 1s\n") {}

    bool has_image(const std::string &name) {
        const auto list = kubelet.answer<cri::ListImagesResponse>("ImageService/ListImages", cri::ListImagesRequest());
        return std::ranges::any_of(list.images(), [&](const cri::Image &image) {
            return std::ranges::any_of(image.repo_tags(),
                                       [&](const std::string &tag) { return tag.contains("/" + name + ":"); });
        });
    }
};

class PatientFixture : public NodeFixture {
  public:
    PatientFixture() : NodeFixture("") {
        std::string text = must(read_file(path("config.yaml")));
        const std::string few = "maxContainerRestartPeriod: 1s";
        REQUIRE(text.contains(few));
        must(
            write_file(path("config.yaml"), text.replace(text.find(few), few.size(), "maxContainerRestartPeriod: 5m")));
        start_agent();
    }
};

} // namespace

TEST_CASE_METHOD(LogFixture, "a log that grows is turned, and no line is lost", "[agent]") {
    manifest("much", "  terminationGracePeriodSeconds: 1\n  containers:\n" + container("c", "count"));
    until(
        [&] {
            return runs("c") &&
                   std::ranges::any_of(logs("c"), [](const fs::path &file) { return file.extension() == ".gz"; });
        },
        "what is older is compressed");
    const std::string id = newest("c")->id();
    const fs::path link = path("container-logs") / ("much-node_default_c-" + id + ".log");
    REQUIRE(fs::is_symlink(link));
    REQUIRE(fs::read_symlink(link).filename() == "0.log");
    stop_agent(); // nobody turns what is read
    REQUIRE(logs("c").size() <= 3);
    const std::vector<int> numbers = counted("c");
    REQUIRE(numbers.size() > 1);
    for (std::size_t i = 1; i < numbers.size(); i++) {
        REQUIRE(numbers[i] == numbers[i - 1] + 1);
    }
    REQUIRE(newest("c")->id() == id);

    start_agent();
    no_manifest("much");
    until([&] { return nothing_left(); }, "nothing is left, no link and no old log");
}

TEST_CASE_METHOD(LogFixture, "links lead to the logs of the containers that there are", "[agent]") {
    manifest("again", "  containers:\n" + container("bad", "exit, \"3\""));
    until([&] { return newest("bad") && newest("bad")->metadata().attempt() >= 3; }, "it is started again and again");
    manifest("again", "  terminationGracePeriodSeconds: 1\n  containers:\n" + container("good", "wait"));
    until([&] { return runs("good") && sandboxes().size() == 1; }, "another pod in its place");
    must(write_file(path("container-logs/note"), "somebody's own"));
    fs::create_symlink(path("pod-logs/nowhere"), path("container-logs/gone.log"));
    const std::string link = "again-node_default_good-" + newest("good")->id() + ".log";
    fs::remove(path("container-logs") / link);
    until(
        [&] {
            std::set<std::string> names;
            for (const fs::directory_entry &entry : fs::directory_iterator(path("container-logs"))) {
                names.insert(entry.path().filename());
            }
            return names == std::set<std::string>{link, "note"};
        },
        "what is missing is made, what leads nowhere goes");
}

TEST_CASE_METHOD(OldImageFixture, "images that nobody has used for long go, also when the agent was away", "[agent]") {
    (void)shell("echo x >file && tar -c file | docker import - unused");
    manifest("user", "  containers:\n" + container("c", "wait"));
    start_agent();
    until([&] { return runs("c") && fs::exists(path("kubelet/image-uses")); }, "images have been looked at");
    REQUIRE(has_image("unused"));
    stop_agent();
    const auto seen = fs::last_write_time(path("kubelet/image-uses"));
    until([&] { return fs::file_time_type::clock::now() > seen + std::chrono::seconds(2); }, "time goes by");
    start_agent();
    until([&] { return !has_image("unused"); }, "who is not used is gone");
    REQUIRE(has_image("inside"));
    REQUIRE(runs("c"));
}

TEST_CASE_METHOD(PatientFixture, "a container that fails waits though the agent is another", "[agent]") {
    manifest("bad", "  containers:\n" + container("c", "exit, \"3\""));
    until(
        [&] {
            return newest("c") && newest("c")->metadata().attempt() == 1 &&
                   newest("c")->state() == cri::CONTAINER_EXITED;
        },
        "it has failed once more");
    const auto failed = container_status(newest("c")->id()).finished_at();
    kill_agent();
    start_agent();
    until([&] { return newest("c") && newest("c")->metadata().attempt() == 2; }, "it is started again");
    const std::chrono::nanoseconds waited(container_status(newest("c")->id()).created_at() - failed);
    REQUIRE(waited >= std::chrono::seconds(10));
}

TEST_CASE_METHOD(ClusterFixture, "a pod whose emptyDir holds more than it may is evicted", "[agent][.long]") {
    until_cluster([&] { return get("node/node", "{.status.conditions[?(@.type=='Ready')].status}") == "True"; },
                  "the node is ready");
    const auto pod = [](const std::string &name, const std::string &limit) {
        return "---\napiVersion: v1\nkind: Pod\nmetadata: {name: " + name +
               "}\nspec:\n  initContainers:\n  - {name: first, image: inside, imagePullPolicy: Never, args: [write, "
               "/data/f, " +
               std::string(100'000, 'x') +
               "], volumeMounts: [{name: data, mountPath: /data}]}\n  containers:\n  - {name: c, image: inside, "
               "imagePullPolicy: Never, args: [wait]}\n  volumes: [{name: data, emptyDir: {sizeLimit: " +
               limit + "}}]\n";
    };
    plane.apply(pod("beyond", "64Ki") + pod("within", "1Mi"));
    until_cluster([&] { return get("pod/beyond", "{.status.phase}") == "Failed"; }, "it is evicted");
    REQUIRE(get("pod/beyond", "{.status.reason}") == "Evicted");
    REQUIRE(get("pod/beyond", "{.status.message}") == "Usage of EmptyDir volume \"data\" exceeds the limit \"64Ki\". ");
    until_cluster([&] { return plane.output_of({"describe", "pod/beyond"}).contains("Evicted"); }, "an event tells it");
    until_cluster([&] { return get("pod/within", "{.status.phase}") == "Running"; }, "who keeps to it goes on");
}
