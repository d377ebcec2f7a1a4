// SPDX-License-Identifier: Apache-2.0
#include "agent/config/upkeep_config.h"

#include "agent/config/flags.h"
#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::agent;
using namespace std::chrono_literals;

namespace {

UpkeepConfig parsed(const std::string &text) {
    const KubeletConfig config = must(
        parse_kubelet_config("apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n" + text, "f"));
    CHECK(config.warnings.empty());
    return config.upkeep;
}
std::string refused(const std::string &text) {
    return error_of(parse_kubelet_config(
                        "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n" + text, "f"))
        .message;
}

} // namespace

TEST_CASE("how large logs and images become is kubelet's", "[agent]") {
    const UpkeepConfig usual = parsed("containerLogMaxSize: \"\"\ncontainerLogMonitorInterval: 0s\n");
    CHECK(usual.log_bytes == 10 << 20);
    CHECK(usual.log_files == 5);
    CHECK(usual.log_period == 10s);
    CHECK(usual.image_high == 85);
    CHECK(usual.image_least_age == 2min);
    CHECK(usual.image_most_age == 0s);
    const UpkeepConfig config =
        parsed("containerLogMaxSize: 1Ki\ncontainerLogMaxFiles: 2\ncontainerLogMaxWorkers: 3\n"
               "containerLogMonitorInterval: 3s\nimageGCHighThresholdPercent: 60\nimageGCLowThresholdPercent: 50\n"
               "imageMinimumGCAge: 5m\nimageMaximumGCAge: 24h\n");
    CHECK(config.log_bytes == 1024);
    CHECK(config.log_files == 2);
    CHECK(config.log_workers == 3);
    CHECK(config.log_period == 3s);
    CHECK(config.image_high == 60);
    CHECK(config.image_low == 50);
    CHECK(config.image_least_age == 5min);
    CHECK(config.image_most_age == 24h);
    CHECK(parsed("containerLogMaxSize: \"-1\"\n").log_bytes < 0);
}

TEST_CASE("what logs and images cannot be is refused", "[agent]") {
    CHECK(refused("containerLogMaxSize: much\n") ==
          "f:3:22: \"containerLogMaxSize\": want an amount like 10Mi, not \"much\"");
    CHECK(refused("containerLogMaxFiles: 1\n").contains("must be a number from 2 to"));
    CHECK(refused("containerLogMonitorInterval: 1s\n").contains("containerLogMonitorInterval: want 3s at least"));
    CHECK(refused("imageGCHighThresholdPercent: 80\n").contains("want less than imageGCHighThresholdPercent"));
    CHECK(refused("imageMaximumGCAge: 1m\n").contains("want more than imageMinimumGCAge"));
}

TEST_CASE("kubelet's older flags say the same of logs and images", "[agent]") {
    const auto read = [](const std::vector<std::string> &words) { return read_command_line(words); };
    const Options options = std::get<Options>(
        must(read({"--container-log-max-size=2Mi", "--container-log-max-files=3", "--image-gc-high-threshold=70",
                   "--image-gc-low-threshold=60", "--minimum-image-ttl-duration=1m", "--container-logs-dir=/links"})));
    CHECK(options.config.upkeep.log_bytes == 2 << 20);
    CHECK(options.config.upkeep.log_files == 3);
    CHECK(options.config.upkeep.image_high == 70);
    CHECK(options.config.upkeep.image_low == 60);
    CHECK(options.config.upkeep.image_least_age == 1min);
    CHECK(options.container_logs == "/links");
    CHECK(error_of(read({"--container-log-max-files=1"})).message.contains("want 2 at least"));
    CHECK(error_of(read({"--minimum-image-ttl-duration=soon"})).message.contains("want a time like 2m"));
}
